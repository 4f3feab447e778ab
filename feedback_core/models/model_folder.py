"""The folder of one model: which files count, their hash, how they are put in place, and what is left half-written."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

ABANDONED_S = 3_600.0
"""Seconds after which nobody is saving any more, even when its process id is in use again."""

MODEL, MANIFEST = "model.skops", "manifest.json"


def files(folder: Path) -> list[Path]:
    """What makes up the model, in the order of names: everything but the manifest."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)


def size(folder: Path) -> int:
    """Bytes of all files of the model; 0 where there is no such folder."""
    return sum(path.stat().st_size for path in files(folder)) if folder.is_dir() else 0


def digest(folder: Path) -> str:
    """SHA-256 over all files: of the one file, or of the lines that `sha256sum *` prints for several."""
    found = files(folder)
    if [path.name for path in found] == [MODEL]:
        return _sha256(found[0])
    return hashlib.sha256("".join(f"{_sha256(path)}  {path.name}\n" for path in found).encode()).hexdigest()


def zipped(folder: Path, to: Path) -> None:
    """Write all files of the model into one uncompressed archive."""
    with zipfile.ZipFile(to, "w") as archive:
        for path in files(folder):
            archive.write(path, path.name)


def settle(folder: Path, target: Path) -> None:
    """Make a written folder durable, and move it to its place in one step unless it is there already."""
    for path in (*folder.iterdir(), folder):
        _fsync(path)
    if not target.exists():
        folder.rename(target)
    _fsync(target.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(root: Path, now: float) -> int:
    """Remove folders that killed processes left half-written; gives how many. A living process may still be saving."""
    found = root.glob(".saving-*") if root.is_dir() else ()
    leftovers = [f for f in found if f.stat().st_mtime < now - ABANDONED_S or not _alive(f.name.split("-")[1])]
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return len(leftovers)


def _alive(pid: str) -> bool:
    # A process that was killed may wait long for its parent's farewell: a zombie writes nothing any more.
    if _is_zombie(pid):
        return False
    # A process of another machine looks dead here; model files on a shared disk have one worker all the same.
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_zombie(pid: str) -> bool:
    try:
        # The name in brackets may hold anything, brackets too; the state follows the last one.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, ValueError):
        return False
