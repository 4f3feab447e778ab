"""Classes that have few labels so far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy


@strategy("rarity")
def rarity(pool: Pool) -> npt.NDArray[np.floating]:
    """Expected rarity of the class among the training labels, shape (n,), in [0, 1]."""
    # One type for both: mixed, NumPy first copies all probabilities to float64.
    return np.asarray(pool.proba @ (1 - pool.class_share).astype(pool.proba.dtype))
