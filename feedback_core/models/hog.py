"""Images become histograms of oriented gradients: which way edges run in each part, not how bright it is."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

Floats = npt.NDArray[np.float32]

BINS = 9
"""Orientations between 0 and 180 degrees, the sign of a gradient aside."""

CELL = 8
"""Pixels along a cell of a picture that is large enough."""

FEWEST, MOST = 4, 16
"""Cells along the shorter side at least, or those of small pictures would be no parts, and along the longer at most:
256 x 256 pixels are 8,100 numbers instead of 34,596."""

CLIP = 0.2
"""No share of a block's gradients counts for more: one strong edge does not outshine all others."""

_TINY = 1e-6

_CHUNK_PIXELS = 2_000_000


class Hog(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Histograms of oriented gradients of images (n, height x width x channels); nothing is learned.

    shape: (height, width) or (height, width, 3). Differences of neighbours, of the colour where they are largest, vote
    by their length for the two nearest of 9 orientations; cells are normalised in overlapping blocks of 2 x 2, clipped
    and normalised again. Votes are shared between orientations, not between cells.
    Source: Dalal and Triggs (2005), Histograms of oriented gradients for human detection, section 6 (R-HOG, L2-Hys).
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = shape

    def fit(self, X: Any, _y: Any = None) -> Hog:
        """Learns nothing but the names of the pixels."""
        self.feature_names_in_ = np.asarray(getattr(X, "columns", range(prod(self.shape))), object)
        self.n_features_in_ = prod(self.shape)
        return self

    def transform(self, X: Any) -> Floats:
        """Features (n, blocks x 4 x 9), float32, of length 1 a block; 0 where nothing changes."""
        images = np.asarray(X, np.float32).reshape(-1, *self.shape[:2], *(self.shape[2:] or (1,)))
        step = max(1, _CHUNK_PIXELS // prod(self.shape))
        parts = [_blocks(_cells(images[start : start + step])) for start in range(0, len(images), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self._width), np.float32)

    def get_feature_names_out(self, _input_features: Sequence[str] | None = None) -> npt.NDArray[np.object_]:
        return np.asarray([f"gradient_{n}" for n in range(self._width)], object)

    @property
    def _width(self) -> int:
        return int(_blocks(_cells(np.zeros((1, *self.shape[:2], 1), np.float32))).shape[1])


def _cells(images: Floats) -> Floats:
    """Histograms (n, rows, columns, 9) of images (n, height, width, channels); the last take what is left over."""
    length, angle = _gradients(images)
    place = angle / np.pi * BINS - 0.5
    lower = np.floor(place)
    share = place - lower
    nearest = lower.astype(np.int8)
    down, across = _starts(images.shape[1:3])
    votes = []
    for k in range(BINS):
        vote = length * ((nearest % BINS == k) * (1 - share) + ((nearest + 1) % BINS == k) * share)
        votes.append(np.add.reduceat(np.add.reduceat(vote, down, axis=1), across, axis=2))
    return np.stack(votes, axis=-1)


def _gradients(images: Floats) -> tuple[Floats, Floats]:
    """Length and angle in [0, pi] of the difference across each pixel, (n, height, width); the rim is repeated."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    below = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strongest = np.argmax(right**2 + below**2, axis=-1)[..., None]
    right, below = (np.take_along_axis(each, strongest, axis=-1)[..., 0] for each in (right, below))
    return np.hypot(right, below), np.mod(np.arctan2(below, right), np.float32(np.pi))


def _starts(size: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], ...]:
    """Where the cells of an image begin, down and across."""
    side = max(min(CELL, min(size) // FEWEST), -(-max(size) // MOST), min(2, *size))
    return tuple(np.arange(max(1, length // side)) * side for length in size)


def _blocks(cells: Floats) -> Floats:
    """Blocks of 2 x 2 cells, one cell further each, normalised; one row (n, f) an image."""
    high, wide = (min(2, length) for length in cells.shape[1:3])
    windows = np.lib.stride_tricks.sliding_window_view(cells, (high, wide), axis=(1, 2))
    blocks = windows.reshape(*windows.shape[:3], -1)
    blocks = _unit(np.minimum(_unit(blocks), np.float32(CLIP)))
    return blocks.reshape(len(cells), -1)


def _unit(blocks: Floats) -> Floats:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + _TINY**2), dtype=np.float32)
