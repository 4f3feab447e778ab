"""Rows and the pairs said about them as what a clustering moves: a group held together moves as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .closure import Pair, roots

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of rows by their places. No pair is in both, and none of `apart` contradicts the closure of `together`."""

    together: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()


NO_LINKS = Links()


@dataclass(frozen=True, slots=True)
class Units:
    """points (u, d): mean of each unit's rows. weights (u,): how many rows. of (n,): unit of each row.

    apart (c, 2): units that should not share a cluster, each pair once for each time it was said.
    """

    points: Array
    weights: Array
    of: Numbers
    apart: Numbers


def units_of(rows: Array, links: Links) -> Units:
    """One unit for each group of rows held together, and one for each other row. rows: (n, d)."""
    n = len(rows)
    first = np.arange(n)
    for item, root in roots(links.together).items():
        first[item] = root
    _, of = np.unique(first, return_inverse=True)
    weights = np.bincount(of).astype(float)
    sums = np.zeros((len(weights), rows.shape[1]))
    np.add.at(sums, of, rows)
    apart = of[np.asarray(links.apart, dtype=np.int64).reshape(-1, 2)]
    return Units(sums / weights[:, None], weights, of, apart)


def unlinked(n: int, links: Links) -> npt.NDArray[np.bool_]:
    """Which of n rows are in no pair (n,): those in one are trivially right, so nothing is measured on them."""
    free = np.ones(n, dtype=bool)
    free[np.asarray([*links.together, *links.apart], dtype=np.int64).reshape(-1)] = False
    return free


def only(links: Links, together: Sequence[int], apart: Sequence[int]) -> Links:
    """The pairs at these places of either kind."""
    return Links(tuple(links.together[n] for n in together), tuple(links.apart[n] for n in apart))


def among(links: Links, rows: Numbers) -> Links:
    """The same pairs by place among some rows, ascending, that hold all of theirs."""
    return Links(_moved(links.together, rows), _moved(links.apart, rows))


def _moved(pairs: Sequence[Pair], rows: Numbers) -> tuple[Pair, ...]:
    places = np.searchsorted(rows, np.asarray(pairs, dtype=np.int64).reshape(-1, 2)).tolist()
    return tuple((one, other) for one, other in places)
