"""The bytes of an uploaded file become a table, by the ending of its name."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InvalidFile
from . import limits
from .delimited import read_csv
from .limits import check_size
from .parquet import read_parquet
from .records import read_json
from .signatures import EXCEL

if TYPE_CHECKING:
    import pandas as pd

_READERS: dict[str, Callable[[bytes, str], pd.DataFrame]] = {
    "csv": read_csv,
    "tsv": read_csv,
    "txt": read_csv,
    "jsonl": read_json,
    "ndjson": read_json,
    "json": read_json,
    "parquet": read_parquet,
}


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
        way_out = f"it is {EXCEL}" if ending in ("xlsx", "xls", "xlsm", "ods") else f"use {', '.join(_READERS)}"
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
            unpacked = stream.read(limits.MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidFile(f"{filename} is no complete gzip file ({error}): compress it again.") from None
    if len(unpacked) > limits.MAX_BYTES:
        raise InvalidFile(
            f"{filename} unpacks to more than the limit of {limits.MAX_BYTES / 2**20:,.0f} MB: "
            "split it before compressing."
        )
    check_size(len(unpacked), filename)
    return unpacked
