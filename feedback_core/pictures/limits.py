"""What a picture may be, checked before it fills the memory."""

from __future__ import annotations

MAX_BYTES = 20 * 2**20
"""Largest picture file in bytes: photos of phones have 2 to 12 MB."""

MAX_PIXELS = 50_000_000
"""Most pixels of a picture: decoded in colour they take 150 MB; a PNG of 1 MB can claim a thousand times as many."""

MAX_PICTURES = 50_000
"""Most pictures of one upload or folder."""

MAX_SIDE = 256
"""Longest side in which a model sees a picture: 256 x 256 in colour are 196,608 numbers."""

PICTURE_ENDINGS = ("png", "jpg", "jpeg")

FORMATS = ("PNG", "JPEG")


def is_seen_shape(shape: tuple[int, ...]) -> bool:
    """Whether models can see pictures in a shape: (height, width) or (height, width, 3), up to MAX_SIDE a side."""
    return len(shape) in (2, 3) and max(shape[:2]) <= MAX_SIDE and shape[2:] in ((), (3,))


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return name.lower().rpartition(".")[2] in PICTURE_ENDINGS
