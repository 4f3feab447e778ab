"""The bytes of an uploaded file become a table; nothing in the file is ever run."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from .errors import InvalidFile

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_BYTES = 200 * 2**20
"""Largest file in bytes, packed or unpacked: a million rows of 20 numbers fit, and memory stays within a few GB."""

MAX_CELLS = MAX_BYTES // 2
"""Most cells of a Parquet file: a CSV file of MAX_BYTES holds no more, and a Parquet file of 1 kB can claim 10^12."""

MAX_COLUMNS = 5_000

_SAMPLE = 2**18
"""Characters looked at to find the delimiter; grows when the first line is longer."""

_LISTED = 10

_NUMBER_TYPE = r"(u?int\d+|halffloat|float|double)"
_PLAIN_TYPE = re.compile(
    rf"{_NUMBER_TYPE}|bool|null|decimal.*|date.*|time.*|(large_)?string(_view)?|dictionary<values=(large_)?string,.*"
    rf"|(large_|fixed_size_)?list<\w+: {_NUMBER_TYPE}( not null)?>(\[\d+\])?"
)
"""Parquet column types, as Arrow writes them, that hold one value or one list of numbers."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_OTHER_DELIMITERS = _DELIMITERS | {":": "colons", "^": "carets", "~": "tildes", " ": "spaces"}

_EXCEL = "an Excel workbook: open it and save it as CSV (UTF-8)"
_PICTURE = "a picture: upload a table whose rows hold the pixels"
_PAGE = "a web page: download the file itself, not the page around it"
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\xd0\xcf\x11\xe0": _EXCEL,
    b"\x89PNG": _PICTURE,
    b"\xff\xd8\xff": _PICTURE,
    b"GIF8": _PICTURE,
    b"%PDF": "a PDF document: export the table behind it as CSV",
    b"PAR1": "a Parquet file: give it the ending .parquet",
    b"\x1f\x8b": "a gzip file: give it the ending .csv.gz",
    b"SQLite format 3": "a SQLite database: export one of its tables as CSV",
    b"<!DOCTYPE": _PAGE,
    b"<html": _PAGE,
}


def check_size(size: int, filename: str) -> None:
    """Refuse a file of `size` bytes that is empty or too large, before it is read. Raises InvalidFile."""
    if size == 0:
        raise InvalidFile(f"{filename} is empty: upload a file with a header line and at least one row.")
    if size > MAX_BYTES:
        raise InvalidFile(
            f"{filename} has {size / 2**20:,.0f} MB, more than the limit of {MAX_BYTES / 2**20:,.0f} MB: "
            "split it and upload the parts one after the other."
        )


def read_table(data: bytes, filename: str) -> pd.DataFrame:
    """Read a CSV, TSV, Parquet or JSON Lines file; `attrs["notes"]` says what had to be guessed.

    CSV cells stay text, an empty one "". JSON and Parquet cells keep their type. Raises InvalidFile.
    """
    check_size(len(data), filename)
    name = filename.lower()
    if name.endswith(".gz"):
        data, name = _unpacked(data, filename), name.removesuffix(".gz")
    ending = name.rpartition(".")[2]
    if ending not in _READERS:
        way_out = f"it is {_EXCEL}" if ending in ("xlsx", "xls", "xlsm", "ods") else f"use {', '.join(_READERS)}"
        raise InvalidFile(f"{filename} cannot be read as a table: {way_out}.")
    frame = _READERS[ending](data, filename)
    if not len(frame):
        raise InvalidFile(f"{filename} has a header but no rows: add at least one row below it.")
    frame.attrs.setdefault("notes", [])
    return frame


