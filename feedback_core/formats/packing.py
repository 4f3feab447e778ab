"""Folders as one file: a ZIP, which a browser can take and a command can unpack."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

_PIECE = 1_000_000


def packed(fill: Callable[[Path], None]) -> Iterator[bytes]:
    """The ZIP of a folder in pieces. fill: writes the folder; nothing of it stays in memory or on the disk."""
    with tempfile.TemporaryDirectory(prefix="feedback-export-") as place:
        folder, target = Path(place) / "folder", Path(place) / "folder.zip"
        folder.mkdir()
        fill(folder)
        zipped(folder, target)
        with target.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def zipped(folder: Path, target: Path) -> None:
    """Write the files of a folder, and of the folders in it, as one ZIP."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(path, path.relative_to(folder))
