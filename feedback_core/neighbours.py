"""The rows most like others: exact nearest neighbours by brute force, in pieces that stay small."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CELLS = 2**22
"""Distances held at once: 16 MB of float32 whatever the number of rows."""

Array = npt.NDArray[np.floating]


def nearest(features: Array, queries: Array, k: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Positions and Euclidean distances of the rows nearest to each query, two arrays (q, min(k, m)), nearest first.

    features: (m, f) the rows to choose from. queries: (q, f). Equal distances go to the lower position.
    """
    k = min(k, len(features))
    places = np.zeros((len(queries), k), dtype=np.intp)
    distances = np.zeros((len(queries), k), dtype=np.float32)
    if not k or not len(queries):
        return places, distances
    # |x - q|^2 = |x|^2 - 2 x.q + |q|^2 is one matrix product; centred, so that float32 keeps small distances apart.
    centre = features.mean(axis=0)
    rows, asked = features - centre, queries - centre
    lengths = (rows * rows).sum(axis=1)
    step = max(1, CELLS // max(len(rows), k * rows.shape[1]))
    for start in range(0, len(asked), step):
        piece = slice(start, start + step)
        squares = lengths - 2 * (asked[piece] @ rows.T)
        places[piece] = _smallest(squares, k)
        # Exact again for the few that were found: what cancels out above would show as a distance of a copy.
        gaps = queries[piece][:, None, :] - features[places[piece]]
        distances[piece] = np.sqrt((gaps * gaps).sum(axis=2))
    order = np.lexsort((places, distances), axis=1)
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _smallest(squares: Array, k: int) -> npt.NDArray[np.intp]:
    if k == squares.shape[1]:
        return np.broadcast_to(np.arange(k), squares.shape)
    # The lower position wins among equals at the cut, which argpartition leaves to chance.
    cut = np.partition(squares, k - 1, axis=1)[:, k - 1 : k]
    below = squares < cut
    room = k - below.sum(axis=1, keepdims=True)
    equal = squares == cut
    chosen = below | (equal & (np.cumsum(equal, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(squares), k)