def _unpacked(data: bytes, filename: str) -> bytes:
    """Unzip at most MAX_BYTES, so a small file cannot fill the memory."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidFile(f"{filename} is no complete gzip file ({error}): compress it again.") from None
    if len(unpacked) > MAX_BYTES:
        raise InvalidFile(
            f"{filename} unpacks to more than the limit of {MAX_BYTES / 2**20:,.0f} MB: split it before compressing."
        )
    check_size(len(unpacked), filename)
    return unpacked


def _checked_names(names: Sequence[str], filename: str) -> list[str]:
    """Trimmed column names. Raises InvalidFile when there are too many, or one is empty or twice there."""
    if len(names) > MAX_COLUMNS:
        raise InvalidFile(f"{filename} has more than {MAX_COLUMNS:,} columns: remove the ones that are not needed.")
    names = [unicodedata.normalize("NFC", name).strip() for name in names]
    if "" in names:
        raise InvalidFile(
            f"{filename}: column {names.index('') + 1} has no name: name it in the header or delete it "
            "(pandas writes such a column unless told index=False)."
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InvalidFile(
            f"{filename} has the column {', '.join(map(repr, twice[:_LISTED]))} more than once: rename or delete one, "
            "or add a header line if the file has none."
        )
    return names


def _read_csv(data: bytes, filename: str) -> pd.DataFrame:
    notes: list[str] = []
    text = _text(data, filename, notes)
    delimiter = _delimiter(text)
    if delimiter != ",":
        notes.append(f"Cells are separated by {_DELIMITERS[delimiter]}.")
    header, lines, rows = _sample(text, delimiter)
    if not header:
        raise InvalidFile(f"{filename}: the first line cannot be read as column names: close its quotation marks.")
    names = _checked_names(header, filename)
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
    _refuse_signature(data, filename)
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


def _refuse_signature(data: bytes, filename: str) -> None:
    """Say what a file really is that only carries the ending of a table."""
    start = data[:64].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for signature, what in _SIGNATURES.items():
        # Text may start with GIF8 too; what is not text has zero bytes.
        if start.startswith(signature.lower()) and (b"\0" in data or signature[:1] in b"<%"):
            workbook = signature[:2] == b"PK" and b"xl/" in data
            raise InvalidFile(f"{filename} looks like {_EXCEL if workbook else what}.")


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
        ragged.append((row.number - skip, row.actual_columns, row.text if len(ragged) < _LISTED else ""))
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
    listed = ", ".join(f"row {number:,} has {found}" for number, found, _ in ragged[:_LISTED])
    more = f" and {len(ragged) - _LISTED:,} more rows differ" if len(ragged) > _LISTED else ""
    return (
        f"{filename}: the header has {expected} cells, but {listed}{more}: "
        "add or remove cells there, and put cells that contain the separator in quotation marks."
    )


def _read_json(data: bytes, filename: str) -> pd.DataFrame:
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
        if len(fields) > MAX_COLUMNS:
            break
    names = _checked_names(list(fields), filename)
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


def _read_parquet(data: bytes, filename: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    # Nullable integers: as floats, whole numbers beyond 2**53 (often ids) would be rounded.
    integers = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}.get
    try:
        frame: pd.DataFrame = _arrow_table(data, filename).to_pandas(ignore_metadata=True, types_mapper=integers)
    except (pa.ArrowException, OSError) as error:
        raise InvalidFile(f"{filename} is no readable Parquet file ({error}): write it again.") from None
    return frame


def _arrow_table(data: bytes, filename: str) -> pa.Table:
    """Read with texts as dictionaries: a short file that repeats one long text stays small until it is measured."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = parquet.read_schema(pa.BufferReader(data))
    # Columns of this name are row numbers that pandas added.
    columns = [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]
    names = _checked_names(columns, filename)
    if nested := [name for name in columns if not _PLAIN_TYPE.fullmatch(str(schema.field(name).type))]:
        raise InvalidFile(
            f"{filename}: column {nested[0]!r} holds {schema.field(nested[0]).type}, which is no single value: "
            "save it as plain columns of numbers or text, or as one list of numbers."
        )
    texts = [name for name in columns if "string" in str(schema.field(name).type)]
    file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    cells = sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
    _check_unpacked(sum(group.total_byte_size for group in groups), cells, filename)
    table = file.read(columns).rename_columns(names)
    _check_unpacked(_text_bytes(table), cells, filename)
    fields = [field.with_type(pa.large_string()) if "string" in str(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def _check_unpacked(size: int, cells: int, filename: str) -> None:
    if size > MAX_BYTES or cells > MAX_CELLS:
        raise InvalidFile(
            f"{filename} unpacks to {size / 2**20:,.0f} MB and {cells:,} cells, more than the limit of "
            f"{MAX_BYTES / 2**20:,.0f} MB and {MAX_CELLS:,} cells: split it."
        )


def _text_bytes(table: pa.Table) -> int:
    from pyarrow import compute, types

    dictionaries = [column for column in table.columns if types.is_dictionary(column.type)]
    lengths = [
        compute.sum(compute.take(compute.binary_length(chunk.dictionary), chunk.indices).cast("int64")).as_py()
        for column in dictionaries
        for chunk in column.chunks
    ]
    return sum(length or 0 for length in lengths)


_READERS: dict[str, Callable[[bytes, str], pd.DataFrame]] = {
    "csv": _read_csv,
    "tsv": _read_csv,
    "txt": _read_csv,
    "jsonl": _read_json,
    "ndjson": _read_json,
    "json": _read_json,
    "parquet": _read_parquet,
}
