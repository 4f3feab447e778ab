"""Spread of the probability over all classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy


@strategy("entropy")
def entropy(pool: Pool) -> npt.NDArray[np.floating]:
    """Shannon entropy as a share of its maximum, shape (n,), in [0, 1].

    Falls below random on sets with many classes: it also rises for probability spread over hopeless ones.
    """
    proba = np.clip(pool.proba, 1e-12, 1)
    spread = -(proba * np.log(proba)).sum(axis=1)
    return np.asarray(spread / np.log(max(pool.proba.shape[1], 2)))
