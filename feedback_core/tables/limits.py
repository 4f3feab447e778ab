"""What a file may hold, checked before its contents fill the memory."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from ..errors import InvalidFile

MAX_BYTES = 200 * 2**20
"""Largest file in bytes, packed or unpacked: a million rows of 20 numbers fit, and memory stays within a few GB."""

MAX_CELLS = MAX_BYTES // 2
"""Most cells of a Parquet file: a CSV file of MAX_BYTES holds no more, and a Parquet file of 1 kB can claim 10^12."""

MAX_COLUMNS = 5_000

LISTED = 10
"""Most rows or columns one message names."""


def check_size(size: int, filename: str) -> None:
    """Refuse a file of `size` bytes that is empty or too large, before it is read. Raises InvalidFile."""
    if size == 0:
        raise InvalidFile(f"{filename} is empty: upload a file with a header line and at least one row.")
    if size > MAX_BYTES:
        raise InvalidFile(
            f"{filename} has {size / 2**20:,.0f} MB, more than the limit of {MAX_BYTES / 2**20:,.0f} MB: "
            "split it and upload the parts one after the other."
        )


def check_unpacked(size: int, cells: int, filename: str) -> None:
    """Refuse a Parquet file by its unpacked size in bytes and its number of cells. Raises InvalidFile."""
    if size > MAX_BYTES or cells > MAX_CELLS:
        raise InvalidFile(
            f"{filename} unpacks to {size / 2**20:,.0f} MB and {cells:,} cells, more than the limit of "
            f"{MAX_BYTES / 2**20:,.0f} MB and {MAX_CELLS:,} cells: split it."
        )


def checked_names(names: Sequence[str], filename: str) -> list[str]:
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
            f"{filename} has the column {', '.join(map(repr, twice[:LISTED]))} more than once: rename or delete one, "
            "or add a header line if the file has none."
        )
    return names
