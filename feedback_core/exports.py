"""Rows become a file to download, streamed where the format allows it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from .errors import InvalidInput
from .pictures import Shelf

if TYPE_CHECKING:
    import pyarrow as pa

BOM = b"\xef\xbb\xbf"
"""Without it Excel reads UTF-8 as the local code page and breaks every accent."""

_CHUNK_ROWS = 1_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell as a formula.

Source: CWE-1236 and OWASP ASVS 1.2.10 for all but the line feed and the wide characters, which are a precaution.
"""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to export. write gives the file in pieces."""

    write: Callable[[Iterable[Row], Sequence[str]], Iterator[bytes]]
    mime: str
    extension: str


def export(rows: Iterable[Row], columns: Sequence[str], format: str) -> bytes:
    """The whole file. A column that a row lacks is empty. Raises InvalidInput for an unknown format."""
    if format not in FORMATS:
        raise InvalidInput(f"format={format!r} is not known: choose one of {', '.join(FORMATS)}.")
    return b"".join(FORMATS[format].write(rows, columns))


def write_csv(rows: Iterable[Row], columns: Sequence[str], *, bom: bool = False) -> Iterator[bytes]:
    """UTF-8 in pieces of 1,000 rows; text that a spreadsheet would run as a formula gets a leading apostrophe.

    Text that is a plain number, such as "-1", stays as it is: it is harmless, and it may be a label.
    """
    if bom:
        yield BOM
    lines = ([_cell(row.get(column)) for column in columns] for row in rows)
    yield _csv_lines([[_cell(column) for column in columns]])
    while chunk := list(islice(lines, _CHUNK_ROWS)):
        yield _csv_lines(chunk)


def write_jsonl(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[bytes]:
    """One object a line, in pieces of 1,000 rows; NaN and infinity become null, integers beyond 64 bits text."""
    lines = (_json({column: _narrow(row.get(column)) for column in columns}) + b"\n" for row in rows)
    while chunk := list(islice(lines, _CHUNK_ROWS)):
        yield b"".join(chunk)


def write_parquet(rows: Iterable[Row], columns: Sequence[str]) -> bytes:
    """A Parquet file with every value as it is; a column of mixed types, or of objects, becomes text."""
    import pyarrow as pa
    from pyarrow import parquet

    listed = list(rows)
    arrays = [_arrow([_plain(row.get(column)) for row in listed]) for column in columns]
    sink = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(columns, arrays, strict=True))), sink)
    return sink.getvalue()


def _whole_parquet(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[bytes]:
    yield write_parquet(rows, columns)


def write_album(rows: Iterable[Row], columns: Sequence[str], pictures: Sequence[str], shelf: Shelf) -> Iterator[bytes]:
    """A ZIP archive in pieces: items.csv, and below pictures/ the files that its columns `pictures` name.

    It can be taken in again as it is. A file that is gone is left out, and its cell keeps the reference.
    """
    out, names = _Pieces(), dict[str, str]()

    def named(row: Row) -> Row:
        for column in pictures:
            if (reference := row[column]) not in names and shelf.holds(reference):
                ending = shelf.media_type(reference).rpartition("/")[2]
                names[reference] = f"pictures/{reference.removeprefix('sha256:')}.{ending}"
        return {**row, **{column: names.get(row[column], row[column]) for column in pictures}}

    with zipfile.ZipFile(out, "w") as archive:
        with archive.open("items.csv", "w", force_zip64=True) as table:
            for piece in write_csv(map(named, rows), columns):
                table.write(piece)
                yield out.taken()
        for reference, name in names.items():
            archive.writestr(name, shelf.read(reference))
            yield out.taken()
    yield out.taken()


class _Pieces(io.RawIOBase):
    """A stream that is read from while it is written to."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """All that was written since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held


FORMATS: dict[str, Format] = {
    "csv": Format(partial(write_csv, bom=True), "text/csv", ".csv"),
    "jsonl": Format(write_jsonl, "application/x-ndjson", ".jsonl"),
    "parquet": Format(_whole_parquet, "application/vnd.apache.parquet", ".parquet"),
}


def _csv_lines(cells: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(cells)
    # Half a surrogate pair, which Python strings may hold, has no bytes in UTF-8.
    return text.getvalue().encode(errors="replace")


def _cell(value: Any) -> str:
    # Most cells are numbers: asked first, a row of 20 takes a quarter less.
    if type(value) is float:
        return "" if isnan(value) else repr(value)
    value = _plain(value)
    if isinstance(value, str):
        is_formula = value.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(value)
        return f"'{value}" if is_formula else value
    return _as_text(value) or ""


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's own, an array as a list, UTF-8 bytes as text."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _as_text(value: Any) -> str | None:
    """A value as text, None for a missing one; objects and lists as JSON."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple)):
        return _json(value).decode()
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _json(value: Any) -> bytes:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=lambda other: _as_text(_plain(other)), option=options)


def _narrow(value: Any) -> Any:
    # orjson refuses such integers without asking its default.
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value


def _arrow(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if not any(isinstance(value, Mapping) for value in values):
        try:
            array = pa.array(values)
            return array.cast(pa.string()) if pa.types.is_null(array.type) else array
        except (pa.ArrowException, TypeError, OverflowError):
            pass
    return pa.array([_as_text(value) for value in values], pa.string())
