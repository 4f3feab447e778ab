"""Take in: a table becomes a proposal, then checked rows; one input becomes canonical bytes and back."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from itertools import groupby
from math import isfinite, isnan, isqrt, prod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from .errors import InvalidFeedback, InvalidFile
from .types import Column, Kind, Problem, Rows, Schema

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""What stands for "no value" in a column of numbers, in any case; in other columns only an empty cell does."""

_CHUNK_CELLS = 100_000
"""Cells encoded or decoded at a time. 1M x 20 decoded at 2.3 us of CPU a row, with a million at a time 3.0 to 5.3."""

_LABEL_NAMES = ("label", "labels", "target", "class", "y", "outcome", "species", "diagnosis")
_ID_NAME = re.compile(
    r"(?i:(.*[_\-. ])?(id|key|uuid|guid|index)|(row|user|item|case|sample|record|doc|document|image|file|customer)id)"
    r"|.*[a-z]I[dD]"
)
_MAX_CLASSES = 50
_MAX_NUMBER_CLASSES = 20
_PIXEL_WORDS = ("pixel", "px", "pix", "image", "img", "")


# -- proposal ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a table seems to hold, for a person to confirm. task: "classification", "regression" or "none"."""

    columns: tuple[Column, ...]
    label_column: str | None
    id_column: str | None
    task: str
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """One file column. distinct and missing are counts; whole, lowest: of a number column; notes: for a person."""

    name: str
    kind: Kind
    n: int
    distinct: int
    missing: int
    shape: tuple[int, ...] = ()
    whole: bool = False
    lowest: float = 0.0
    notes: tuple[str, ...] = ()


def propose(frame: pd.DataFrame) -> Proposal:
    """Guess column kinds, label, id and task. Raises InvalidFile for repeated names and lists of unequal length."""
    frame = _named(frame)
    facts = {name: _facts(frame[name], name) for name in frame.columns}
    id_column = next((fact.name for fact in facts.values() if _is_id(fact)), None)
    label_column = _find_label([fact for fact in facts.values() if fact.name != id_column])
    task, why, notes = _task(frame, facts.get(label_column or ""))
    notes = [*map(str, frame.attrs.get("notes", ())), *notes]
    columns = _columns([fact for fact in facts.values() if fact.name not in (id_column, label_column)], notes)
    if not columns:
        notes.append("No column is left to predict from: upload a file with at least one more column.")
    return Proposal(columns, label_column, id_column, task, why, tuple(notes))


def classes(frame: pd.DataFrame, label_column: str) -> tuple[str, ...]:
    """The distinct labels as text, sorted as people count ("2" before "10"); labels like 3.0 read as "3"."""
    texts, _ = _texts(_named(frame)[label_column])
    found = {text for text in texts.tolist() if text is not None}
    if all(re.fullmatch(r"[+-]?\d+(\.0*)?", text) for text in found):
        found = {_whole(text) for text in found}
    return tuple(sorted(found, key=_natural))


