"""The bytes of a picture become pixels, or are refused by name: nothing in them is trusted."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFile
from .limits import FORMATS, MAX_BYTES, MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

_WAY_OUT = "send a PNG or JPEG picture"


def opened(data: bytes, name: str) -> Image:
    """A picture, upright, in grey ("L") or in colour ("RGB"); what is transparent becomes white.

    name: of the file, for messages. Raises InvalidFile for what is too large, broken, or neither PNG nor JPEG.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > MAX_BYTES:
        size = f"{len(data) / 2**20:,.0f} MB, more than the {MAX_BYTES // 2**20} MB a picture may have"
        raise InvalidFile(f"{name} has {size}: save it smaller.")
    try:
        with warnings.catch_warnings():
            # Pillow only warns of large ones; how many pixels are too many is decided here.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
            _check_size(image.size, name)
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        if data.startswith((b"\x89PNG", b"\xff\xd8\xff")):
            raise InvalidFile(f"{name} is broken or cut off: save it again, or leave it out.") from None
        raise InvalidFile(f"{name} is no picture this program reads{_looks_like(data)}: {_WAY_OUT}.") from None
    except Image.DecompressionBombError:
        raise _too_many(name, "far too many") from None
    except InvalidFile:
        raise
    except (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, struct.error, EOFError, LookupError):
        raise InvalidFile(f"{name} is broken or cut off: save it again, or leave it out.") from None


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidFile(f"{name} has no pixels: {_WAY_OUT}.")
    if width * height > MAX_PIXELS:
        raise _too_many(name, f"{width:,} x {height:,}")


def _too_many(name: str, found: str) -> InvalidFile:
    return InvalidFile(f"{name} has {found} pixels, more than {MAX_PIXELS:,}: save it smaller.")


def _plain(image: Any) -> Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 bits a pixel, which Pillow would cut at 255
        values = np.asarray(image, float)
        image = Image.fromarray(np.clip(values / (257 if values.max() > 255 else 1), 0, 255).astype(np.uint8))
    if image.mode in ("1", "L"):
        return _done(image.convert("L"))
    if "A" in image.mode or "transparency" in image.info:
        colour = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(colour, mask=colour.getchannel("A"))
        return _done(image)
    return _done(image.convert("RGB"))


def _done(image: Any) -> Image:
    image.info = {}  # names of programs, places and times, which a copy must not carry on
    return image  # type: ignore[no-any-return]


def _looks_like(data: bytes) -> str:
    """What it seems to be instead, in words."""
    start = data[:256].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html")):
        return " (it is text such as SVG or HTML)"
    kinds = {b"GIF8": "GIF", b"RIFF": "WebP", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF",
             b"PK\3\4": "a ZIP archive"}  # fmt: skip
    return next((f" (it is {kind})" for sign, kind in kinds.items() if data.startswith(sign)), "")
