"""Take in, second step: every row is checked before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFile
from ..pictures import Shelf
from ..types import Column, Problem, Rows, Schema
from .cells import (
    Array,
    commas_of,
    is_empty,
    is_pixel,
    number_column,
    parse_image,
    parse_text,
    parsed_column,
    text_column,
    whole_label,
    with_text_names,
)
from .encoding import encoded
from .moments import moment_column
from .numbers import Reader
from .photos import names_of, picture_column
from .proposal import classes
from .report import Report

if TYPE_CHECKING:
    import pandas as pd


NO_NUMBER = "is not a number: correct the cell, or make the column a category"
UNCLEAR = "may be a decimal comma or a thousands separator: write it without, or make the column a category"


def check(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    label_column: str | None = None,
    labels: Sequence[str] = (),
    id_column: str | None = None,
    limit: int = 1000,
    read: Reader | None = None,
) -> tuple[Rows, list[Problem]]:
    """Validate every row of a table of n rows before anything is stored.

    labels: the allowed ones; empty means whatever the label column holds. read: reads the label column where it holds
    something other than labels. Rows with a blocking problem are left
    out of Rows, rows with equal inputs become one. Raises InvalidFile when a column name is there twice.
    """
    frame = with_text_names(frame)
    report = Report(len(frame), limit)
    if _lacks(frame, schema, report, label_column, id_column):
        return Rows([], [], []), report.problems()
    if not schema.columns:
        raise InvalidFile("The project has no input column: choose at least one to predict from.")
    cells = [_checked_cells(frame, column, schema.pictures, report) for column in schema.columns]
    keys = _checked_keys(frame, id_column, report)
    targets = _checked_labels(frame, label_column, labels, report, read)
    good = ~report.bad
    inputs = encoded([values[good] for values in cells], int(good.sum()))
    rows = Rows(inputs, keys[good].tolist(), targets[good].tolist())
    return _merged(rows, np.flatnonzero(good).tolist(), id_column, label_column, report), report.problems()


def inputs(frame: pd.DataFrame, schema: Schema, limit: int = 1000) -> tuple[list[bytes], list[Problem]]:
    """Every row of a table as canonical input, in its order and with its repeats.

    Rows are left out where a problem blocks them; compare lengths, or refuse all. Raises InvalidFile.
    """
    frame = with_text_names(frame)
    report = Report(len(frame), limit)
    if _lacks(frame, schema, report):
        return [], report.problems()
    cells = [_checked_cells(frame, column, schema.pictures, report) for column in schema.columns]
    good = ~report.bad
    return encoded([values[good] for values in cells], int(good.sum())), report.problems()


def _lacks(frame: pd.DataFrame, schema: Schema, report: Report, *others: str | None) -> bool:
    """Whether a column is missing that is needed; each is noted. others: columns that are no input."""
    wanted = [source for column in schema.columns for source in column.sources or (column.name,)]
    wanted += [name for name in others if name is not None]
    absent = [name for name in wanted if name not in frame.columns]
    for name in absent:
        report.note(name, name, "column is missing from the file: add it or check its spelling", blocking=True)
    return bool(absent)


def _checked_cells(frame: pd.DataFrame, column: Column, pictures: str, report: Report) -> Array:
    """float (n,) for numbers and timestamps, float (n, pixels) for images, text or None (n,) for the rest.

    pictures: folder of the picture files.
    """
    if column.files:
        values, found = picture_column(frame[column.name], Shelf(pictures))
        for what, mask in found.items():
            report.block(mask, column.name, names_of(frame[column.name]), what)
        return values
    if column.kind == "image":
        return _checked_pixels(frame, column, report)
    cells = frame[column.name]
    if column.kind == "number":
        values, bad = number_column(cells)
        commas = commas_of(cells) if bad.any() else None
        report.block(bad, column.name, cells, UNCLEAR if commas == "unclear" else NO_NUMBER)
        report.block(np.isinf(values), column.name, cells, "is infinite: write a number, or leave the cell empty")
    elif column.kind == "timestamp":
        values, found = moment_column(cells)
        bad = np.zeros(len(frame), bool)
        for what, mask in found.items():
            report.block(mask, column.name, cells, what)
            bad |= mask
    else:
        values, bad = text_column(cells)
        report.block(bad, column.name, cells, "is not text: write one value a cell")
    if missing := int((is_empty(values) & ~bad).sum()):
        report.note(column.name, f"{missing:,}", "cells are empty and count as missing")
    return values


def _checked_pixels(frame: pd.DataFrame, column: Column, report: Report) -> Array:
    pixels = np.full((len(frame), prod(column.shape)), np.nan)
    if column.sources:
        for n, source in enumerate(column.sources):
            values, bad = number_column(frame[source])
            report.block(bad | ~is_pixel(values), source, frame[source], "is no pixel: write a number")
            pixels[:, n] = values
        return pixels
    cells, wrong = frame[column.name], np.zeros(len(frame), bool)
    for n, cell in enumerate(cells.tolist()):
        try:
            pixels[n] = parse_image(cell, column)
        except ValueError:
            wrong[n] = True
    report.block(wrong, column.name, cells, f"is not a list of {prod(column.shape):,} numbers")
    return pixels


def _checked_keys(frame: pd.DataFrame, id_column: str | None, report: Report) -> Array:
    if id_column is None:
        return np.full(len(frame), None)
    keys, bad = text_column(frame[id_column])
    report.block(
        bad | is_empty(keys), id_column, frame[id_column], "has no id: give every row one, or choose no id column"
    )
    return keys


def _checked_labels(
    frame: pd.DataFrame, label_column: str | None, labels: Sequence[str], report: Report, read: Reader | None
) -> Array:
    if label_column is None:
        return np.full(len(frame), None)
    targets, bad, what = (read or _label_reader(labels or classes(frame, label_column)))(frame[label_column])
    report.block(bad, label_column, frame[label_column], what)
    if empty := int((is_empty(targets) & ~bad).sum()):
        report.note(label_column, f"{empty:,}", "rows have no label and go to the pool for review")
    return targets


def _label_reader(listed: Sequence[str]) -> Reader:
    allowed = frozenset(listed)

    def parse(value: Any) -> str | None:
        text = parse_text(value)
        if text is None or text in allowed:
            return text
        if (whole := whole_label(text)) not in allowed:
            raise ValueError(value)
        return whole

    what = f"is none of the labels {', '.join(listed[:10])}: correct it, or add it to the project's labels"
    return lambda cells: (*parsed_column(cells, parse, None), what)


def _merged(
    rows: Rows, positions: Sequence[int], id_column: str | None, label_column: str | None, report: Report
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
