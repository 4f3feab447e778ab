"""Rows unlike everything labelled so far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .chunks import by_chunks
from .registry import Pool, strategy


@strategy("novelty", "features", "labelled")
def novelty(pool: Pool) -> npt.NDArray[np.floating]:
    """d / (1 + d) for the Euclidean distance d to the nearest labelled row, shape (n,), in [0, 1].

    1 when nothing is labelled. Alone it asks about outliers, so its weight should stay small.
    """
    return distance(pool.fact("features"), pool.fact("labelled"))


def distance(rows: npt.NDArray[np.floating], labelled: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """d / (1 + d) from each of rows (n, f) to the nearest of labelled (l, f), shape (n,); 1 where l is 0."""
    if not len(labelled):
        return np.ones(len(rows))
    # |x - l|^2 = |x|^2 + (|l|^2 - 2 x.l): one matrix product with a column of ones; centred to keep float32 exact.
    centre = labelled.mean(axis=0)
    near = labelled - centre
    against = np.vstack([-2 * near.T, (near * near).sum(axis=1)])

    def nearest(chunk: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        far = chunk - centre
        products = np.column_stack([far, np.ones(len(far), far.dtype)]) @ against
        d = np.sqrt(np.maximum(products.min(axis=1) + (far * far).sum(axis=1), 0))
        return np.asarray(d / (1 + d))

    return by_chunks(nearest, rows, width=len(labelled))
