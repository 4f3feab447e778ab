"""Points of many dimensions on a plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Array = npt.NDArray[np.floating]

LEAST_FOR_NEIGHBOURHOODS = 10
"""Below this t-SNE has no neighbourhoods to keep, and the principal components are drawn instead."""

STEPS = 500
"""Half of scikit-learn's default: groups have settled by then, and the map is ready in half the time."""

PERPLEXITY = 30.0
"""Neighbours each point tries to keep near: scikit-learn's default."""


def principal(features: Array) -> npt.NDArray[np.float32]:
    """The two directions of largest variance, (n, 2), of features (n, f). Signs are fixed, so no map flips over."""
    centred = features.astype(float) - features.mean(axis=0, dtype=float)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    strongest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    plane = centred @ (axes * np.where(strongest < 0, -1, 1))
    missing = 2 - plane.shape[1]
    return np.pad(plane, ((0, 0), (0, missing))).astype(np.float32)


def neighbourhoods(features: Array, seed: int) -> npt.NDArray[np.float32]:
    """t-SNE (van der Maaten and Hinton, 2008) of features (n, f), shape (n, 2).

    Near stays near; how far groups lie apart says little.
    """
    if len(features) < LEAST_FOR_NEIGHBOURHOODS:
        return principal(features)
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    model = TSNE(perplexity=perplexity, init=_start(features), random_state=seed, max_iter=STEPS)
    # Two threads spin against each other on a busy machine, and the worker is not alone.
    with threadpool_limits(1):
        return np.asarray(model.fit_transform(features), dtype=np.float32)


def _start(features: Array) -> npt.NDArray[np.float32]:
    # Small, as t-SNE wants it: from a spread start points cannot pass each other.
    plane = principal(features)
    return plane / np.float32(max(float(plane[:, 0].std()), 1e-12)) * np.float32(1e-4)
