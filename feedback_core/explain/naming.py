"""Columns as a sentence names them, and which of them are worth naming."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Column
from ..wording import instant
from .explanation import Effect

NAMED = 3
"""Columns, or words of a text, that a sentence names at most on each side."""

LEAST_SHARE = 0.1
"""Share of the largest effect below which one is not worth naming."""


def named(effects: Sequence[Effect]) -> list[Effect]:
    """The effects worth naming, largest first."""
    largest = max((abs(effect.amount) for effect in effects), default=0.0)
    ranked = sorted(effects, key=lambda effect: -abs(effect.amount))
    return [effect for effect in ranked if abs(effect.amount) >= LEAST_SHARE * largest > 0]


def spoken(column: Column, value: Any, pictures: int = 2) -> str:
    """A column with its value as a sentence names it. pictures: columns of pictures; a lone one needs no name."""
    if value is None:
        return f"{column.name} missing"
    if column.kind in ("text", "image"):
        what = "picture" if column.kind == "image" else "text"
        return f"the {what}" if what == "picture" and pictures == 1 else f"the {what} in {column.name}"
    if column.kind == "timestamp":
        return f"{column.name} {instant(value)}"
    return f"{column.name} {value:g}" if isinstance(value, int | float) else f"{column.name} {value}"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
