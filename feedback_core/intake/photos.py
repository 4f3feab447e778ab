"""Picture files as cells: what comes in is stored by its content, and the cell holds the reference."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFile
from ..pictures import Shelf, is_reference, why_refused
from .cells import Array, Mask, shortened

if TYPE_CHECKING:
    import pandas as pd

_DATA_ADDRESS = re.compile(r"data:image/(?:png|jpeg);base64,", re.IGNORECASE)


def picture_reference(value: Any, shelf: Shelf) -> str:
    """The reference of a picture, which is stored where it is new.

    value: a reference; the bytes of a PNG or JPEG file, plain or in base64; or an array (h, w) or (h, w, 3) of whole
    numbers from 0 to 255. Raises InvalidFile.
    """
    if is_reference(value):
        if not shelf.keep(value):
            raise InvalidFile(f"{value[:19]}… is no picture that was sent here: send the picture itself.")
        return str(value)
    if isinstance(value, str):
        return shelf.put(_bytes_of(value), "the picture")[0]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return shelf.put(bytes(value), "the picture")[0]
    return shelf.put_pixels(_array(value))


def picture_column(cells: pd.Series[Any], shelf: Shelf) -> tuple[Array, Mapping[str, Mask]]:
    """References (n,) and masks (n,) of the cells that are no picture, by what is wrong with them."""
    values, wrong = np.full(len(cells), None, object), dict[str, Mask]()
    for n, cell in enumerate(cells.tolist()):
        if found := why_refused(cell):
            wrong.setdefault(found[1], np.zeros(len(cells), bool))[n] = True
            continue
        try:
            values[n] = picture_reference(cell, shelf)
        except InvalidFile as error:
            what = "is no picture" if cell is None or cell != cell else str(error)
            wrong.setdefault(what, np.zeros(len(cells), bool))[n] = True
    return values, wrong


def names_of(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The cells for people: a refused file is called by its name."""
    return cells.map(lambda cell: found[0] if (found := why_refused(cell)) else cell)


def seen_pixels(references: Sequence[str], shape: tuple[int, ...], shelf: Shelf) -> Array:
    """What models see of pictures: float32 (n, pixels) from 0 to 255. Raises InvalidFile when one is gone."""
    rows = np.empty((len(references), int(np.prod(shape))), np.float32)
    for n, reference in enumerate(references):
        rows[n] = shelf.pixels(reference, shape)
    return rows


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(_DATA_ADDRESS.sub("", text.strip(), count=1), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFile(
            f"{shortened(text)!r} is no picture: send the bytes of a PNG or JPEG file in base64."
        ) from None


def _array(value: Any) -> Any:
    try:
        pixels = np.asarray(value, float)
    except (TypeError, ValueError):
        pixels = np.empty(0)
    fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not (fits and pixels.size and ((pixels >= 0) & (pixels <= 255) & (pixels == np.floor(pixels))).all()):
        raise InvalidFile(
            f"{shortened(repr(value))} is no picture: send the bytes of a PNG or JPEG file in base64, or rows of whole "
            "numbers from 0 to 255."
        )
    return pixels.astype(np.uint8)
