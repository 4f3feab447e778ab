"""The priority: a weighted sum of rank-normalised parts, each kept by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .registry import STRATEGIES, Pool

BINS = 20
"""Bars of the stored priority histogram, each 0.05 wide."""


def ranks(raw: npt.NDArray[np.floating], among: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
    """Mean rank as a share of n, shape (n,), in (0, 1]; ties share their rank, so no unit needs tuning.

    among: (n,) rows that make up the ranking (the open items); the others get the place they would have.
    """
    reference = np.sort(raw if among is None or not among.any() else raw[among])
    below = np.searchsorted(reference, raw, side="left")
    upto = np.searchsorted(reference, raw, side="right")
    return np.asarray(np.clip((below + upto + 1) / (2 * max(len(reference), 1)), 0, 1))


def blend(pool: Pool, weights: Mapping[str, float]) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Part names and contributions (n, p), which sum to the priority in [0, 1]. Weights need not sum to 1."""
    total = sum(weights.values())
    names = tuple(name for name in sorted(weights) if weights[name] > 0)
    parts = [weights[name] / total * ranks(STRATEGIES[name](pool), pool.is_open) for name in names]
    return names, np.stack(parts, axis=1).astype(np.float32)


def histogram(names: tuple[str, ...], parts: npt.NDArray[np.float32]) -> dict[str, list[float]]:
    """`count` of rows and mean contribution of each part per priority bin, BINS values each."""
    bins = np.minimum((parts.sum(axis=1) * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    means = {
        name: (np.bincount(bins, weights=parts[:, n], minlength=BINS) / np.maximum(counts, 1)).tolist()
        for n, name in enumerate(names)
    }
    return {"count": counts.astype(float).tolist()} | means
