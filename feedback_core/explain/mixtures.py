"""Rows of which some columns are an item's own and the others those of a background row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .owners import Owners
from .permutations import Mask

Places = npt.NDArray[np.intp]


def of_numbers(row: Any, backgrounds: Any, owners: Owners) -> Any:
    """A mixer of prepared rows. row: (1, w), backgrounds: (b, w), dense or sparse. owners: (w,) player of each number.

    It takes own (m, p) and the background of each mixture (m,), and gives (m, w).
    """
    if hasattr(row, "tocsr"):
        return _Sparse(row, backgrounds, owners)
    own, others = np.asarray(row)[0], np.asarray(backgrounds)
    return lambda kept, source: np.where(kept[:, owners], own, others[source])


def of_frames(row: Any, backgrounds: Any, owners: Owners) -> Any:
    """The same for decoded frames. owners: player of each column of the frame."""
    import pandas as pd

    names, own, others = list(row.columns), row.to_numpy(), backgrounds.to_numpy()
    if own.dtype != object:  # a frame made of a thousand pixels, one by one, takes longer than the model
        mixer = of_numbers(own, others, owners)
        return lambda kept, source: pd.DataFrame(mixer(kept, source), columns=names)

    def mix(kept: Mask, source: Places) -> Any:
        mixed = {
            name: np.where(kept[:, owners[n]], row[name].to_numpy()[0], backgrounds[name].to_numpy()[source])
            for n, name in enumerate(names)
        }
        return pd.DataFrame(mixed)

    return mix


class _Sparse:
    """Mixtures of sparse rows, made of whole segments: those of one row that belong to one player."""

    def __init__(self, row: Any, backgrounds: Any, owners: Owners) -> None:
        from scipy.sparse import vstack

        rows = vstack([row, backgrounds]).tocsr().tocoo()  # row 0 is the item's own
        self._width, self._players = rows.shape[1], int(owners.max()) + 1
        segment = rows.row * self._players + owners[rows.col]
        order = np.argsort(segment, kind="stable")
        self._columns, self._values = rows.col[order], rows.data[order]
        self._sizes = np.bincount(segment, minlength=rows.shape[0] * self._players)
        self._starts = np.cumsum(self._sizes) - self._sizes

    def __call__(self, kept: Mask, source: Places) -> Any:
        from scipy.sparse import csr_matrix

        kept = kept[:, : self._players]
        segments = (np.where(kept, 0, source[:, None] + 1) * self._players + np.arange(self._players)).ravel()
        sizes = self._sizes[segments]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(self._starts[segments] - ends + sizes, sizes)
        rows = np.concatenate([[0], ends[self._players - 1 :: self._players]])
        return csr_matrix((self._values[places], self._columns[places], rows), shape=(len(kept), self._width))
