"""Picture files that nothing refers to are removed: uploads that were given up, refused or broken off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from .shelf import Shelf, undisturbed

UNUSED_S = 86_400.0
"""Seconds after which a file that no row names is not about to be named: an upload is decided about within hours."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(rb"sha256:([0-9a-f]{64})")
_REFERENCE_BYTES = 7 + 64
_CHUNK = 2**20

_ASKED_AT_ONCE = 5_000

_NO_DATABASE = ("-wal", "-shm", "-journal", ".log")


def sweep(shelf: Shelf, waiting: Path, unknown: Callable[[Sequence[str]], set[str]], now: float) -> int:
    """Remove picture files that are older than a day and named by no row; gives how many.

    waiting: folder of files that are yet to become rows; what they name stays. unknown: those of some SHA-256 that no
    item refers to. A file that is sent again while this runs stays, or is stored anew.
    """
    if not shelf.root.is_dir() or _shared(shelf):
        return 0
    removed, promised = 0, _named_in(waiting)
    found = _old(shelf.root, now)
    while some := list(islice(found, _ASKED_AT_ONCE)):
        unused = unknown([path.name for path in some]) - promised
        removed += sum(_removed(path, now) for path in some if path.name in unused)
    return removed


def _shared(shelf: Shelf) -> bool:
    """Whether another file of the database's name lies beside it, as a copy may: its rows cannot be asked here.

    By name alone: to open and close the database here would end the locks that SQLite holds on it in this process
    (https://www.sqlite.org/howtocorrupt.html, section 2.2), and the file would be torn.
    """
    models = shelf.root.parent
    found = [path for path in models.parent.iterdir() if f"{path.stem}_models" == models.name and path.is_file()]
    return sum(not path.name.endswith(_NO_DATABASE) for path in found) > 1


def _old(root: Path, now: float) -> Iterator[Path]:
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        yield from (path for path in folder.iterdir() if _DIGEST.fullmatch(path.name) and _is_old(path, now))


def _is_old(path: Path, now: float) -> bool:
    return path.is_file() and path.stat().st_mtime < now - UNUSED_S


def _removed(path: Path, now: float) -> bool:
    """Remove a file and its copies unless it was sent again meanwhile."""
    with undisturbed(path.parent):
        if not _is_old(path, now):
            return False
        path.unlink()
        for copy in path.parent.glob(f"{path.name}.*"):
            copy.unlink(missing_ok=True)
    return True


def _named_in(folder: Path) -> set[str]:
    """SHA-256 of the pictures that files in a folder refer to."""
    found: set[str] = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        with path.open("rb") as file:
            rest = b""
            while chunk := file.read(_CHUNK):
                found.update(digest.decode() for digest in _REFERENCE.findall(rest + chunk))
                rest = chunk[-_REFERENCE_BYTES:]  # one may lie across two chunks
    return found
