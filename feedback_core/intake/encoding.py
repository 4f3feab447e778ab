"""One input becomes canonical bytes and back; its hash decides whether it is locked away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from math import isfinite, isnan, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from ..errors import InvalidFeedback, InvalidFile
from ..pictures import Shelf
from ..types import Column, Schema
from .cells import Array, Mask, parse_image, parse_number, parse_text, shortened, whole_label
from .moments import parse_moment
from .photos import picture_reference, seen_pixels

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_CELLS = 100_000
"""Cells encoded or decoded at a time. 1M x 20 decoded at 2.3 us of CPU a row, with a million at a time 3.0 to 5.3."""


def encode_one(values: Mapping[str, Any] | Sequence[Any], schema: Schema) -> bytes:
    """One input as canonical JSON, equal to what `check` makes of the same values in a file.

    values: by column name (an image also by its file columns), or in schema order; None is a missing value.
    Raises InvalidFeedback.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, (Mapping, Sequence, np.ndarray)):
        raise InvalidFeedback(
            f"input is {shortened(repr(values))}: send an object of columns, or a list in their order."
        )
    ordered = _by_name(values, schema) if isinstance(values, Mapping) else list(values)
    if len(ordered) != len(schema.columns):
        raise InvalidFeedback(
            f"input has {len(ordered)} values, expected {len(schema.columns)}: give {', '.join(schema.names[:10])}."
        )
    pairs = zip(ordered, schema.columns, strict=True)
    return orjson.dumps([_canonical(value, column, schema.pictures) for value, column in pairs])


def label_text(value: Any, labels: Sequence[str]) -> str | None:
    """A label as a file's column would be read: 1 is "1", and 1.0 too where that is a label. Raises InvalidFeedback."""
    try:
        text = parse_text(value)
    except ValueError:
        raise InvalidFeedback(f"target={shortened(repr(value))} is not a label: send text or a number.") from None
    whole = whole_label(text or "")
    return whole if text not in labels and whole in labels else text


def _by_name(values: Mapping[str, Any], schema: Schema) -> list[Any]:
    """The values in schema order. Raises InvalidFeedback for names too few or too many."""
    given = dict(values)
    for column in schema.columns:
        if column.name not in values and any(source in values for source in column.sources):
            given[column.name] = [given.pop(source, None) for source in column.sources]
    if absent := [name for name in schema.names if name not in given]:
        raise InvalidFeedback(f"input lacks the column {absent[0]!r}: send null if its value is missing.")
    if unknown := [name for name in given if name not in schema.names]:
        raise InvalidFeedback(
            f"input has an unknown column {unknown[0]!r}: leave it out, or send one of {', '.join(schema.names[:10])}."
        )
    return [given[name] for name in schema.names]


def _canonical(value: Any, column: Column, pictures: str) -> Any:
    if column.files:
        return _stored(value, column, pictures)
    needs = {
        "number": "a finite number or null",
        "image": f"a list of {prod(column.shape):,} finite numbers",
        "timestamp": "a time such as 2026-01-31T14:30+01:00, seconds since 1970, or null",
    }
    try:
        if column.kind == "image":
            return (parse_image(value, column) + 0.0).tolist()
        if column.kind == "timestamp":
            moment = parse_moment(value)
            return None if isnan(moment) else moment
        if column.kind != "number":
            return parse_text(value)
        number = parse_number(value) + 0.0  # turns -0.0 into 0.0
        if isnan(number) and (value is None or isinstance(value, str)):
            return None
        if not isfinite(number):
            raise ValueError(value)
    except (ValueError, TypeError):
        raise InvalidFeedback(
            f"input: column {column.name!r} holds {shortened(repr(value))}: "
            f"send {needs.get(column.kind, 'text or null')}."
        ) from None
    return number


def _stored(value: Any, column: Column, pictures: str) -> str:
    try:
        return picture_reference(value, Shelf(pictures))
    except InvalidFile as error:
        raise InvalidFeedback(f"input: column {column.name!r}: {error}") from None


