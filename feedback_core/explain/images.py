"""Which patches of an image moved a prediction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .explanation import Detail
from .permutations import Mask, shapley

GRID = 7
"""Patches along the longer side that a model without readable weights is asked about."""

FINEST = 32
"""Cells along the longer side of a heat map at most: finer ones are summed."""


def by_features(column: str, shape: tuple[int, ...], amounts: npt.NDArray[np.float64]) -> Detail:
    """A heat map of what each pixel added, colours summed. amounts: (pixels,), in the order of the image."""
    side = -(-max(shape[:2]) // FINEST)
    return Detail(column, heat=_grid(np.bincount(patches(shape, side), amounts).astype(float), shape, side))


def by_exchange(
    column: str,
    shape: tuple[int, ...],
    ask: Callable[[Mask, npt.NDArray[np.intp]], npt.NDArray[np.floating]],
    rng: np.random.Generator,
    backgrounds: int,
) -> Detail:
    """Sampled Shapley values of patches, against the same patch of background images.

    ask: own (m, pixels), background (m,) -> outputs.
    """
    side = -(-max(shape[:2]) // GRID)
    owners = patches(shape, side)
    n = int(owners.max()) + 1
    shares = shapley(n, lambda own, source: ask(own[:, owners], source), rng, most=2_500, backgrounds=backgrounds)
    return Detail(column, heat=_grid(shares.values, shape, side))


def patches(shape: tuple[int, ...], side: int) -> npt.NDArray[np.intp]:
    """The patch of `side` by `side` pixels that each value of an image belongs to, (pixels,)."""
    height, width = shape[:2]
    across = -(-width // side)
    grid = (np.arange(height) // side)[:, None] * across + np.arange(width) // side
    return np.repeat(grid.ravel(), shape[2] if len(shape) > 2 else 1)


def _grid(values: npt.NDArray[np.float64], shape: tuple[int, ...], side: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.reshape(-(-shape[0] // side), -1).tolist())
