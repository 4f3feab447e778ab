"""A cell that names several labels: text with marks between them, a list, or JSON."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ..multilabel import NONE, SEPARATORS, joined
from ..types import Schema
from .cells import Array, Mask, is_empty, parse_text, parsed_column, whole_label, with_text_names
from .facts import MAX_CLASSES
from .numbers import Reader
from .proposal import LABEL_NAMES, natural

if TYPE_CHECKING:
    import pandas as pd

_MARKS = "[" + "".join(SEPARATORS) + "]"
_WHAT = (
    "names labels that this project has not ({}): write some of them with a semicolon between, or {} for none; add the "
    "label to the project; or leave the cell empty if they are not known"
)


def label_set(value: Any, labels: Sequence[str]) -> str | None:
    """A set of labels as the project writes it, None where it is not known. Raises ValueError.

    An empty list or "(none)" is known to hold none; an empty cell is not known. Commas part labels too, where no label
    of the project holds one.
    """
    named = _named(value, labels)
    if named is None:
        return None
    known = set(labels)
    found = [name if name in known else whole_label(name) for name in named]
    if not known.issuperset(found):
        raise ValueError(value)
    return joined(found, labels)


def label_set_reader(labels: Sequence[str]) -> Reader:
    """Reads a column of such cells."""

    def read(cells: pd.Series[Any]) -> tuple[Array, Mask, str]:
        return (*parsed_column(cells, lambda value: label_set(value, labels), None), what)

    what = _WHAT.format(", ".join(labels[:10]), NONE)
    return read


def labels_held(frame: pd.DataFrame, column: str) -> tuple[str, ...]:
    """The distinct labels of a column, sorted as people count. Commas part them where no other mark is in any cell."""
    cells = with_text_names(frame)[column].dropna().tolist()
    marked = any(isinstance(cell, str) and re.search(_MARKS, cell) for cell in cells)
    found: set[str] = set()
    for cell in (*{cell for cell in cells if isinstance(cell, str)}, *(c for c in cells if not isinstance(c, str))):
        try:
            found.update(_named(cell, [","] if marked else []) or ())
        except ValueError:
            continue  # told of the row when it is checked
    return tuple(sorted(found, key=natural))


def unfit_label_sets(frame: pd.DataFrame, column: str) -> str:
    """Why a column cannot hold the labels of rows that bear several, with the way out; empty when it can."""
    held = labels_held(frame, column)
    rows = int(frame[column].notna().sum())
    if rows and not held:
        return f"{column!r} names no label in any row: choose the column that does."
    if len(held) > max(MAX_CLASSES, rows // 2):
        return (
            f"{column!r} names {len(held):,} different labels in {rows:,} rows, so hardly any has two examples to "
            "learn from. Choose a column whose labels repeat, and write a semicolon between them."
        )
    return ""


def match_label_sets(frame: pd.DataFrame, schema: Schema, labels: Sequence[str]) -> str | None:
    """The column of more rows that seems to hold the labels: of those that hold no others the one with a
    usual name, else the last."""
    frame = with_text_names(frame)
    features = {source for column in schema.columns for source in column.sources or (column.name,)}
    found = [name for name in frame.columns if name not in features and _holds_only(frame, name, labels)]
    return next((name for name in found if name.lower() in LABEL_NAMES), found[-1] if found else None)


def _holds_only(frame: pd.DataFrame, column: str, labels: Sequence[str]) -> bool:
    texts, bad, _ = label_set_reader(labels)(frame[column])
    return not bad.any() and not is_empty(texts).all()


def _named(value: Any, labels: Collection[str]) -> list[str] | None:
    """The names in a cell, None where they are not known. labels: which ones commas may not be taken from."""
    if isinstance(value, str) and value.strip().startswith("["):
        value = _json_list(value)
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [_name(each) for each in _listed(value)]
    text = parse_text(value)
    if text is None or text == NONE:
        return None if text is None else []
    if text in labels:
        return [text]
    marks = _MARKS if any("," in label for label in labels) else f"{_MARKS}|,"
    return [piece.strip() for piece in re.split(marks, text) if piece.strip()]


def _json_list(text: str) -> Any:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:  # a label may begin with a bracket
        return text
    return found if isinstance(found, list) else text


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set, frozenset, np.ndarray)) else [value]


def _name(value: Any) -> str:
    text = parse_text(value)
    if text is None:
        raise ValueError(value)
    return text
