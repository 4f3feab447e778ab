"""What one file column holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFile
from ..pictures import is_reference, why_refused
from ..types import Kind
from .cells import MISSING_WORDS, Array, Mask, commas_of, number_column, parse_number, shortened, text_column
from .commas import Commas, with_points
from .moments import has_zone, looks_like_moment, moment_column

if TYPE_CHECKING:
    import pandas as pd

MAX_CLASSES = 50
"""Different values up to which a column may be the label, or a category without a remark."""

_MISTAKE_SHARE = 0.1
"""Most cells of a number column, without its missing ones, that may be no numbers: its rows with them are problems."""


_LOOKED_AT = 500
"""Cells that say whether a column holds points in time: each is read in two ways, at some 10 us."""

_MOMENT_NAME = re.compile(r"(?i)(time|date|epoch|timestamp|_at|_on|_ts)$|^(ts|when)$|^(time|date)")
_RECENT = (datetime(1990, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Facts:
    """One file column. distinct and missing are counts; whole, lowest: of a number column; notes: for a person."""

    name: str
    kind: Kind
    n: int
    distinct: int
    missing: int
    shape: tuple[int, ...] = ()
    files: bool = False
    whole: bool = False
    lowest: float = 0.0
    lists: bool = False
    """Whether cells are lists of text, such as the labels of a row that bears several."""
    notes: tuple[str, ...] = ()


def facts_of(cells: pd.Series[Any], name: str) -> Facts:
    """Guess the kind from the cells that are not missing. Raises InvalidFile for lists of unequal length."""
    known = cells[cells.notna()]
    if len(known) and isinstance(known.iloc[0], (list, np.ndarray)):
        return (_name_facts if _holds_names(known) else _list_facts)(known, name, len(cells))
    if len(known) and all(is_reference(cell) or why_refused(cell) for cell in known.head(_LOOKED_AT).tolist()):
        return Facts(name, "image", len(cells), known.nunique(), len(cells) - len(known), files=True)
    if _are_moments(known, name):
        return _moment_facts(cells, name)
    values, bad = number_column(cells)
    n_known = len(cells) - int((np.isnan(values) & ~bad).sum())
    commas = commas_of(cells)
    # A column that may hold numbers never becomes a category in silence: its cells are listed as problems instead.
    is_number = bad.sum() <= _MISTAKE_SHARE * n_known or commas == "unclear"
    fact = _number_facts(cells, name, values, bad) if is_number else _string_facts(cells, name, bad)
    if commas is not None and fact.kind == "number":
        fact = replace(fact, notes=(_comma_note(name, known, commas), *fact.notes))
    if fact.distinct >= 2:
        return fact
    what = "constant" if fact.distinct else "empty"
    return replace(fact, notes=(f"{name!r} is {what} and cannot help: consider leaving it out.",))


def _number_facts(cells: pd.Series[Any], name: str, values: Array, bad: Mask) -> Facts:
    finite, missing = values[np.isfinite(values)], int((np.isnan(values) & ~bad).sum())
    whole = len(finite) > 0 and bool((finite == np.floor(finite)).all())
    odd = cells[bad | np.isinf(values)].tolist()
    notes = [_odd_note(name, odd)] if odd else []
    if whole and np.abs(finite).max() > 2**53:
        notes.append(f"{name!r} has whole numbers beyond 2^53, which get rounded: make it a category if they are ids.")
    # Cells that are no numbers count as values too, so a column of ids stays one when a few have letters.
    distinct = len(np.unique(values[~np.isnan(values)])) + len(set(text_column(cells[bad])[0].tolist()) - {None})
    lowest = float(finite.min(initial=np.inf))
    return Facts(name, "number", len(values), distinct, missing, whole=whole, lowest=lowest, notes=tuple(notes))


def _are_moments(known: pd.Series[Any], name: str) -> bool:
    """Whether nine in ten of the first cells read as points in time; bare numbers only where the name says so too."""
    first = known.head(_LOOKED_AT).tolist()
    texts = [value for value in first if not (isinstance(value, str) and value.strip().lower() in MISSING_WORDS)]
    dated = sum(looks_like_moment(value) for value in texts)
    if dated == 0 and _MOMENT_NAME.search(name):
        dated = sum(_is_recent(value) for value in texts)
    return bool(texts) and dated >= (1 - _MISTAKE_SHARE) * len(texts)


def _is_recent(value: Any) -> bool:
    """Whether a number is a moment between 1990 and 2100, in seconds or in finer units since the epoch."""
    try:
        number = parse_number(value)
    except ValueError:
        return False
    return any(_RECENT[0] <= number / unit < _RECENT[1] for unit in (1, 1e3, 1e6, 1e9))


def _moment_facts(cells: pd.Series[Any], name: str) -> Facts:
    values, found = moment_column(cells)
    missing = int(np.isnan(values).sum()) - sum(int((mask & np.isnan(values)).sum()) for mask in found.values())
    zones = {has_zone(value) for value in cells.head(_LOOKED_AT).tolist()}
    notes = [f"{name!r} has {int(mask.sum()):,} cells such as {shortened(cells[mask].iloc[0])}, of which each {what}."
             for what, mask in found.items()]  # fmt: skip
    if False in zones and True not in zones:
        notes.append(f"{name!r} is a point in time without a time zone and is read as UTC.")
    distinct = len(np.unique(values[~np.isnan(values)])) + sum(bool(mask.any()) for mask in found.values())
    if distinct < 2:
        what = "constant" if distinct else "empty"
        notes.append(f"{name!r} is {what} and cannot help: consider leaving it out.")
    return Facts(name, "timestamp", len(cells), distinct, missing, notes=tuple(notes))


def _comma_note(name: str, known: pd.Series[Any], commas: Commas) -> str:
    example = shortened(known[known.str.contains(",", regex=False)].iloc[0]).strip()
    if commas == "unclear":
        return (
            f"{name!r} has numbers such as {example}, whose comma may be a decimal sign or group thousands: write them "
            "without the comma, or choose category if they are no numbers."
        )
    what = "decimal commas" if commas == "decimal" else "commas between thousands"
    read = with_points(known[known.str.contains(",", regex=False)].iloc[:1], commas).iloc[0]
    return f"{name!r} is written with {what}: {example} is read as {read}. Choose category if these are no numbers."


def _odd_note(name: str, odd: Sequence[Any]) -> str:
    found = f"{name!r} is a number, but {len(odd):,} of its cells"
    if len(odd) == 1:
        return f"{found} is not, {shortened(odd[0])}: that row is listed as a problem; choose category if it is meant."
    return (
        f"{found} are not, such as {shortened(odd[0])}: those rows are listed as problems; "
        "choose category if they are meant."
    )


def _string_facts(cells: pd.Series[Any], name: str, bad: Mask) -> Facts:
    """Text when the cells are mostly different sentences, else a category, and why if it looks like something else."""
    texts = [text for text in text_column(cells)[0].tolist() if text is not None]
    distinct, note = len(set(texts)), ""
    missing = len(cells) - len(texts)
    if distinct > 0.5 * len(texts) and sum(len(text.split()) for text in texts) >= 4 * len(texts):
        return Facts(name, "text", len(cells), distinct, missing)
    if bad.sum() <= 0.1 * len(cells):
        odd = shortened(cells[bad].iloc[0])
        note = f"{name!r} is a category because {bad.sum():,} of its cells are no numbers, such as {odd}."
    elif distinct > max(MAX_CLASSES, 0.5 * len(texts)):
        note = f"{name!r} has {distinct:,} different values, too many for a category: consider leaving it out."
    return Facts(name, "category", len(cells), distinct, missing, notes=(note,) if note else ())


def _holds_names(lists: pd.Series[Any]) -> bool:
    cells = (cell for cell in lists.head(_LOOKED_AT) if isinstance(cell, (list, np.ndarray)))
    return any(isinstance(each, str) for cell in cells for each in cell)


def _name_facts(lists: pd.Series[Any], name: str, n: int) -> Facts:
    return Facts(name, "category", n, len({str(list(cell)) for cell in lists}), n - len(lists), lists=True)


def _list_facts(lists: pd.Series[Any], name: str, n: int) -> Facts:
    """An image of shape (height, width) or (height, width, 3); a list that fits neither is (1, length)."""
    shapes: set[tuple[int, ...]] = {np.shape(cell) for cell in lists}
    if len(shapes) > 1:
        raise InvalidFile(f"{name!r} has lists of different lengths, such as {sorted(shapes)[:2]}: make them equal.")
    shape, notes = shapes.pop(), []
    if len(shape) == 1:
        side, color_side = isqrt(shape[0]), isqrt(shape[0] // 3)
        wide = (color_side, color_side, 3) if 3 * color_side**2 == shape[0] else (1, shape[0])
        if side * side != shape[0]:
            notes.append(f"{name!r} holds {shape[0]:,} numbers a row, taken as an image of shape {wide}: is it one?")
        shape = (side, side) if side * side == shape[0] else wide
    return Facts(name, "image", n, len(lists), n - len(lists), shape, notes=tuple(notes))
