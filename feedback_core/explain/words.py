"""Explanations in words: which columns push towards a label, and which away from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Column, Schema
from ..wording import instant
from .explanation import Explanation, Piece

NAMED = 3
"""Columns, or words of a text, that a sentence names at most on each side."""

LEAST_SHARE = 0.1
"""Share of the largest effect below which one is not worth naming."""


def sentence(found: Explanation, schema: Schema, values: Sequence[Any]) -> str:
    """What moved the prediction most, such as "petal width 0.2 pushes towards setosa."."""
    told = [effect for effect in found.strongest if abs(effect.amount) >= LEAST_SHARE * _largest(found) > 0]
    if not told:
        return f"No column moves this prediction: {found.label} is as likely as for any other row."
    if len(schema.columns) == 1 and (words := _words(found, values[0])):
        return words
    known = {column.name: (column, value) for column, value in zip(schema.columns, values, strict=True)}
    towards = [spoken(*known[effect.column]) for effect in told if effect.amount > 0]
    away = [spoken(*known[effect.column]) for effect in told if effect.amount < 0]
    return _both(towards, away, found.label)


def spoken(column: Column, value: Any) -> str:
    """A column with its value as a sentence names it."""
    if value is None:
        return f"{column.name} missing"
    if column.kind in ("text", "image"):
        return f"the {'picture' if column.kind == 'image' else 'text'} in {column.name}"
    if column.kind == "timestamp":
        return f"{column.name} {instant(value)}"
    return f"{column.name} {value:g}" if isinstance(value, int | float) else f"{column.name} {value}"


def method(found: Explanation) -> str:
    """How the amounts were found and what they are measured in."""
    how = {
        "linear": "Exact, from the model's coefficients.",
        "tree": "Exact, from the model's trees (Shapley values).",
        "sampled": f"Estimated: the model was asked about {found.samples:,} mixtures of this item and rows it has "
        "learned from (Shapley values).",
    }[found.way]
    unit = {
        "log-odds": "Amounts are log-odds: 0.7 more doubles the odds of the label.",
        "probability": "Amounts are shares of probability: 0.10 is ten percentage points.",
    }[found.unit]
    return f"{how} {unit}"


def total(found: Explanation) -> str:
    """From what is usual to what is said of this item."""
    if found.unit == "probability":
        return f"{found.label}: {found.base:.0%} on average, {found.output:.0%} for this item."
    return f"Log-odds of {found.label}: {found.base:+.2f} for an average row, {found.output:+.2f} for this item."


def amount(value: float, unit: str) -> str:
    """An amount as people read it: +12.3 points, or +1.42."""
    return f"{100 * value:+.1f} points" if unit == "probability" else f"{value:+.2f}"


def strongest_words(text: str, words: Sequence[Piece], towards: bool) -> list[str]:
    """The words that push most one way, strongest first, each said once."""
    largest = max((abs(piece.amount) for piece in words), default=0.0)
    told = [each for each in words if (each.amount > 0) == towards and abs(each.amount) >= LEAST_SHARE * largest > 0]
    ranked = sorted(told, key=lambda piece: -abs(piece.amount))
    return list(dict.fromkeys(text[each.start : each.end].strip(".,;:!?()[]\"'") for each in ranked))[:NAMED]


def _words(found: Explanation, text: Any) -> str:
    """The sentence of a project that has nothing but a text; empty for an image, whose patches have no names."""
    if not found.details or not found.details[0].words or text is None:
        return ""
    pieces = found.details[0].words
    towards, away = ([f"“{word}”" for word in strongest_words(str(text), pieces, side)] for side in (True, False))
    return _both(towards, away, found.label) if towards or away else ""


def _both(towards: Sequence[str], away: Sequence[str], label: str) -> str:
    parts = []
    if towards:
        parts.append(f"{_listed(towards[:NAMED])} {_verb(towards[:NAMED])} towards {label}")
    if away:
        parts.append(f"{_listed(away[:NAMED])} {_verb(away[:NAMED])} away from {'it' if towards else label}")
    said = "; ".join(parts) + "."
    return said.replace("the ", "The ", 1) if said.startswith("the ") else said


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(names: Sequence[str]) -> str:
    return "pushes" if len(names) == 1 else "push"


def _largest(found: Explanation) -> float:
    return max((abs(effect.amount) for effect in found.effects), default=0.0)
