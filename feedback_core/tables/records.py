"""JSON Lines, or a JSON list of objects: one row per object."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ..errors import InvalidFile
from . import limits

if TYPE_CHECKING:
    import pandas as pd


def read_json(data: bytes, filename: str) -> pd.DataFrame:
    """Cells keep their type. Raises InvalidFile naming the line."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if filename.lower().removesuffix(".gz").endswith(".json") and data.lstrip().startswith(b"["):
        numbered = list(enumerate(_json(data, filename), start=1))
        return _from_objects(numbered, "object", filename)
    lines = ((number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip())
    return _from_objects([(number, _json(line, filename, number)) for number, line in lines], "line", filename)


def _json(data: bytes, filename: str, line: int | None = None) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        where = filename if line is None else f"{filename}, line {line:,}"
        if re.search(rb"\b(NaN|Infinity)\b", data):
            raise InvalidFile(f"{where}: NaN and Infinity are not JSON: write null for a missing value.") from None
        raise InvalidFile(f"{where} is not valid JSON ({error}): write one object a line.") from None


def _from_objects(numbered: Sequence[tuple[int, Any]], unit: str, filename: str) -> pd.DataFrame:
    """One row per object; a field that an object lacks is missing. Raises InvalidFile naming line and field."""
    import pandas as pd

    fields: dict[str, None] = {}
    for number, row in numbered:
        if not isinstance(row, dict):
            raise InvalidFile(f"{filename}, {unit} {number:,} is not an object: write it as {{'column': value}}.")
        fields.update(dict.fromkeys(row))
        if len(fields) > limits.MAX_COLUMNS:
            break
    names = limits.checked_names(list(fields), filename)
    columns = {}
    for name, field in zip(names, fields, strict=True):
        cells = [row.get(field) for _, row in numbered]
        if {dict, list} & set(map(type, cells)):
            _refuse_nested(cells, [number for number, _ in numbered], f"{filename}, field {field!r}", unit)
        columns[name] = pd.Series(cells, dtype=object)
    if not names:
        raise InvalidFile(f"{filename} has no fields: write one object a line, with one field per column.")
    return pd.DataFrame(columns)


def _refuse_nested(cells: Sequence[Any], numbers: Sequence[int], where: str, unit: str) -> None:
    """Lists of numbers may stay (pictures, vectors), also nested evenly; every other list or object is refused."""
    for cell, number in zip(cells, numbers, strict=True):
        if isinstance(cell, dict):
            raise InvalidFile(
                f"{where}, {unit} {number:,} holds an object: give each of its values a field of its own."
            )
        if isinstance(cell, list) and not _is_numeric(cell):
            raise InvalidFile(f"{where}, {unit} {number:,} holds a list that is not all numbers: use one field each.")


def _is_numeric(cell: Sequence[Any]) -> bool:
    try:
        array = np.asarray(cell)
    except ValueError:  # uneven, or nested deeper than an array can be
        return False
    return array.dtype.kind in "iuf" and array.ndim <= 3
