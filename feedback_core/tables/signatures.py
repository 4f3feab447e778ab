"""Files that are no tables, known by their first bytes."""

from __future__ import annotations

import codecs

from ..errors import InvalidFile

EXCEL = "an Excel workbook: open it and save it as CSV (UTF-8)"
_PICTURE = "a picture: upload a table whose rows hold the pixels"
_PAGE = "a web page: download the file itself, not the page around it"
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\xd0\xcf\x11\xe0": EXCEL,
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


def refuse_signature(data: bytes, filename: str) -> None:
    """Say what a file really is that only carries the ending of a table."""
    start = data[:64].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for signature, what in _SIGNATURES.items():
        # Text may start with GIF8 too; what is not text has zero bytes.
        if start.startswith(signature.lower()) and (b"\0" in data or signature[:1] in b"<%"):
            workbook = signature[:2] == b"PK" and b"xl/" in data
            raise InvalidFile(f"{filename} looks like {EXCEL if workbook else what}.")
