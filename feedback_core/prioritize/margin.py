"""Smallest gap between the two best classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy


@strategy("margin")
def margin(pool: Pool) -> npt.NDArray[np.floating]:
    """One minus the gap between the top two classes, shape (n,), in [0, 1].

    1 means a coin flip between two classes, 0 means certainty.
    """
    if pool.proba.shape[1] < 2:
        return np.zeros(len(pool.proba))
    top_two = np.partition(pool.proba, -2, axis=1)[:, -2:]
    return np.asarray(1 - (top_two[:, 1] - top_two[:, 0]))
