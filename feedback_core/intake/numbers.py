"""A target that is a number: read from a file's column, from a program or a person, and written back in one way."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFeedback
from ..types import Schema
from .cells import Array, Mask, number_column, parse_number, shortened, with_text_names
from .facts import facts_of
from .proposal import LABEL_NAMES

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[["pd.Series[Any]"], tuple[Array, Mask, str]]
"""The cells of a column of targets as text or None (n,), which of them can be none, and what is wrong with those."""

PREDICTED_DIGITS = 6
"""Significant digits of a predicted number: as many as float32, in which predictions are stored, can tell apart."""

LEAST_NUMBERS = 3
"""Different numbers a column needs to be an amount on a scale."""


def number_text(value: float) -> str:
    """A number as it is stored and shown: 151.0 is "151", and equal numbers are equal texts."""
    return repr(float(value) + 0.0).removesuffix(".0")


def predicted_text(value: float) -> str:
    """A predicted number as it is stored and shown, to PREDICTED_DIGITS digits."""
    return number_text(float(f"{value:.{PREDICTED_DIGITS}g}"))


def number_target(value: Any, low: float | None = None, high: float | None = None) -> str:
    """A number from outside as it is stored. low, high: what is plausible, None for no limit.

    Raises InvalidFeedback for what is no finite number, and for one that is not plausible.
    """
    try:
        number = parse_number(value)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise InvalidFeedback(f"target={shortened(repr(value))} is not a number: send one, such as 12.5.")
    if (low is not None and number < low) or (high is not None and number > high):
        raise InvalidFeedback(
            f"target={number_text(number)} is not plausible here, where numbers {range_text(low, high)} are: correct "
            "it, or widen the range on the Setup page."
        )
    return number_text(number)


def range_text(low: float | None, high: float | None) -> str:
    """A range in words: from 0 to 400, from 0, or up to 400."""
    ends = [f"from {number_text(low)}"] if low is not None else []
    ends += [f"{'to' if ends else 'up to'} {number_text(high)}"] if high is not None else []
    return " ".join(ends)


def number_reader(low: float | None, high: float | None) -> Reader:
    """Reads a column of numbers. low, high: as for `number_target`."""

    def read(cells: pd.Series[Any]) -> tuple[Array, Mask, str]:
        values, bad = number_column(cells)
        what = "is not a number that can be learned: write one, or leave the cell empty"
        wild = np.isinf(values)
        if low is not None or high is not None:
            wild |= (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
            what = f"is not a number {range_text(low, high)}, the plausible range: correct it"
        texts = np.asarray([None if np.isnan(value) else number_text(value) for value in values.tolist()], object)
        return texts, bad | wild, what

    return read


def unfit_number(frame: pd.DataFrame, column: str) -> str:
    """Why a column cannot be a target that is a number, with the way out; empty when it can."""
    fact = facts_of(with_text_names(frame)[column], column)
    if fact.kind != "number":
        return f"{column!r} does not hold numbers: choose another column, or the task of one class a row."
    if fact.distinct and fact.distinct < LEAST_NUMBERS:
        return (
            f"{column!r} holds only {fact.distinct} different numbers, which is no amount on a scale: choose the task "
            "of one class a row, or another column."
        )
    return ""


def match_number(frame: pd.DataFrame, schema: Schema) -> str | None:
    """The column of more rows that seems to be the target: one with a usual name, else the only one of numbers."""
    frame = with_text_names(frame)
    features = {source for column in schema.columns for source in column.sources or (column.name,)}
    found = [name for name in frame.columns if name not in features and not unfit_number(frame, name)]
    return next((name for name in found if name.lower() in LABEL_NAMES), found[0] if len(found) == 1 else None)


def tolerance_of(frame: pd.DataFrame, column: str) -> float:
    """A tolerance to propose: a hundredth of the distance from the 5 % to the 95 % quantile, rounded to one digit."""
    values, _ = number_column(with_text_names(frame)[column])
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0
    low, high = np.quantile(known, [0.05, 0.95])
    return float(f"{(high - low) / 100:.1g}")
