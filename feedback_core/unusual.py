"""Which values of an input stand out from what the model has learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .types import Kind, Schema
from .wording import instant

TAIL = 0.01
"""Share of the learned rows beyond which a number, or below which a category, is called unusual: on a card of twenty
columns about one mark in three cards by chance alone, few enough that a mark is still looked at."""

ENOUGH = 100
"""Rows below which a share of 1 % is no share at all, and nothing is marked."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in one column: span and middle of numbers or times, or the share of each category; missing ones
    apart."""

    kind: Kind
    low: float
    high: float
    shares: Mapping[str, float]
    missing: float
    middle: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Why a value stands out: a word and a sentence."""

    word: str
    sentence: str


def usual(schema: Schema, rows: Sequence[Sequence[Any]]) -> tuple[Usual | None, ...]:
    """What is usual in each column of some learned rows; None for texts, images and where rows are too few."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema.columns)
    return tuple(
        _usual(column.kind, values) if len(rows) >= ENOUGH and column.kind not in ("text", "image") else None
        for column, values in zip(schema.columns, columns, strict=True)
    )


def mark(known: Usual | None, value: Any) -> Mark | None:
    """The mark of a value, None when it is usual or nothing is known."""
    if known is None:
        return None
    if value is None:
        rare = known.missing < TAIL
        return Mark("rarely missing", f"Missing in {known.missing:.1%} of the learned rows.") if rare else None
    if known.kind == "category":
        share = known.shares.get(str(value), 0.0)
        if share == 0:
            return Mark("new", "None of the learned rows has this value.")
        return Mark("rare", f"{share:.1%} of the learned rows have this value.") if share < TAIL else None
    if known.kind == "timestamp":
        return _mark_moment(known, value)
    if value < known.low:
        return Mark("▼ low", f"Lower than in {1 - TAIL:.0%} of the learned rows, where it starts at {known.low:g}.")
    if value > known.high:
        return Mark("▲ high", f"Higher than in {1 - TAIL:.0%} of the learned rows, where it ends at {known.high:g}.")
    return None


def _mark_moment(known: Usual, value: float) -> Mark | None:
    most = f"{1 - TAIL:.0%} of the learned rows"
    if value < known.low:
        return Mark("▼ early", f"Earlier than in {most}, where it starts on {instant(known.low)}.")
    return (
        Mark("▲ late", f"Later than in {most}, where it ends on {instant(known.high)}.") if value > known.high else None
    )


def _usual(kind: Kind, values: Sequence[Any]) -> Usual | None:
    present = [value for value in values if value is not None]
    if not present:
        return None
    missing = 1 - len(present) / len(values)
    if kind == "category":
        shares = {str(value): n / len(present) for value, n in Counter(present).items()}
        return Usual(kind, 0.0, 0.0, shares, missing)
    low, middle, high = np.quantile(np.asarray(present, dtype=float), (TAIL, 0.5, 1 - TAIL), method="lower")
    return Usual(kind, float(low), float(high), {}, missing, float(middle))
