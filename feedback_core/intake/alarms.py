"""A column that says of each row whether it is an anomaly, in the words that files use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import Schema
from .cells import Array, Mask, is_empty, parse_text, parsed_column, text_column, whole_label, with_text_names
from .numbers import Reader
from .proposal import LABEL_NAMES

if TYPE_CHECKING:
    import pandas as pd

NORMAL, ANOMALY = ALARM_LABELS = ("normal", "anomaly")

WORDS = {
    NORMAL: ("normal", "0", "no", "false", "regular", "inlier", "ok", "false alarm"),
    ANOMALY: ("anomaly", "1", "yes", "true", "anomalous", "outlier", "abnormal", "true alarm"),
}
"""What stands for each in a file. -1 is left out: it is the anomaly for some programs, and no answer for others."""

_MEANS = {word: label for label, words in WORDS.items() for word in words}
_WHAT = "says neither normal nor anomaly: write one of them, 0 or 1, or leave the cell empty"


def read_alarms(cells: pd.Series[Any]) -> tuple[Array, Mask, str]:
    """The cells as "normal", "anomaly" or None, (n,), which can be none, and what is wrong with those."""
    return (*parsed_column(cells, _meaning, None), _WHAT)


def alarm_reader() -> Reader:
    """Reads such a column."""
    return read_alarms


def unfit_alarms(frame: pd.DataFrame, column: str) -> str:
    """Why a column cannot say which rows are anomalies, with the way out; empty when it can."""
    _, bad, _ = read_alarms(with_text_names(frame)[column])
    if not bad.any():
        return ""
    first = with_text_names(frame)[column].iloc[int(np.flatnonzero(bad)[0])]
    return (
        f"{column!r} holds {str(first)[:80]!r}, which says neither normal nor anomaly: choose another column, or none, "
        "and people will say which rows are anomalies."
    )


def match_alarms(frame: pd.DataFrame, schema: Schema) -> str | None:
    """The column of more rows that seems to say it: one with a usual name, else the only one."""
    frame = with_text_names(frame)
    features = {source for column in schema.columns for source in column.sources or (column.name,)}
    found = [name for name in frame.columns if name not in features and _says(frame, name)]
    return next((name for name in found if name.lower() in LABEL_NAMES), found[0] if len(found) == 1 else None)


def _says(frame: pd.DataFrame, column: str) -> bool:
    values, bad = text_column(frame[column])
    return not (is_empty(values) | bad).all() and not unfit_alarms(frame, column)


def _meaning(value: Any) -> str | None:
    text = parse_text(value)
    if text is None:
        return None
    if (word := whole_label(text).lower()) not in _MEANS:
        raise ValueError(value)
    return _MEANS[word]
