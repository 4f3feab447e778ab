"""CSV and its relatives: the delimiter and the encoding are found, every cell stays text."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import InvalidFile
from .limits import LISTED, checked_names
from .signatures import refuse_signature

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SAMPLE = 2**18
"""Characters looked at to find the delimiter; grows when the first line is longer."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_OTHER_DELIMITERS = _DELIMITERS | {":": "colons", "^": "carets", "~": "tildes", " ": "spaces"}


def read_csv(data: bytes, filename: str) -> pd.DataFrame:
    """All cells as text; `attrs["notes"]` says what had to be guessed. Raises InvalidFile."""
    notes: list[str] = []
    text = _text(data, filename, notes)
    delimiter = _delimiter(text)
    if delimiter != ",":
        notes.append(f"Cells are separated by {_DELIMITERS[delimiter]}.")
    header, lines, rows = _sample(text, delimiter)
    if not header:
        raise InvalidFile(f"{filename}: the first line cannot be read as column names: close its quotation marks.")
    names = checked_names(header, filename)
    if any(re.fullmatch(r"[+-]?\d*\.\d+", name) for name in names):
        notes.append(
            f"The first line was taken as column names, and {names[0]!r} looks like data: is a header missing?"
        )
    if len(names) == 1:
        _refuse_other_delimiter(names[0], [row[0] for row in rows if row], filename)
    table = _parsed(text.encode() + b"\n", names, lines, delimiter, filename)
    frame: pd.DataFrame = table.to_pandas()
    frame.attrs["notes"] = notes
    return frame


def _text(data: bytes, filename: str, notes: list[str]) -> str:
    """Decode by byte order mark, else as UTF-8, else as Windows-1252 with a note."""
    refuse_signature(data, filename)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        # Windows-1252 leaves five bytes undefined; what has them is mostly not text at all.
        text = data.decode("cp1252", errors="replace")
        notes.append("The file is not UTF-8 and was read as Windows-1252: check that accents and signs look right.")
    if "\0" in text or ("\ufffd" in text and notes):
        raise InvalidFile(f"{filename} is not text in a known encoding: save the table as CSV in UTF-8.")
    if not text.strip():
        raise InvalidFile(f"{filename} is empty: upload a file with a header line and at least one row.")
    return text


def _sample(text: str, delimiter: str) -> tuple[list[str], int, list[list[str]]]:
    """The header, the physical lines down to its end, and up to 50 rows below it."""
    size = _SAMPLE
    while True:
        reader = csv.reader(io.StringIO(text[:size], newline=""), delimiter=delimiter)
        records = (record for record in _until_error(reader) if record)
        header = next(records, [])
        lines = reader.line_num
        rows = list(islice(records, 50))
        if rows or size >= len(text):
            # The last row of a cut sample may be half a row.
            return header, lines, rows[:-1] if size < len(text) and len(rows) < 50 and len(rows) > 1 else rows
        size *= 4


def _until_error(reader: Any) -> Iterator[list[str]]:
    # csv stops at cells over 128 kB; the sample then ends early, the file itself is read by pyarrow.
    try:
        yield from reader
    except csv.Error:
        return


def _delimiter(text: str) -> str:
    """The candidate that splits header and rows alike; more cells win between equals."""
    best, best_score = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        header, _, rows = _sample(text, delimiter)
        alike = sum(len(row) == len(header) for row in rows) / max(len(rows), 1)
        splits = len(header) > 1 and (not rows or any(len(row) > 1 for row in rows))
        if splits and (alike, len(header)) > best_score:
            best, best_score = delimiter, (alike, len(header))
    return best


def _refuse_other_delimiter(name: str, cells: Sequence[str], filename: str) -> None:
    """Refuse a single column whose cells all hold the same number of some separator."""
    for sign, word in _OTHER_DELIMITERS.items():
        counts = {cell.strip().count(sign) for cell in cells}
        if len(counts) != 1 or counts == {0}:
            continue
        # Times have colons and names have spaces: they count only if the header has them, spaces only between numbers.
        numbers = all(re.fullmatch(r"[\d.+\-eE ]+", cell) for cell in cells)
        if (name.count(sign) in counts and (sign != " " or numbers)) or (sign in ";\t|" and len(cells) > 1):
            raise InvalidFile(
                f"{filename} was read as one column, named {name!r}, but its cells look separated by {word}: "
                "put one header line with all column names first, separate cells by commas, and keep whole lines "
                "out of quotation marks."
            )


def _parsed(data: bytes, names: Sequence[str], skip: int, delimiter: str, filename: str) -> pa.Table:
    """All cells as text. Raises InvalidFile naming the rows with too few or too many cells."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    ragged: list[tuple[int, int, str]] = []

    def note(row: Any) -> str:
        ragged.append((row.number - skip, row.actual_columns, row.text if len(ragged) < LISTED else ""))
        return "skip"

    # One block: a cell may not straddle two. One thread: only then the handler learns row numbers.
    read = arrow.ReadOptions(column_names=names, skip_rows=skip, use_threads=False, block_size=len(data) + 1)
    parse = arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note)
    convert = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    try:
        table = arrow.read_csv(pa.BufferReader(data), read, parse, convert)
    except pa.ArrowInvalid as error:
        raise InvalidFile(f"{filename} cannot be read as CSV: {error}.") from None
    tail = ragged[-1][2] if ragged else table.column(-1)[-1].as_py() if len(table) else ""
    if "\n" in tail and data.count(b'"') % 2:  # it was never closed, and the rest of the file became one cell
        raise InvalidFile(
            f"{filename}: a quotation mark is opened in row {len(table) + len(ragged):,} and never closed: "
            'close it, or write "" for a quotation mark inside a quoted cell.'
        )
    if ragged:
        raise InvalidFile(_ragged_message(ragged, len(names), filename))
    return table


def _ragged_message(ragged: Sequence[tuple[int, int, str]], expected: int, filename: str) -> str:
    listed = ", ".join(f"row {number:,} has {found}" for number, found, _ in ragged[:LISTED])
    more = f" and {len(ragged) - LISTED:,} more rows differ" if len(ragged) > LISTED else ""
    return (
        f"{filename}: the header has {expected} cells, but {listed}{more}: "
        "add or remove cells there, and put cells that contain the separator in quotation marks."
    )