def _natural(text: str) -> tuple[Any, ...]:
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return 0, [float(text)], text
    return 1, [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", text)], text


def _whole(label: str) -> str:
    """ "3.0" as "3": a whole-number label becomes a fraction once its column has an empty cell."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", label)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text as column names. Raises InvalidFile when one stands there twice."""
    names = [str(name) for name in frame.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InvalidFile(f"The column {twice[0]!r} is there more than once: rename or delete one.")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def _facts(cells: pd.Series[Any], name: str) -> _Facts:
    known = cells[cells.notna()]
    if len(known) and isinstance(known.iloc[0], (list, np.ndarray)):
        return _list_facts(known, name, len(cells))
    values, bad = _numbers(cells)
    fact = _string_facts(cells, name, bad) if bad.any() else _number_facts(values, name)
    if fact.distinct >= 2:
        return fact
    what = "constant" if fact.distinct else "empty"
    return replace(fact, notes=(f"{name!r} is {what} and cannot help: consider leaving it out.",))


def _number_facts(values: Array, name: str) -> _Facts:
    finite, missing = values[np.isfinite(values)], int(np.isnan(values).sum())
    whole = len(finite) > 0 and bool((finite == np.floor(finite)).all())
    large = whole and np.abs(finite).max() > 2**53
    note = f"{name!r} has whole numbers beyond 2^53, which get rounded: make it a category if they are ids."
    distinct, lowest = len(np.unique(values)) - (missing > 0), float(finite.min(initial=np.inf))
    return _Facts(name, "number", len(values), distinct, missing, (), whole, lowest, (note,) if large else ())


def _string_facts(cells: pd.Series[Any], name: str, bad: Mask) -> _Facts:
    """Text when the cells are mostly different sentences, else a category, and why if it looks like something else."""
    texts = [text for text in _texts(cells)[0].tolist() if text is not None]
    distinct, note = len(set(texts)), ""
    missing = len(cells) - len(texts)
    if distinct > 0.5 * len(texts) and sum(len(text.split()) for text in texts) >= 4 * len(texts):
        return _Facts(name, "text", len(cells), distinct, missing)
    if bad.sum() <= 0.1 * len(cells):
        odd = _short(cells[bad].iloc[0])
        note = f"{name!r} is a category because {bad.sum():,} of its cells are no numbers, such as {odd}."
    elif all(re.fullmatch(r"[+-]?\d+,\d+", text) for text in texts):
        note = f"{name!r} seems to have decimal commas, such as {texts[0]}: write decimal points."
    elif distinct > max(_MAX_CLASSES, 0.5 * len(texts)):
        note = f"{name!r} has {distinct:,} different values, too many for a category: consider leaving it out."
    return _Facts(name, "category", len(cells), distinct, missing, notes=(note,) if note else ())


def _list_facts(lists: pd.Series[Any], name: str, n: int) -> _Facts:
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
    return _Facts(name, "image", n, len(lists), n - len(lists), shape, notes=tuple(notes))


def _is_id(fact: _Facts) -> bool:
    unique = fact.distinct == fact.n and fact.missing == 0
    plausible = fact.kind in ("category", "text") or (fact.kind == "number" and fact.whole)
    return unique and plausible and _ID_NAME.fullmatch(fact.name) is not None


def _find_label(facts: Sequence[_Facts]) -> str | None:
    """By name, else the last column with few values."""
    by_name = {fact.name.lower(): fact.name for fact in facts if fact.kind in ("category", "number")}
    for name in _LABEL_NAMES:
        if name in by_name:
            return by_name[name]
    few = [fact.name for fact in facts if _has_few_values(fact)]
    return few[-1] if few else None


def _has_few_values(fact: _Facts) -> bool:
    most = _MAX_CLASSES if fact.kind == "category" else _MAX_NUMBER_CLASSES if fact.whole else 0
    return fact.kind in ("category", "number") and 2 <= fact.distinct <= min(most, (fact.n - fact.missing) // 2)


def _task(frame: pd.DataFrame, label: _Facts | None) -> tuple[str, str, list[str]]:
    """Task, why in words, and notes."""
    if label is None:
        return "none", "no column looks like a label: choose one, or give the labels while reviewing", []
    if label.distinct == 0:
        return "none", f"the label column {label.name!r} is empty: every row waits for a reviewer", []
    if label.kind == "number" and not (label.whole and label.distinct <= _MAX_CLASSES):
        return "regression", f"{label.name!r} holds {label.distinct:,} different numbers", []
    names = classes(frame, label.name)
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    why = f"{label.name!r} holds {len(names):,} different values: {listed}"
    alone = f"Every label in {label.name!r} is {names[0]!r}: a model needs at least two classes to learn."
    return "classification", why, [alone] if len(names) == 1 else []


def _columns(facts: Sequence[_Facts], notes: list[str]) -> tuple[Column, ...]:
    """One column per fact, except that a run of pixels becomes one image; what to tell a person goes to notes."""
    columns: list[Column] = []
    for _, group in groupby(enumerate(facts), key=lambda pair: _run_key(pair[1].name, pair[0])):
        run = [fact for _, fact in group]
        if _is_image(run):
            columns.append(_image_of(run, {fact.name for fact in facts}))
            side = columns[-1].shape[0]
            notes.append(f"{run[0].name!r} to {run[-1].name!r} are taken as one image of {side} x {side} pixels.")
        else:
            columns += [Column(fact.name, fact.kind, fact.shape) for fact in run]
            notes += [note for fact in run for note in fact.notes]
    return tuple(columns)


def _run_key(name: str, position: int) -> tuple[Any, ...]:
    """Equal for neighbours with one prefix and consecutive numbers."""
    match = re.fullmatch(r"(.*?)(\d+)", name)
    return (match[1], int(match[2]) - position) if match else (name, position, "no number")


def _prefix(fact: _Facts) -> str:
    return re.sub(r"[_\-. ]*\d+$", "", fact.name)


def _is_image(run: Sequence[_Facts]) -> bool:
    numeric = all(fact.kind == "number" and not fact.missing for fact in run)
    # Other numbered columns are often measurements; those go below zero sooner or later, pixels do not.
    plausible = _prefix(run[0]).lower() in _PIXEL_WORDS or min(fact.lowest for fact in run) >= 0
    return len(run) >= 16 and isqrt(len(run)) ** 2 == len(run) and numeric and plausible


def _image_of(run: Sequence[_Facts], taken: set[str]) -> Column:
    prefix, side = _prefix(run[0]), isqrt(len(run))
    name = prefix if prefix and prefix not in taken else "image"
    return Column(name, "image", (side, side), tuple(fact.name for fact in run))


# -- check ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Finding:
    """Rows (positions from 0, ascending) with one kind of problem in one column, and the first of their values."""

    rows: Array
    column: str | None
    values: Sequence[Any]
    what: str
    blocking: bool


class _Report:
    """Collects what is wrong; `bad` marks the rows to leave out, shape (n,)."""

    def __init__(self, n: int, limit: int) -> None:
        self.bad: Mask = np.zeros(n, bool)
        self._limit = limit
        self._general: list[Problem] = []
        self._findings: list[_Finding] = []

    def note(self, column: str | None, value: str, what: str, *, blocking: bool = False) -> None:
        self._general.append(Problem(None, column, value, what, blocking))

    def block(self, mask: Mask, column: str, cells: pd.Series[Any], what: str) -> None:
        if mask.any():
            self.bad |= mask
            rows = np.flatnonzero(mask)
            self._findings.append(_Finding(rows, column, cells.iloc[rows[: self._limit]].tolist(), what, True))

    def list_rows(self, found: Mapping[int, str], column: str | None, what: str, *, blocking: bool) -> None:
        if found:
            rows = np.array(sorted(found))
            values = [found[row] for row in rows[: self._limit].tolist()]
            self._findings.append(_Finding(rows, column, values, what, blocking))

    def problems(self) -> list[Problem]:
        """At most `limit` problems, whole columns first, then by row; one more says how many are not listed."""
        places = [
            (row, f, i) for f, found in enumerate(self._findings) for i, row in enumerate(found.rows[: self._limit])
        ]
        listed = self._general[: self._limit]
        for row, f, i in sorted(places)[: self._limit - len(listed)]:
            found = self._findings[f]
            listed.append(Problem(int(row) + 1, found.column, _short(found.values[i]), found.what, found.blocking))
        total = len(self._general) + sum(len(found.rows) for found in self._findings)
        if total > len(listed):
            blocking = any(found.blocking for found in self._findings)
            listed.append(Problem(None, None, "", f"{total - len(listed):,} more problems are not listed.", blocking))
        return listed


def check(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    label_column: str | None = None,
    labels: Sequence[str] = (),
    id_column: str | None = None,
    limit: int = 1000,
) -> tuple[Rows, list[Problem]]:
    """Validate every row of a table of n rows before anything is stored.

    labels: the allowed ones; empty means whatever the label column holds. Rows with a blocking problem are left
    out of Rows, rows with equal inputs become one. Raises InvalidFile when a column name is there twice.
    """
    frame = _named(frame)
    report = _Report(len(frame), limit)
    wanted = [source for column in schema.columns for source in column.sources or (column.name,)]
    wanted += [name for name in (label_column, id_column) if name is not None]
    if absent := [name for name in wanted if name not in frame.columns]:
        for name in absent:
            report.note(name, name, "column is missing from the file: add it or check its spelling", blocking=True)
        return Rows([], [], []), report.problems()
    if not schema.columns:
        raise InvalidFile("The project has no input column: choose at least one to predict from.")
    cells = [_checked_cells(frame, column, report) for column in schema.columns]
    keys = _checked_keys(frame, id_column, report)
    targets = _checked_labels(frame, label_column, labels, report)
    good = ~report.bad
    inputs = _encoded([values[good] for values in cells], int(good.sum()))
    rows = Rows(inputs, keys[good].tolist(), targets[good].tolist())
    return _merged(rows, np.flatnonzero(good).tolist(), id_column, label_column, report), report.problems()


def _checked_cells(frame: pd.DataFrame, column: Column, report: _Report) -> Array:
    """float (n,) for numbers, float (n, pixels) for images, text or None (n,) for the rest."""
    if column.kind == "image":
        return _checked_pixels(frame, column, report)
    cells = frame[column.name]
    if column.kind == "number":
        values, bad = _numbers(cells)
        report.block(bad, column.name, cells, "is not a number: correct the cell, or make the column a category")
        report.block(np.isinf(values), column.name, cells, "is infinite: write a number, or leave the cell empty")
    else:
        values, bad = _texts(cells)
        report.block(bad, column.name, cells, "is not text: write one value a cell")
    if missing := int((_empty(values) & ~bad).sum()):
        report.note(column.name, f"{missing:,}", "cells are empty and count as missing")
    return values


def _checked_pixels(frame: pd.DataFrame, column: Column, report: _Report) -> Array:
    pixels = np.full((len(frame), prod(column.shape)), np.nan)
    if column.sources:
        for n, source in enumerate(column.sources):
            values, bad = _numbers(frame[source])
            report.block(bad | ~_is_pixel(values), source, frame[source], "is no pixel: write a number")
            pixels[:, n] = values
        return pixels
    cells, wrong = frame[column.name], np.zeros(len(frame), bool)
    for n, cell in enumerate(cells.tolist()):
        try:
            pixels[n] = _image(cell, column)
        except ValueError:
            wrong[n] = True
    report.block(wrong, column.name, cells, f"is not a list of {prod(column.shape):,} numbers")
    return pixels


def _checked_keys(frame: pd.DataFrame, id_column: str | None, report: _Report) -> Array:
    if id_column is None:
        return np.full(len(frame), None)
    keys, bad = _texts(frame[id_column])
    report.block(
        bad | _empty(keys), id_column, frame[id_column], "has no id: give every row one, or choose no id column"
    )
    return keys


def _checked_labels(frame: pd.DataFrame, label_column: str | None, labels: Sequence[str], report: _Report) -> Array:
    if label_column is None:
        return np.full(len(frame), None)
    listed = labels or classes(frame, label_column)
    allowed = frozenset(listed)

    def parse(value: Any) -> str | None:
        text = _text(value)
        if text is None or text in allowed:
            return text
        if (whole := _whole(text)) not in allowed:
            raise ValueError(value)
        return whole

    targets, bad = _each(frame[label_column], parse, None)
    what = f"is none of the labels {', '.join(listed[:10])}: correct it, or add it to the project's labels"
    report.block(bad, label_column, frame[label_column], what)
    if empty := int((_empty(targets) & ~bad).sum()):
        report.note(label_column, f"{empty:,}", "rows have no label and go to the pool for review")
    return targets


def _merged(
    rows: Rows, positions: Sequence[int], id_column: str | None, label_column: str | None, report: _Report
) -> Rows:
    """Drop ids that stand for two inputs, then make equal inputs one row, unlabelled where their labels differ."""
    if len(set(rows.inputs)) == len(rows.inputs) and (id_column is None or len(set(rows.keys)) == len(rows.keys)):
        return rows
    by_key: dict[str | None, bytes] = {}
    merged: dict[bytes, tuple[int, str | None, list[str]]] = {}
    clashes: dict[int, str] = {}
    for position, body, key, label in zip(positions, rows.inputs, rows.keys, rows.labels, strict=True):
        if key is not None and by_key.setdefault(key, body) != body:
            clashes[position] = key
            continue
        votes = merged.setdefault(body, (position, key, []))[2]
        if label is not None and label not in votes:
            votes.append(label)
    report.bad[list(clashes)] = True
    report.list_rows(clashes, id_column, "is the id of an earlier row with another input", blocking=True)
    torn = {position: " / ".join(votes) for position, _, votes in merged.values() if len(votes) > 1}
    what = "are different labels for the same input: it goes in once, without a label"
    report.list_rows(torn, label_column, what, blocking=False)
    if repeats := len(rows.inputs) - len(clashes) - len(merged):
        report.note(None, f"{repeats:,}", "rows repeat the input of an earlier row and are merged with it")
    labels = [votes[0] if len(votes) == 1 else None for _, _, votes in merged.values()]
    return Rows(list(merged), [key for _, key, _ in merged.values()], labels)


# -- cells ---------------------------------------------------------------------------------------------------------


def _number(value: Any) -> float:
    """A cell as float, NaN for a missing one. Raises ValueError for anything that is no number."""
    if value is None:
        return float("nan")
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in MISSING_WORDS:
            return float("nan")
        if "_" in text or not text.isascii():
            raise ValueError(text)
        return float(text)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, Decimal)):
        raise ValueError(value)
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _text(value: Any) -> str | None:
    """A cell as NFC text without outer blanks, None for an empty one. Raises ValueError for lists and the like."""
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, (Real, Decimal)):
        number = float(value)
        if not isfinite(number):
            raise ValueError(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if not isinstance(value, str):
        if not hasattr(value, "isoformat"):
            raise ValueError(value)
        value = str(value.isoformat())
    if not value.isascii():
        value.encode()  # half a surrogate pair cannot be stored: UnicodeEncodeError is a ValueError
        value = unicodedata.normalize("NFC", value)
    return value.strip() or None


def _image(value: Any, column: Column) -> Array:
    """A list of pixels, flat or in the image's shape, as float (pixels,). Raises ValueError."""
    if isinstance(value, str):
        value = orjson.loads(value)
    pixels = np.asarray(value)
    fits = pixels.size == prod(column.shape) and (pixels.ndim == 1 or pixels.shape == column.shape)
    if not fits or pixels.dtype.kind not in "iuf" or not _is_pixel(pixels).all():
        raise ValueError(value)
    return pixels.astype(float).ravel()


def _is_pixel(values: Array) -> Mask:
    # Models get pixels as float32, where anything larger is infinite; a missing pixel is none.
    return np.abs(values) <= np.finfo(np.float32).max


def _empty(values: Array) -> Mask:
    """Where parsed cells are missing, (n,)."""
    return np.isnan(values) if values.dtype == float else np.array([value is None for value in values], bool)


def _numbers(cells: pd.Series[Any]) -> tuple[Array, Mask]:
    """The cells as float (n,), NaN where missing, and a mask (n,) of those that are no numbers."""
    from pandas.api.types import infer_dtype

    kind = infer_dtype(cells, skipna=True)
    if kind in ("floating", "integer", "mixed-integer-float", "empty"):
        try:
            return cells.to_numpy(dtype=float, na_value=np.nan), np.zeros(len(cells), bool)
        except (OverflowError, ValueError, TypeError):
            return _each(cells, _number, np.nan)
    values = _cast(cells) if kind == "string" else None
    return _each(cells, _number, np.nan) if values is None else (values, np.zeros(len(cells), bool))


def _cast(cells: pd.Series[Any]) -> Array | None:
    """A text column that holds nothing but numbers and empty cells, at 0.04 us a cell; else None."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        texts = compute.ascii_trim_whitespace(pa.array(cells, from_pandas=True))
        values = compute.if_else(compute.equal(texts, ""), None, texts).cast(pa.float64())
    except (pa.ArrowException, UnicodeError):
        return None
    return np.array(values.to_numpy(zero_copy_only=False))


def _texts(cells: pd.Series[Any]) -> tuple[Array, Mask]:
    """The cells as text or None (n,), and a mask (n,) of those that cannot be text."""
    return _each(cells, _text, None)


def _each(cells: pd.Series[Any], parse: Callable[[Any], Any], missing: float | None) -> tuple[Array, Mask]:
    """Parse the distinct cells, one by one, and put the results back in place."""
    # Objects are not made distinct first: 1, True and 1.0 count as equal there.
    if cells.dtype == object:
        codes, distinct = np.where(cells.notna(), np.arange(len(cells)), -1), cells.tolist()
    else:
        codes, index = cells.factorize()
        distinct = index.tolist()
    parsed = np.full(len(distinct) + 1, missing, dtype=float if missing is not None else object)
    bad = np.zeros(len(distinct) + 1, bool)
    for n, value in enumerate(distinct):
        try:
            parsed[n] = parse(value)
        except ValueError:
            bad[n] = True
    return parsed[codes], bad[codes]


# -- inputs --------------------------------------------------------------------------------------------------------


def encode_one(values: Mapping[str, Any] | Sequence[Any], schema: Schema) -> bytes:
    """One input as canonical JSON, equal to what `check` makes of the same values in a file.

    values: by column name (an image also by its file columns), or in schema order; None is a missing value.
    Raises InvalidFeedback.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, (Mapping, Sequence, np.ndarray)):
        raise InvalidFeedback(f"input is {_short(repr(values))}: send an object of columns, or a list in their order.")
    ordered = _by_name(values, schema) if isinstance(values, Mapping) else list(values)
    if len(ordered) != len(schema.columns):
        raise InvalidFeedback(
            f"input has {len(ordered)} values, expected {len(schema.columns)}: give {', '.join(schema.names[:10])}."
        )
    return orjson.dumps([_canonical(value, column) for value, column in zip(ordered, schema.columns, strict=True)])


