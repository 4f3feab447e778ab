"""Lowest probability of the predicted class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy


@strategy("least_confidence")
def least_confidence(pool: Pool) -> npt.NDArray[np.floating]:
    """One minus the largest class probability, shape (n,), in [0, 1 - 1/k]."""
    return np.asarray(1 - pool.proba.max(axis=1))