def encoded(cells: Sequence[Array], n: int) -> list[bytes]:
    """Canonical JSON of n rows from their checked columns."""
    width = sum(values.shape[1] if values.ndim == 2 else 1 for values in cells)
    step = max(1, _CHUNK_CELLS // max(width, 1))
    encode = _encoded_numbers if all(values.dtype == float and values.ndim == 1 for values in cells) else _encoded_mixed
    chunks = [encode([values[start : start + step] for values in cells]) for start in range(0, n, step)]
    return [body for chunk in chunks for body in chunk]


def _encoded_numbers(cells: Sequence[Array]) -> list[bytes]:
    # One call for the whole matrix, then a split: 1.8 us a row of 20, against 3.8 for a call a row.
    matrix = orjson.dumps(np.column_stack(cells) + 0.0, option=orjson.OPT_SERIALIZE_NUMPY)
    return matrix[1:-1].replace(b"],[", b"]\n[").split(b"\n")


def _encoded_mixed(cells: Sequence[Array]) -> list[bytes]:
    columns = [
        values.tolist()
        if values.dtype == object
        else list(values + 0.0)
        if values.ndim == 2
        else (values + 0.0).tolist()
        for values in cells
    ]
    return [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in zip(*columns, strict=True)]


def decode(inputs: Sequence[bytes | str], schema: Schema) -> pd.DataFrame:
    """The frame models see, one row per input: feature_names(schema) in order.

    number: float64, NaN where missing. timestamp: the same, seconds since the epoch. category: object, NaN where
    missing (OneHotEncoder learns it as a category and fits object columns 10x faster than str). text: object, "" where
    missing (TfidfVectorizer refuses NaN and None). image: float32, one column per pixel, 0-255 where it
    is a file.
    """
    import pandas as pd

    # Neighbours of one kind are one block: a frame of 20 blocks takes twice as long to build as a frame of one.
    blocks = [tuple(group) for _, group in groupby(schema.columns, key=lambda column: column.kind)]
    step = max(1, _CHUNK_CELLS // len(feature_names(schema)))
    mixed = any(column.kind in ("category", "text") or column.files for column in schema.columns)
    split = _decoded_mixed if mixed else _decoded_numbers
    chunks = [
        split(_joined(inputs[start : start + step]), blocks, schema.pictures) for start in range(0, len(inputs), step)
    ]
    parts = []
    for n, block in enumerate(blocks):
        names = feature_names(Schema(block))
        dtype = {"number": np.float64, "timestamp": np.float64, "image": np.float32}.get(block[0].kind, object)
        rows = [np.empty((0, len(names)), dtype), *(chunk[n] for chunk in chunks)]
        parts.append(pd.DataFrame(np.concatenate(rows, dtype=dtype), columns=names, dtype=dtype))
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def _joined(inputs: Sequence[bytes | str]) -> bytes:
    try:
        return b",".join(inputs)  # type: ignore[arg-type]  # text is the exception, below
    except TypeError:
        return ",".join(body if isinstance(body, str) else body.decode() for body in inputs).encode()


def _decoded_numbers(chunk: bytes, blocks: Sequence[Sequence[Column]], _pictures: str) -> list[Array]:
    """Blocks (n, width) of rows that hold numbers only, so their brackets say nothing."""
    flat = orjson.loads(b"[" + chunk.translate(None, b"[]") + b"]")
    values = np.fromiter(flat, float, len(flat))  # null becomes NaN
    ends = np.cumsum([sum(prod(column.shape) for column in block) for block in blocks])
    return np.split(values.reshape(-1, ends[-1]), ends[:-1], axis=1)


def _decoded_mixed(chunk: bytes, blocks: Sequence[Sequence[Column]], pictures: str) -> list[Array]:
    columns = zip(*orjson.loads(b"[" + chunk + b"]"), strict=True)
    return [np.column_stack([_decoded_column(next(columns), column, pictures) for column in block]) for block in blocks]


def _decoded_column(values: Sequence[Any], column: Column, pictures: str) -> Array:
    if column.files:
        return seen_pixels(values, column.shape, Shelf(pictures))
    kind = column.kind
    if kind in ("number", "image", "timestamp"):
        return np.array(values, float)
    missing = "" if kind == "text" else np.nan
    return np.array([missing if value is None else value for value in values], object)


def feature_names(schema: Schema) -> list[str]:
    """Names of the columns that `decode` gives."""
    return [
        name
        for column in schema.columns
        for name in ([f"{column.name}_{n:04d}" for n in range(prod(column.shape))] if column.shape else [column.name])
    ]


def input_hash(input: bytes) -> str:
    """32 hex digits; the same on every machine."""
    return blake2b(input, digest_size=16).hexdigest()


def holdout_side(hashes: Sequence[str], salt: int, share: float) -> Mask:
    """Which inputs are locked away, shape (n,); share: 0-1. Equal hashes fall on the same side, whatever the order.

    Source: the finalizer of splitmix64 (Steele, Lea and Flood, 2014).
    """
    mixed = _words(hashes) ^ np.uint64(int(input_hash(str(salt).encode())[:16], 16))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53 < share)


def storing_order(hashes: Sequence[str]) -> list[int]:
    """Positions of rows by hash, equal ones in their order: what a key index takes in page after page.

    A million rows of 20 numbers take 17 us of CPU each so, 21 to 25 in the file's order (python -m benchmarks.store).
    """
    order: list[int] = np.argsort(_words(hashes), kind="stable").tolist()
    return order


def _words(hashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(bytes.fromhex("".join(digest[:16] for digest in hashes)), ">u8").astype(np.uint64)