def _by_name(values: Mapping[str, Any], schema: Schema) -> list[Any]:
    """The values in schema order. Raises InvalidFeedback for names too few or too many."""
    given = dict(values)
    for column in schema.columns:
        if column.name not in values and any(source in values for source in column.sources):
            given[column.name] = [given.pop(source, None) for source in column.sources]
    if absent := [name for name in schema.names if name not in given]:
        raise InvalidFeedback(f"input lacks the column {absent[0]!r}: send null if its value is missing.")
    if unknown := [name for name in given if name not in schema.names]:
        raise InvalidFeedback(
            f"input has an unknown column {unknown[0]!r}: leave it out, or send one of {', '.join(schema.names[:10])}."
        )
    return [given[name] for name in schema.names]


def _canonical(value: Any, column: Column) -> Any:
    needs = {"number": "a finite number or null", "image": f"a list of {prod(column.shape):,} finite numbers"}
    try:
        if column.kind == "image":
            return (_image(value, column) + 0.0).tolist()
        if column.kind != "number":
            return _text(value)
        number = _number(value) + 0.0  # turns -0.0 into 0.0
        if isnan(number) and (value is None or isinstance(value, str)):
            return None
        if not isfinite(number):
            raise ValueError(value)
    except (ValueError, TypeError):
        raise InvalidFeedback(
            f"input: column {column.name!r} holds {_short(repr(value))}: send {needs.get(column.kind, 'text or null')}."
        ) from None
    return number


