"""Picture files that nothing refers to are removed: uploads that were given up, refused or broken off.

They are set aside first and deleted a month later: an older or empty database may stand where theirs was, and with
the right one back they are found again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from .shelf import ASIDE, Shelf, aside, bring_back, undisturbed

UNUSED_S = 86_400.0
"""Seconds after which a file that no row names is not about to be named: an upload is decided about within hours."""

ASIDE_S = 30 * 86_400.0
"""Seconds for which a file that was set aside can still come back."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(rb"sha256:([0-9a-f]{64})")
_REFERENCE_BYTES = 7 + 64
_CHUNK = 2**20

_ASKED_AT_ONCE = 5_000

_NO_DATABASE = ("-wal", "-shm", "-journal", ".log")


def sweep(shelf: Shelf, waiting: Path, unknown: Callable[[Sequence[str]], set[str]], now: float) -> int:
    """Set aside picture files that are older than a day and named by no row; gives how many.

    waiting: folder of files that are yet to become rows; what they name stays. unknown: those of some SHA-256 that no
    item refers to. A file that is sent again while this runs stays, or is stored anew. Of those set aside before, the
    ones that are named after all come back, and others are deleted after 30 days.
    """
    if not shelf.root.is_dir() or _shared(shelf):
        return 0
    promised = _named_in(waiting)
    for path, named in _asked(_set_aside(shelf.root), unknown, promised):
        bring_back(path) if named else _deleted(path, now)
    found = _asked(_old(shelf.root, now), unknown, promised)
    return sum(_moved(path, now) for path, named in found if not named)


def _asked(
    paths: Iterator[Path], unknown: Callable[[Sequence[str]], set[str]], promised: set[str]
) -> Iterator[tuple[Path, bool]]:
    """Each path, and whether something refers to it."""
    while some := list(islice(paths, _ASKED_AT_ONCE)):
        unused = unknown([path.name for path in some]) - promised
        yield from ((path, path.name not in unused) for path in some)


def _shared(shelf: Shelf) -> bool:
    """Whether another file of the database's name lies beside it, as a copy may: its rows cannot be asked here.

    By name alone: to open and close the database here would end the locks that SQLite holds on it in this process
    (https://www.sqlite.org/howtocorrupt.html, section 2.2), and the file would be torn.
    """
    models = shelf.root.parent
    found = [path for path in models.parent.iterdir() if f"{path.stem}_models" == models.name and path.is_file()]
    return sum(not path.name.endswith(_NO_DATABASE) for path in found) > 1


def _old(root: Path, now: float) -> Iterator[Path]:
    for folder in _folders(root):
        yield from (path for path in folder.iterdir() if _DIGEST.fullmatch(path.name) and _is_old(path, now, UNUSED_S))


def _set_aside(root: Path) -> Iterator[Path]:
    """Where the files belong that were set aside."""
    for folder in _folders(root):
        if (folder / ASIDE).is_dir():
            yield from (folder / path.name for path in (folder / ASIDE).iterdir())


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _is_old(path: Path, now: float, age_s: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < now - age_s
    except FileNotFoundError:
        return False  # another worker was faster


def _moved(path: Path, now: float) -> bool:
    """Set a file aside, and delete its copies, unless it was sent again meanwhile."""
    with undisturbed(path.parent):
        if not _is_old(path, now, UNUSED_S):
            return False
        aside(path).parent.mkdir(exist_ok=True)
        os.utime(path, (now, now))  # the 30 days begin
        path.rename(aside(path))
        for copy in path.parent.glob(f"{path.name}.*"):
            copy.unlink(missing_ok=True)
    return True


def _deleted(path: Path, now: float) -> None:
    with undisturbed(path.parent):
        if _is_old(aside(path), now, ASIDE_S):
            aside(path).unlink()


def _named_in(folder: Path) -> set[str]:
    """SHA-256 of the pictures that files in a folder refer to."""
    found: set[str] = set()
    read: set[Path] = set()
    # A draft that is gone may be there under its own name now: look until there is nothing new.
    while new := set(folder.iterdir() if folder.is_dir() else ()) - read:
        for path in new:
            with suppress(FileNotFoundError):
                found |= _named_by(path)
        read |= new
    return found


def _named_by(path: Path) -> set[str]:
    """SHA-256 of the pictures that a file refers to."""
    found: set[str] = set()
    with path.open("rb") as file:
        rest = b""
        while chunk := file.read(_CHUNK):
            found.update(digest.decode() for digest in _REFERENCE.findall(rest + chunk))
            rest = chunk[-_REFERENCE_BYTES:]  # one may lie across two chunks
    return found
