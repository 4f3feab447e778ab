"""Messages between a process and the one it keeps: a head in JSON, then arrays as bare bytes. Nothing is unpickled."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_HEAD = 2**28
"""Bytes of a head; a batch of texts travels in it."""

MOST_ARRAY = 2**30
"""Bytes of all arrays of a message."""

Arrays = Mapping[str, npt.NDArray[Any]]
Read = Callable[[int], bytes]
"""Gives exactly so many bytes. Raises EOFError where there are no more."""


def packed(head: Mapping[str, Any], arrays: Arrays) -> list[bytes]:
    """A message in pieces. Arrays of texts, (n, ...) of dtype object, go into the head."""
    about = [_about(name, values) for name, values in arrays.items()]
    start = json.dumps({**head, "arrays": about}).encode()
    numbers = [np.ascontiguousarray(each).tobytes() for each in arrays.values() if each.dtype != object]
    return [struct.pack("<I", len(start)), start, *numbers]


def unpacked(read: Read) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """A message. Raises EOFError at the end, ValueError for what is none."""
    (length,) = struct.unpack("<I", read(4))
    if length > MOST_HEAD:
        raise ValueError(f"a head of {length:,} bytes")
    head = json.loads(read(length))
    left, arrays = MOST_ARRAY, {}
    for about in head.pop("arrays"):
        arrays[str(about["name"])], left = _array(about, read, left)
    return head, arrays


def _about(name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    about = {"name": name, "dtype": values.dtype.str, "shape": list(values.shape)}
    return about | ({"texts": values.ravel().tolist()} if values.dtype == object else {})


def _array(about: Mapping[str, Any], read: Read, left: int) -> tuple[npt.NDArray[Any], int]:
    if "texts" in about:
        return np.asarray(about["texts"], dtype=object).reshape(about["shape"]), left
    dtype = np.dtype(str(about["dtype"]))
    if dtype.kind not in "fiu":
        raise ValueError(f"an array of {dtype}")
    size = dtype.itemsize
    for side in about["shape"]:
        size *= int(side)
    if not 0 <= size <= left:
        raise ValueError(f"arrays of {size:,} bytes")
    return np.frombuffer(read(size), dtype=dtype).reshape(about["shape"]), left - size
