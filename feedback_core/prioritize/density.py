"""Rows that stand for many others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .chunks import by_chunks
from .registry import Pool, strategy


@strategy("density", "features", "sample")
def density(pool: Pool) -> npt.NDArray[np.floating]:
    """Mean similarity 1 / (1 + d^2 / s^2) to a sample of the open items, shape (n,), in [0, 1].

    d: Euclidean distance; s^2: the sample's variance summed over the features, so no unit needs tuning. Against a
    sample it costs n x s; modAL compares every pair and runs out of memory at 100,000 rows.
    Source: information density, Settles and Craven (2008), with another similarity.
    """
    sample = pool.fact("sample")
    if not len(sample):
        return np.zeros(len(pool.proba))
    centre = sample.mean(axis=0)
    near = sample - centre
    lengths = (near * near).sum(axis=1)
    scale = max(float(lengths.mean()), 1e-12)

    def similarity(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        far = rows - centre
        squares = lengths - 2 * (far @ near.T) + (far * far).sum(axis=1)[:, None]
        return np.asarray((1 / (1 + np.maximum(squares, 0) / scale)).mean(axis=1))

    return by_chunks(similarity, pool.fact("features"), width=len(sample))
