"""Which values make a row stand out, in words, beside what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Schema
from ..unusual import Usual
from ..wording import amount, instant, rounded
from .explanation import Explanation
from .naming import LEAST_SHARE, NAMED, listed, named, spoken


def sentence(found: Explanation, schema: Schema, values: Sequence[Any], usual: Sequence[Usual | None]) -> str:
    """Such as "amount 9120 (usually 20 to 180) makes it stand out; hour 12 is as usual."."""
    known = dict(zip(schema.names, zip(schema.columns, values, strict=True), strict=True))
    ordinary = dict(zip(schema.names, usual, strict=False))
    pictures, told = len(schema.of_kind("image")), named(found.effects)

    def side(strange: bool) -> list[str]:
        names = [each.column for each in told if (each.amount > 0) == strange][:NAMED]
        return [spoken(*known[n], pictures) + _beside(ordinary.get(n), known[n][1]) * strange for n in names]

    strange, common = side(True), side(False)
    parts = []
    if strange:
        parts.append(f"{listed(strange)} {'makes' if len(strange) == 1 else 'make'} it stand out")
    if common:
        parts.append(f"{listed(common)} {'is' if len(common) == 1 else 'are'} as usual")
    said = "; ".join(parts) or "No value makes it stand out"
    said = said[0].upper() + said[1:] if said.startswith("the ") else said
    return f"{said}.{_answers(found)}"


def _answers(found: Explanation) -> str:
    largest = max((abs(each.amount) for each in found.effects), default=0.0)
    if abs(found.answers) < max(LEAST_SHARE * largest, 0.01):
        return ""
    return f" Answers about rows like it speak {'for' if found.answers > 0 else 'against'} an alarm."


def _beside(usual: Usual | None, value: Any) -> str:
    """What is usual in a column, in brackets; empty where nothing is known."""
    if usual is None:
        return ""
    if value is None:
        return f" (missing in {usual.missing:.1%} of the rows)"
    if usual.kind == "category":
        share = usual.shares.get(str(value), 0.0)
        return f" (in {share:.1%} of the rows)" if share else " (in no other row)"
    say = instant if usual.kind == "timestamp" else _short
    # Within the span a value stands out beside others: then the middle says more than the ends.
    within = usual.low <= float(value) <= usual.high
    return f" (typically {say(usual.middle)})" if within else f" (usually {say(usual.low)} to {say(usual.high)})"


def _short(value: float) -> str:
    return amount(rounded(value))
