"""Rows of a data set folder: Parquet files, or the Arrow files of `save_to_disk`, in a ZIP; or one Parquet file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from ..errors import InvalidFile
from ..tables.limits import MAX_BYTES, check_unpacked
from ..types import Project
from .fields import listed, mapping, seconds, share, text
from .record import Answer, Guess, Record

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1_000

_SAID = ("label", "skip", "flag")


def read(file: BinaryIO, project: Project) -> Iterator[Record]:
    """Rows of every data file, in the order of their names; nothing is unpacked to the disk. Raises InvalidFile."""
    start = file.read(4)
    file.seek(0)
    if start == b"PAR1":
        yield from _rows("", file.read(MAX_BYTES + 1), project)
        return
    try:
        with zipfile.ZipFile(file) as archive:
            for member in _members(archive):
                yield from _rows(member.filename, _content(archive, member), project)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFile(f"The file is no readable ZIP or Parquet file ({error}): pack the folder again.") from None


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Data files by name. Raises InvalidFile where there is none, or they unpack to too much."""
    found = sorted(
        (each for each in archive.infolist() if each.filename.endswith((".parquet", ".arrow"))),
        key=lambda each: each.filename,
    )
    # Its own cache of what was computed lies beside the data.
    found = [each for each in found if not each.filename.rpartition("/")[2].startswith("cache-")]
    if not found:
        raise InvalidFile("The ZIP holds no .parquet or .arrow file: pack the folder of a data set.")
    size = sum(each.file_size for each in found)
    if size > MAX_BYTES:
        raise InvalidFile(
            f"The ZIP unpacks to {size / 2**20:,.0f} MB, more than {MAX_BYTES / 2**20:,.0f}: split the data set."
        )
    return found


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # The size a ZIP claims may be a lie.
    with archive.open(member) as file:
        return file.read(member.file_size)


def _rows(name: str, data: bytes, project: Project) -> Iterator[Record]:
    import pyarrow as pa

    try:
        number = 0
        for schema, batch in _batches(name, data):
            labels, own = _class_names(schema), _own(schema.names, project)
            for row in batch.to_pylist():
                number += 1
                yield _record(f"{f'{name}, ' if name else ''}row {number:,}", row, labels, own)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{name or 'The file'} cannot be read ({error!s:.200}): write the data set again.") from None


def _batches(name: str, data: bytes) -> Iterator[tuple[pa.Schema, pa.RecordBatch]]:
    import pyarrow as pa
    from pyarrow import parquet

    if name.endswith(".arrow"):
        with pa.ipc.open_stream(pa.BufferReader(data)) as stream:
            for batch in stream:
                batch.validate(full=True)  # offsets of a file from elsewhere may point anywhere
                for start in range(0, batch.num_rows, _BATCH):
                    yield stream.schema, batch.slice(start, _BATCH)
        return
    file = parquet.ParquetFile(pa.BufferReader(data))
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    cells = sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
    check_unpacked(sum(group.total_byte_size for group in groups), cells, name or "The file")
    for batch in file.iter_batches(_BATCH):
        yield file.schema_arrow, batch


def _class_names(schema: pa.Schema) -> dict[str, Sequence[Any]]:
    """Names of the classes by column, from what `datasets` writes beside the columns."""
    try:
        told = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except orjson.JSONDecodeError:
        return {}
    features = mapping(mapping(mapping(told).get("info")).get("features"))
    # Several classes a row are a list of them, which earlier versions called a sequence.
    named = {
        column: mapping(mapping(feature).get("feature", feature)).get("names") for column, feature in features.items()
    }
    return {column: names for column, names in named.items() if isinstance(names, list)}


def _own(columns: Sequence[str], project: Project) -> dict[str, str]:
    """Columns of ours by what they hold, where the file has them."""
    own = {}
    for name in ("key", "label", "predicted", "confidence", "version", "answers"):
        aside = f"item_{name}"
        if aside in columns:
            own[name] = aside
        elif name in columns and name not in project.schema.names:
            own[name] = name
    return own


def _record(place: str, row: Mapping[str, Any], labels: Mapping[str, Sequence[Any]], own: Mapping[str, str]) -> Record:
    said = {name: row[column] for name, column in own.items()}
    trouble: list[str] = []
    label = said.get("label")
    if (names := labels.get(own.get("label", ""))) is not None and isinstance(label, list):
        trouble += [f"label={n} is none of its {len(names)} classes" for n in label if not _is_place(n, names)]
        label = None if trouble else [names[n] for n in label]
    elif names is not None and isinstance(label, int):
        # -1 is what a data set writes for a label that nobody is to know.
        trouble += [] if -1 <= label < len(names) else [f"label={label} is none of its {len(names)} classes"]
        label = names[label] if 0 <= label < len(names) else None
    predicted = said.get("predicted")
    version = text(said.get("version")) or "Hugging Face"
    return Record(
        place,
        {name: value for name, value in row.items() if name not in own.values()},
        key=text(said.get("key")) or None,
        label=label,
        answers=tuple(_answer(each) for each in listed(said.get("answers")) if each.get("said") in _SAID),
        guesses=() if predicted is None else (Guess(predicted, version, share(said.get("confidence"))),),
        trouble=tuple(trouble),
    )


def _is_place(number: Any, names: Sequence[Any]) -> bool:
    return isinstance(number, int) and 0 <= number < len(names)


def _answer(given: Mapping[str, Any]) -> Answer:
    said = given["said"]
    label = given.get("label") if said == "label" else None
    return Answer(text(given.get("by")), said, label, str(given.get("note") or ""), seconds(given.get("seconds")))
