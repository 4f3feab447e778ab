"""Tables: one row an item, a prediction or an entry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import exports
from .record import Format, Source
from .registry import register

_HELP = {
    "csv": ("CSV", "A table for spreadsheets; cells that they would run as a formula are made harmless."),
    "jsonl": ("JSON Lines", "One object a line, streamed: for programs."),
    "parquet": ("Parquet", "A table with every value as it is: for pandas and databases."),
}


def _write(plain: exports.Format, source: Source) -> Iterator[bytes]:
    return plain.write(source.rows(), source.columns)


for _name, _plain in exports.FORMATS.items():
    register(
        _name,
        Format(
            *_HELP[_name],
            _plain.extension,
            _plain.mime,
            partial(_write, _plain),
            holds=("items", "inputs", "predictions", "feedback"),
            says=False,
        ),
    )
