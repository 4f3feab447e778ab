"""How good a clustering is, by what people say of pairs and by itself; each with its interval and n."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..intervals import Z95, wilson
from ..types import Interval
from .methods import grouped
from .units import Array, Links, Numbers, among, unlinked

RESAMPLES = 1_000
"""Of the audited pairs, for the interval of their adjusted Rand index."""

REFITS = 10
"""Of the stability: each costs a fit."""

Bools = npt.NDArray[np.bool_]


def adjusted_rand(wanted: Bools, found: Bools) -> float:
    """Adjusted Rand index from pairs: 1 where both agree throughout, about 0 where they agree by chance.

    wanted, found: (m,) whether each pair is together. All pairs of two partitions give the usual index; a uniform
    sample of them estimates it. 1 where neither side splits, or neither joins, any pair. Source: Hubert and Arabie
    (1985), by counts of pairs.
    """
    return float(_index(_counts(wanted, found)))


def audited(wanted: Bools, found: Bools, seed: int) -> Interval:
    """Adjusted Rand index on pairs drawn uniformly (m,), with a bootstrap interval over the pairs.

    One pair of each of the four kinds is added for the interval: of few pairs the plain one would have no width.
    """
    m = len(wanted)
    if not m:
        return Interval(float("nan"), -1.0, 1.0, 0)
    counts = _counts(wanted, found)
    smoothed = counts + 1.0
    draws = np.random.default_rng(seed).multinomial(m, smoothed / smoothed.sum(), size=RESAMPLES)
    low, high = np.quantile(_index(draws.T.astype(float)), [0.025, 0.975])
    value = float(_index(counts))
    return Interval(value, min(value, float(low)), max(value, float(high)), m)


def satisfaction(kept: Bools) -> Interval:
    """Share of pairs that a fit without them satisfied."""
    return wilson(float(kept.sum()), len(kept))


def stability(rows: Array, links: Links, method: str, found: Numbers, seed: int) -> Interval:
    """Mean adjusted Rand index between a clustering and refits on bootstrap samples of its rows; n is the refits.

    rows (n, d); found (n,): the clustering. Every refit begins anew and keeps the rows that people spoke of; compared
    are the others. The interval is of the mean over refits.
    """
    free = np.flatnonzero(unlinked(len(rows), links))
    if len(free) < 2:
        return Interval(float("nan"), -1.0, 1.0, 0)
    scores = [_refitted(rows, links, method, found, free, seed + n) for n in range(1, REFITS + 1)]
    mean, half = float(np.mean(scores)), Z95 * float(np.std(scores, ddof=1)) / REFITS**0.5
    return Interval(mean, max(-1.0, mean - half), min(1.0, mean + half), REFITS)


def rand_of(one: Numbers, other: Numbers) -> float:
    """Adjusted Rand index of two clusterings of the same rows, both (n,)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def _refitted(rows: Array, links: Links, method: str, found: Numbers, free: npt.NDArray[np.intp], seed: int) -> float:
    linked = np.setdiff1d(np.arange(len(rows)), free)
    drawn = np.random.default_rng(seed).choice(free, size=len(free))
    again = grouped(rows[np.concatenate([linked, drawn])], among(links, linked), method, int(found.max()) + 1, seed)
    return rand_of(found[free], again.squares(rows[free]).argmin(axis=1))


def _counts(wanted: Bools, found: Bools) -> npt.NDArray[np.float64]:
    """Pairs (together in both, in `wanted` alone, in `found` alone, in neither), (4,)."""
    return np.bincount(2 * ~wanted + 1 * ~found, minlength=4).astype(float)


def _index(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The index of counts (4,) or (4, r)."""
    both, only_wanted, only_found, neither = counts
    above = 2 * (both * neither - only_wanted * only_found)
    below = (both + only_wanted) * (only_wanted + neither) + (both + only_found) * (only_found + neither)
    return np.where(below > 0, above / np.where(below > 0, below, 1), 1.0)