def _short(value: Any) -> str:
    text = "" if value is None or (isinstance(value, float) and isnan(value)) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _encoded(cells: Sequence[Array], n: int) -> list[bytes]:
    """Canonical JSON of n rows from their checked columns."""
    width = sum(values.shape[1] if values.ndim == 2 else 1 for values in cells)
    step = max(1, _CHUNK_CELLS // max(width, 1))
    encode = _encoded_numbers if all(values.dtype == float and values.ndim == 1 for values in cells) else _encoded_mixed
    chunks = [encode([values[start : start + step] for values in cells]) for start in range(0, n, step)]
    return [body for chunk in chunks for body in chunk]


def _encoded_numbers(cells: Sequence[Array]) -> list[bytes]:
    # One call for the whole matrix, then a split: 1.8 us a row of 20, against 3.8 for a call a row.
    matrix = orjson.dumps(np.column_stack(cells) + 0.0, option=orjson.OPT_SERIALIZE_NUMPY)
    return matrix[1:-1].replace(b"],[", b"]\n[").split(b"\n")


def _encoded_mixed(cells: Sequence[Array]) -> list[bytes]:
    columns = [
        values.tolist()
        if values.dtype == object
        else list(values + 0.0)
        if values.ndim == 2
        else (values + 0.0).tolist()
        for values in cells
    ]
    return [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in zip(*columns, strict=True)]


def decode(inputs: Sequence[bytes | str], schema: Schema) -> pd.DataFrame:
    """The frame models see, one row per input: feature_names(schema) in order.

    number: float64, NaN where missing. category: object, NaN where missing (OneHotEncoder learns it as a category and
    fits object columns 10x faster than str). text: object, "" where missing (TfidfVectorizer refuses NaN and None).
    image: float32, one column per pixel.
    """
    import pandas as pd

    # Neighbours of one kind are one block: a frame of 20 blocks takes twice as long to build as a frame of one.
    blocks = [tuple(group) for _, group in groupby(schema.columns, key=lambda column: column.kind)]
    step = max(1, _CHUNK_CELLS // len(feature_names(schema)))
    mixed = any(column.kind in ("category", "text") for column in schema.columns)
    split = _decoded_mixed if mixed else _decoded_numbers
    chunks = [split(_joined(inputs[start : start + step]), blocks) for start in range(0, len(inputs), step)]
    parts = []
    for n, block in enumerate(blocks):
        names = feature_names(Schema(block))
        dtype = {"number": np.float64, "image": np.float32}.get(block[0].kind, object)
        rows = [np.empty((0, len(names)), dtype), *(chunk[n] for chunk in chunks)]
        parts.append(pd.DataFrame(np.concatenate(rows, dtype=dtype), columns=names, dtype=dtype))
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def _joined(inputs: Sequence[bytes | str]) -> bytes:
    try:
        return b",".join(inputs)  # type: ignore[arg-type]  # text is the exception, below
    except TypeError:
        return ",".join(body if isinstance(body, str) else body.decode() for body in inputs).encode()


def _decoded_numbers(chunk: bytes, blocks: Sequence[Sequence[Column]]) -> list[Array]:
    """Blocks (n, width) of rows that hold numbers only, so their brackets say nothing."""
    flat = orjson.loads(b"[" + chunk.translate(None, b"[]") + b"]")
    values = np.fromiter(flat, float, len(flat))  # null becomes NaN
    ends = np.cumsum([sum(prod(column.shape) for column in block) for block in blocks])
    return np.split(values.reshape(-1, ends[-1]), ends[:-1], axis=1)


def _decoded_mixed(chunk: bytes, blocks: Sequence[Sequence[Column]]) -> list[Array]:
    columns = zip(*orjson.loads(b"[" + chunk + b"]"), strict=True)
    return [np.column_stack([_decoded_column(next(columns), column.kind) for column in block]) for block in blocks]


def _decoded_column(values: Sequence[Any], kind: Kind) -> Array:
    if kind in ("number", "image"):
        return np.array(values, float)
    missing = "" if kind == "text" else np.nan
    return np.array([missing if value is None else value for value in values], object)


def feature_names(schema: Schema) -> list[str]:
    """Names of the columns that `decode` gives."""
    return [
        name
        for column in schema.columns
        for name in ([f"{column.name}_{n:04d}" for n in range(prod(column.shape))] if column.shape else [column.name])
    ]


# -- holdout -------------------------------------------------------------------------------------------------------


def input_hash(input: bytes) -> str:
    """32 hex digits; the same on every machine."""
    return blake2b(input, digest_size=16).hexdigest()


def holdout_side(hashes: Sequence[str], salt: int, share: float) -> Mask:
    """Which inputs are locked away, shape (n,); share: 0-1. Equal hashes fall on the same side, whatever the order.

    Source: the finalizer of splitmix64 (Steele, Lea and Flood, 2014).
    """
    words = np.frombuffer(bytes.fromhex("".join(digest[:16] for digest in hashes)), ">u8").astype(np.uint64)
    mixed = words ^ np.uint64(int(input_hash(str(salt).encode())[:16], 16))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53 < share)
