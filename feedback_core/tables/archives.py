"""The files in a ZIP archive or a folder, one at a time; nothing is ever written under a name from inside."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

from ..errors import InvalidFile
from ..pictures import MAX_PICTURES
from .limits import MAX_BYTES

MAX_UNPACKED = 4 * 2**30
"""Bytes that an archive may unpack to: they pass through the memory one file at a time."""

File = tuple[str, bytes]
"""Name with its folders, parted by slashes, and content."""


class Files:
    """Files by name, each read when its turn comes. len() is their number."""

    def __init__(self, names: list[str], read: Iterator[bytes]) -> None:
        if len(names) > MAX_PICTURES + 1:
            raise InvalidFile(f"There are {len(names):,} files, more than {MAX_PICTURES:,}: split them.")
        if twice := next((name for name, n in Counter(names).items() if n > 1), None):
            # One would take the place of the other, and its label.
            raise InvalidFile(f"The name {twice!r:.80} is there more than once: rename one, or send them one by one.")
        self.names, self._read = names, read

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[File]:
        return zip(self.names, self._read, strict=False)


def unzipped(data: bytes, filename: str) -> Files:
    """The files in an archive. Raises InvalidFile for one that is broken, locked, too large or out to do harm."""
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidFile(f"{filename} is no readable ZIP archive ({error}): pack it again.") from None
    found = [
        info for info in archive.infolist() if not (info.filename and info.is_dir()) and not _is_litter(info.filename)
    ]
    for info in found:
        _refuse_harm(info, filename)
    names = [info.filename for info in found]
    if twice := next((name for name, n in Counter(names).items() if n > 1), None):
        raise InvalidFile(f"{filename} has {twice!r:.80} more than once: pack it again.")
    if (size := sum(info.file_size for info in found)) > MAX_UNPACKED:
        raise InvalidFile(f"{filename} unpacks to {size / 2**30:,.1f} GB, more than {MAX_UNPACKED // 2**30}: split it.")
    return Files(names, (_content(archive, info, filename) for info in found))


def in_folder(root: Path) -> Files:
    """The files below a folder, by name; links and hidden ones are left out. Raises InvalidFile."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    names = [path.relative_to(root).as_posix() for path in paths]
    kept = [n for n, name in enumerate(names) if not _is_litter(name)]
    return Files([names[n] for n in kept], (_bytes_of(paths[n]) for n in kept))


def _is_litter(name: str) -> bool:
    """What systems leave behind: hidden files, and the folder that macOS adds."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any((part.startswith(".") and part != "..") or part in ("__MACOSX", "Thumbs.db") for part in parts)


def _refuse_harm(info: zipfile.ZipInfo, filename: str) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if (
        not parts
        or name.startswith(("/", "\\"))
        or ".." in parts
        or ":" in parts[0]
        or stat.S_ISLNK(info.external_attr >> 16)
    ):
        raise InvalidFile(f"{filename} has a name that leads out of it, {name!r:.80}: pack the folder itself again.")
    if info.flag_bits & 1:
        raise InvalidFile(f"{filename} is locked with a password: pack it without.")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, filename: str) -> bytes:
    try:
        with archive.open(info) as file:
            return file.read(MAX_BYTES + 1)  # its size is what the archive claims: no more is ever unpacked
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise InvalidFile(f"{filename}: {info.filename!r:.80} cannot be unpacked ({error}): pack it again.") from None


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidFile(f"{path.name} cannot be read ({error.strerror}): leave it out.") from error


def gathered(given: Sequence[tuple[str, Callable[[], bytes]]]) -> Files:
    """Uploaded files, those in ZIP archives among them unpacked. given: each by name, and how to read it."""
    parts = [unzipped(read(), name) if name.lower().endswith(".zip") else _single(name, read) for name, read in given]
    return Files([name for part in parts for name in part.names], (data for part in parts for _, data in part))


def _single(name: str, read: Callable[[], bytes]) -> Files:
    return Files([PurePosixPath(name).name], (each() for each in (read,)))
