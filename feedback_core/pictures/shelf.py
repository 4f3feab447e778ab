"""Picture files on disk by their content: each stored once, whole or not at all, with small copies beside it."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from ..errors import InvalidFile
from .opening import opened

if TYPE_CHECKING:
    from PIL.Image import Image

_REFUSED = "refused:"
_REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")

ASIDE = "removed"
"""Folder beside picture files that holds those which no row named at the last sweep."""

CARD_SIDE, ROW_SIDE = 480, 96
"""Longest sides in pixels of the copies shown on a card and in a row of a table (48 wide on a fine screen)."""

_QUALITY = 85

_EXACT_SIDE = 64
"""Up to this side a picture is shown as it is: JPEG would blur its pixels, and saves nothing."""


def is_reference(value: Any) -> bool:
    """Whether a cell refers to a picture by its content: sha256: and 64 hex digits."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def refused(name: str, why: str) -> str:
    """What stands in place of a reference for a file that is no picture. why: begins with its name."""
    return f"{_REFUSED}{name}\n{why}"


def why_refused(cell: Any) -> tuple[str, str] | None:
    """Name of a refused file and why; None for any other cell."""
    if not isinstance(cell, str) or not cell.startswith(_REFUSED):
        return None
    name, _, why = cell.removeprefix(_REFUSED).partition("\n")
    return name, why.removeprefix(f"{name} ")


class Shelf:
    """The picture files below one folder. References are "sha256:" and the digest of the file as it came in."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def put(self, data: bytes, name: str) -> tuple[str, Image]:
        """Store a picture unless it is there already; gives its reference and its pixels.

        name: for messages. Raises InvalidFile for what is no whole PNG or JPEG within the limits.
        """
        image = opened(data, name)
        digest = sha256(data).hexdigest()
        if not self.keep(f"sha256:{digest}"):
            target = self._place(digest)
            _settle(target, data, durable=True)
            self._make_copy(target, image, ROW_SIDE)
        return f"sha256:{digest}", image

    def put_pixels(self, pixels: npt.NDArray[np.uint8]) -> str:
        """Store an array (h, w) or (h, w, 3) of 0-255 as a PNG file; gives its reference."""
        from PIL import Image

        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return self.put(buffer.getvalue(), "array")[0]

    def holds(self, reference: Any) -> bool:
        return is_reference(reference) and self._found(reference[7:]).is_file()

    def keep(self, reference: Any) -> bool:
        """Whether the file is here; where it is, it counts as new, so that it is not swept before a row names it."""
        if not self.holds(reference):
            return False
        path = self._place(reference[7:])
        with undisturbed(path.parent):
            if path.is_file():
                os.utime(path)
                return True
        return False

    def read(self, reference: str) -> bytes:
        """The file as it came in. Raises InvalidFile when it is gone or no longer what was stored."""
        path = self._path(reference)
        data = path.read_bytes()
        if sha256(data).hexdigest() != path.name:
            raise InvalidFile(f"The picture {path.name[:12]}… has changed: restore the folder {self.root.name}.")
        return data

    def media_type(self, reference: str) -> str:
        """image/png or image/jpeg, by what the file begins with. Raises InvalidFile when it is gone."""
        with self._path(reference).open("rb") as file:
            return "image/jpeg" if file.read(2) == b"\xff\xd8" else "image/png"

    def small(self, reference: str, side: int) -> tuple[bytes, str]:
        """A copy with its longest side at most `side`, and its media type; made once, then read from disk."""
        path = self._path(reference)
        for ending, kind in (("png", "image/png"), ("jpg", "image/jpeg")):
            if (copy := _beside(path, f"{side}.{ending}")).is_file():
                return copy.read_bytes(), kind
        return self._make_copy(path, opened(self.read(reference), path.name[:12]), side)

    def pixels(self, reference: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """What a model sees, 0-255, (height x width x channels,): squeezed into the shape, grey where it has no third
        number; made once, then read from disk.
        """
        path = self._path(reference)
        copy = _beside(path, f"{'x'.join(map(str, shape))}.raw")
        size = int(np.prod(shape))
        if copy.is_file() and copy.stat().st_size == size:
            return np.fromfile(copy, np.uint8)
        image = opened(self.read(reference), path.name[:12]).convert("RGB" if len(shape) == 3 else "L")
        found = np.asarray(_resized(image, (shape[1], shape[0])), np.uint8).ravel()
        _settle(copy, found.tobytes(), durable=False)
        return found

    def _make_copy(self, path: Path, image: Image, side: int) -> tuple[bytes, str]:
        factor = min(1.0, side / max(image.size))
        copy = _resized(image, (max(1, round(image.width * factor)), max(1, round(image.height * factor))))
        exact, buffer = max(copy.size) <= _EXACT_SIDE, BytesIO()
        copy.save(buffer, "PNG") if exact else copy.save(buffer, "JPEG", quality=_QUALITY)
        _settle(_beside(path, f"{side}.{'png' if exact else 'jpg'}"), buffer.getvalue(), durable=False)
        return buffer.getvalue(), "image/png" if exact else "image/jpeg"

    def _place(self, digest: str) -> Path:
        # Two digits a folder: a hundred thousand files in one are slow to list on some file systems.
        return self.root / digest[:2] / digest

    def _found(self, digest: str) -> Path:
        """Where a file belongs; one that the sweep has set aside comes back there."""
        path = self._place(digest)
        if not path.is_file() and aside(path).is_file():
            bring_back(path)
        return path

    def _path(self, reference: str) -> Path:
        if not is_reference(reference):
            raise InvalidFile(f"{reference!r:.80} refers to no picture: it is sha256: and 64 digits.")
        path = self._found(reference[7:])
        if not path.is_file():
            raise InvalidFile(f"The picture {path.name[:12]}… is not here: restore the folder {self.root.name}.")
        return path


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """Nobody else who asks for this does anything to the files of a folder meanwhile, in this process or another."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which ends the lock, as the end of the process would


def aside(path: Path) -> Path:
    """Where a file lies after the sweep, until it is asked for or its time is over."""
    return path.parent / ASIDE / path.name


def bring_back(path: Path) -> None:
    """Put a file that was set aside where it belongs, and count it as new."""
    with undisturbed(path.parent), suppress(FileNotFoundError):  # somebody else may just have done so
        os.utime(aside(path))
        aside(path).rename(path)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.BILINEAR, reducing_gap=2.0)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


def _settle(target: Path, data: bytes, *, durable: bool) -> None:
    """Write a file whole, or not at all. durable: it cannot be made again, so it is on the disk when this returns."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{uuid4().hex}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
