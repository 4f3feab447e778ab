"""The ways to cluster, from the simplest on, and which of them the pairs left out of a fit speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pck import Fitted, distances, fit
from .rca import relevant_components
from .units import NO_LINKS, Array, Links, Numbers, only, units_of

METHODS = ("k-means", "PCKMeans", "RCA + PCKMeans")
"""k-means heeds no pair; PCKMeans heeds them; RCA learns a metric from the pairs together before."""

FOLDS = 5
"""Parts of the pairs, each left out once."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grouping:
    """A clustering of any rows like those it was fitted on. turn (d, d): rows @ turn is where centres (k, d) lie."""

    method: str
    turn: Array
    centres: Array
    of: Numbers
    """Cluster of each row it was fitted on, (n,)."""

    def squares(self, rows: Array) -> Array:
        """Squared distances of rows (n, d) to the centres, (n, k)."""
        return distances(rows @ self.turn, self.centres)


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin. of (n,): cluster of each row, -1 for rows without one. groups (k,): clusters merged by people."""

    of: Numbers
    groups: Numbers


@dataclass(frozen=True, slots=True)
class Choice:
    """method: the chosen one. kept: method -> which pairs it satisfied while they were left out, together first."""

    method: str
    kept: dict[str, Bools]


def grouped(rows: Array, links: Links, method: str, k: int, seed: int, start: Start | None = None) -> Grouping:
    """Cluster rows (n, d) into k, from `start` or from the best of some beginnings by chance."""
    heeded = NO_LINKS if method == "k-means" else links
    turn = relevant_components(rows, heeded) if method == "RCA + PCKMeans" else np.eye(rows.shape[1])
    turned = rows @ turn
    units = units_of(turned, heeded)
    begin = None if start is None else _centres(turned, start.of, k)
    found: Fitted = fit(units, k, seed, start=begin, groups=start.groups if start else None)
    return Grouping(method, turn, found.centres, found.of[units.of])


def satisfied(links: Links, of: Numbers) -> Bools:
    """Whether each pair is as people say (m,), those together first. of: cluster of each row."""
    pairs = np.asarray([*links.together, *links.apart], dtype=np.int64).reshape(-1, 2)
    wanted = np.arange(len(pairs)) < len(links.together)
    return np.asarray((of[pairs[:, 0]] == of[pairs[:, 1]]) == wanted)


def held_out(rows: Array, links: Links, method: str, k: int, seed: int, start: Start | None = None) -> Bools:
    """Whether each pair is satisfied by a fit that has not heard of it (m,), those together first."""
    n_together, m = len(links.together), len(links.together) + len(links.apart)
    parts = _parts(m, seed)
    kept = np.zeros(m, dtype=bool)
    for fold in range(parts.max(initial=-1) + 1):
        heard, left = parts != fold, parts == fold
        told = only(links, np.flatnonzero(heard[:n_together]).tolist(), np.flatnonzero(heard[n_together:]).tolist())
        of = grouped(rows, told, method, k, seed, start).of
        of = of if start is None else start.groups[of]
        kept[left] = satisfied(links, of)[left]
    return kept


def chosen(
    rows: Array, links: Links, k: int, seed: int, start: Start | None = None, methods: Sequence[str] = METHODS
) -> Choice:
    """The method that satisfies most pairs while they are left out; of equals the simplest."""
    kept = {method: held_out(rows, links, method, k, seed, start) for method in methods}
    best = max(int(each.sum()) for each in kept.values())
    return Choice(next(method for method in methods if kept[method].sum() == best), kept)


def _parts(m: int, seed: int) -> Numbers:
    """Part of each pair, (m,): FOLDS of them, as equal in size as can be."""
    return np.random.default_rng(seed).permutation(np.arange(m) % FOLDS)


def _centres(turned: Array, of: Numbers, k: int) -> Array:
    known = of >= 0
    totals = np.bincount(of[known], minlength=k)
    sums = np.stack([np.bincount(of[known], weights=column[known], minlength=k) for column in turned.T], axis=1)
    return np.asarray(sums / np.maximum(totals, 1)[:, None])
