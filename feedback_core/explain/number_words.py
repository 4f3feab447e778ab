"""Why a model says a number, in words: what each column adds to it or takes away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Schema
from ..wording import amount, rounded
from .explanation import Effect, Explanation
from .naming import NAMED, listed, named, spoken


def sentence(found: Explanation, schema: Schema, values: Sequence[Any]) -> str:
    """Such as "bmi 32.1 adds 12.4 mg/dl; age 22 takes away 3.1 mg/dl."."""
    parts = _words(found, values[0]) if len(schema.columns) == 1 else ()
    if not named(parts):  # no word of it is known: the text as a whole is what moves the prediction
        parts = ()
    told = named(parts or found.effects)
    if not told:
        return "No column moves this prediction: it is what the model says on average."
    if parts:
        spoken_as = {each.column: f"“{each.column}”" for each in parts}
    else:
        pictures = len(schema.of_kind("image"))
        spoken_as = {c.name: spoken(c, value, pictures) for c, value in zip(schema.columns, values, strict=True)}
    sides = [[each for each in told if (each.amount > 0) == up][:NAMED] for up in (True, False)]
    said = [_side(each, spoken_as, found.measure) for each in sides if each]
    text = "; ".join(said) + "."
    return text[0].upper() + text[1:] if text.startswith("the ") else text


def _side(effects: Sequence[Effect], spoken_as: dict[str, str], measure: str) -> str:
    verb = "adds" if effects[0].amount > 0 else "takes away"
    return listed([f"{spoken_as[each.column]} {verb} {_size(each.amount, measure)}" for each in effects])


def _size(value: float, measure: str) -> str:
    return amount(rounded(abs(value)), measure)


def _words(found: Explanation, text: Any) -> tuple[Effect, ...]:
    """What each word of a project's only text adds, the same ones together; () where they are not known."""
    if not found.details or not found.details[0].words or text is None:
        return ()
    sums: dict[str, float] = {}
    for piece in found.details[0].words:
        word = str(text)[piece.start : piece.end].strip(".,;:!?()[]\"'")
        sums[word] = sums.get(word, 0.0) + piece.amount
    return tuple(Effect(word, size) for word, size in sums.items())
