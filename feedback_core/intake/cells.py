"""Cells of a file become numbers, text or pixels: one reading for the proposal, the check and single inputs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from math import isfinite, isnan, prod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from ..errors import InvalidFile
from ..types import Column
from .commas import Commas, commas_in, with_points

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""What stands for "no value" in a column of numbers, in any case; in other columns only an empty cell does."""


def with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text as column names. Raises InvalidFile when one stands there twice."""
    names = [str(name) for name in frame.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InvalidFile(f"The column {twice[0]!r} is there more than once: rename or delete one.")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def parse_number(value: Any) -> float:
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


def parse_text(value: Any) -> str | None:
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


def parse_image(value: Any, column: Column) -> Array:
    """A list of pixels, flat or in the image's shape, as float (pixels,). Raises ValueError."""
    if isinstance(value, str):
        value = orjson.loads(value)
    pixels = np.asarray(value)
    fits = pixels.size == prod(column.shape) and (pixels.ndim == 1 or pixels.shape == column.shape)
    if not fits or pixels.dtype.kind not in "iuf" or not is_pixel(pixels).all():
        raise ValueError(value)
    return pixels.astype(float).ravel()


def is_pixel(values: Array) -> Mask:
    """Where numbers can be pixels, in the shape of values."""
    # Models get pixels as float32, where anything larger is infinite; a missing pixel is none.
    return np.abs(values) <= np.finfo(np.float32).max


def is_empty(values: Array) -> Mask:
    """Where parsed cells are missing, (n,)."""
    return np.isnan(values) if values.dtype == float else np.array([value is None for value in values], bool)


def number_column(cells: pd.Series[Any]) -> tuple[Array, Mask]:
    """The cells as float (n,), NaN where missing, and a mask (n,) of those that are no numbers."""
    from pandas.api.types import infer_dtype

    kind = infer_dtype(cells, skipna=True)
    if kind in ("floating", "integer", "mixed-integer-float", "empty"):
        try:
            return cells.to_numpy(dtype=float, na_value=np.nan), np.zeros(len(cells), bool)
        except (OverflowError, ValueError, TypeError):
            return parsed_column(cells, parse_number, np.nan)
    if kind != "string":
        return parsed_column(cells, parse_number, np.nan)
    values = _cast(cells)
    if values is None and (commas := commas_in(cells)) is not None:
        cells = with_points(cells, commas)
        values = _cast(cells)
    return parsed_column(cells, parse_number, np.nan) if values is None else (values, np.zeros(len(cells), bool))


def commas_of(cells: pd.Series[Any]) -> Commas | None:
    """What commas mean in the numbers of any column, None where there are none."""
    from pandas.api.types import infer_dtype

    return commas_in(cells) if infer_dtype(cells, skipna=True) == "string" else None


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


def text_column(cells: pd.Series[Any]) -> tuple[Array, Mask]:
    """The cells as text or None (n,), and a mask (n,) of those that cannot be text."""
    return parsed_column(cells, parse_text, None)


def parsed_column(cells: pd.Series[Any], parse: Callable[[Any], Any], missing: float | None) -> tuple[Array, Mask]:
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


def whole_label(label: str) -> str:
    """ "3.0" as "3": a whole-number label becomes a fraction once its column has an empty cell."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", label)


def shortened(value: Any) -> str:
    """A cell in at most 80 characters, to be shown in a message."""
    text = "" if value is None or (isinstance(value, float) and isnan(value)) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
