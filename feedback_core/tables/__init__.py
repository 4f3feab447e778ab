"""The bytes of an uploaded file become a table; nothing in the file is ever run."""

from .albums import read_album, read_folder, read_zip
from .archives import gathered
from .limits import MAX_BYTES, MAX_CELLS, MAX_COLUMNS, check_size
from .reading import read_table

__all__ = [
    "MAX_BYTES",
    "MAX_CELLS",
    "MAX_COLUMNS",
    "check_size",
    "gathered",
    "read_album",
    "read_folder",
    "read_table",
    "read_zip",
]
