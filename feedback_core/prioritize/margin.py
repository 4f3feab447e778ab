"""Smallest gap between the two best classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .chunks import by_chunks
from .registry import Pool, strategy

FEW_CLASSES = 32
"""Up to here two running maxima over the columns beat a partial sort of each row."""


@strategy("margin")
def margin(pool: Pool) -> npt.NDArray[np.floating]:
    """One minus the gap between the top two classes, shape (n,), in [0, 1].

    1 means a coin flip between two classes, 0 means certainty.
    """
    if pool.proba.shape[1] < 2:
        return np.zeros(len(pool.proba))
    return by_chunks(_columns if pool.proba.shape[1] <= FEW_CLASSES else _rows, pool.proba)


def _columns(proba: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    first, *others = np.ascontiguousarray(proba.T)
    second = np.full_like(first, -np.inf)
    for column in others:
        np.maximum(second, np.minimum(first, column), out=second)
        first = np.maximum(first, column)
    return np.asarray(1 - (first - second))


def _rows(proba: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    top_two = np.partition(proba, -2, axis=1)[:, -2:]
    return np.asarray(1 - (top_two[:, 1] - top_two[:, 0]))
