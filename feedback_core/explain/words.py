"""Explanations in words: which columns push towards a label and which away, or what each adds to a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import wording
from ..types import Schema
from ..unusual import Usual
from . import alarm_words, number_words, picture_words
from .explanation import Explanation, Piece
from .naming import LEAST_SHARE, NAMED, listed, named, spoken

METHODS = {
    "linear": "Exact, from the model's coefficients.",
    "tree": "Exact, from the model's trees (Shapley values).",
    "distance": "Exact, from the distances to the rows most like it.",
}
UNITS = {
    "log-odds": "Amounts are log-odds: 0.7 more doubles the odds of the label.",
    "probability": "Amounts are shares of probability: 0.10 is ten percentage points.",
    "score": "Amounts are of the alarm score: before anybody answers, 0 is the edge of an alarm; answers pull true "
    "alarms towards 1 and normal rows towards −1.",
}


def sentence(found: Explanation, schema: Schema, values: Sequence[Any], usual: Sequence[Usual | None] = ()) -> str:
    """What moved the prediction most, such as "petal width 0.2 pushes towards setosa."

    usual: what is usual in each column, for an alarm.
    """
    if found.unit == "score":
        return alarm_words.sentence(found, schema, values, usual)
    if found.unit == "number":
        return number_words.sentence(found, schema, values)
    told = named(found.effects)
    if not told:
        return f"No column moves this prediction: {found.label} is as likely as for any other row."
    if len(schema.columns) == 1 and (words := _within(found, values[0])):
        return words
    known = {column.name: (column, value) for column, value in zip(schema.columns, values, strict=True)}
    pictures = len(schema.of_kind("image"))
    towards = [spoken(*known[effect.column], pictures) for effect in told if effect.amount > 0]
    away = [spoken(*known[effect.column], pictures) for effect in told if effect.amount < 0]
    return _both(towards, away, found.label)


def method(found: Explanation) -> str:
    """How the amounts were found and what they are measured in."""
    how = METHODS.get(
        found.way,
        f"Estimated: the model was asked about {found.samples:,} mixtures of this item and rows it has learned from "
        "(Shapley values).",
    )
    of_numbers = f"Amounts are in {found.measure}." if found.measure else "Amounts are in the unit of the target."
    return f"{how} {UNITS.get(found.unit, of_numbers)}"


def total(found: Explanation) -> str:
    """From what is usual to what is said of this item."""
    if found.unit == "probability":
        return f"{found.label}: {found.base:.0%} on average, {found.output:.0%} for this item."
    if found.unit == "number":
        base, output = (wording.amount(wording.rounded(each, 4), found.measure) for each in (found.base, found.output))
        return f"{base} on average of the rows it has learned from, {output} for this item."
    if found.unit == "score":
        answers = f"; of it {found.answers:+.2f} from answers about rows like it" if found.answers else ""
        return f"Alarm score: {found.base:+.2f} for a usual row, {found.output:+.2f} for this one{answers}."
    return f"Log-odds of {found.label}: {found.base:+.2f} for an average row, {found.output:+.2f} for this item."


def amount(value: float, unit: str, measure: str = "") -> str:
    """An amount as people read it: +12.3 points, +12.4 mg/dl, or +1.42."""
    if unit == "number":
        return wording.signed(value, measure)
    return f"{100 * value:+.1f} points" if unit == "probability" else f"{value:+.2f}"


def strongest_words(text: str, words: Sequence[Piece], towards: bool) -> list[str]:
    """The words that push most one way, strongest first, each said once."""
    largest = max((abs(piece.amount) for piece in words), default=0.0)
    told = [each for each in words if (each.amount > 0) == towards and abs(each.amount) >= LEAST_SHARE * largest > 0]
    ranked = sorted(told, key=lambda piece: -abs(piece.amount))
    return list(dict.fromkeys(text[each.start : each.end].strip(".,;:!?()[]\"'") for each in ranked))[:NAMED]


def _within(found: Explanation, value: Any) -> str:
    """The sentence of a project that has nothing but a text or a picture; empty where its parts are not known."""
    if not found.details or value is None:
        return ""
    (detail,) = found.details
    if detail.heat:
        return picture_words.sentence(detail.heat, found.label)
    towards, away = (
        [f"“{word}”" for word in strongest_words(str(value), detail.words, side)] for side in (True, False)
    )
    return _both(towards, away, found.label) if towards or away else ""


def _both(towards: Sequence[str], away: Sequence[str], label: str) -> str:
    parts = []
    if towards:
        parts.append(f"{listed(towards[:NAMED])} {_verb(towards[:NAMED])} towards {label}")
    if away:
        parts.append(f"{listed(away[:NAMED])} {_verb(away[:NAMED])} away from {'it' if towards else label}")
    said = "; ".join(parts) + "."
    return said.replace("the ", "The ", 1) if said.startswith("the ") else said


def _verb(names: Sequence[str]) -> str:
    return "pushes" if len(names) == 1 else "push"
