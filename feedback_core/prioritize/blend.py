"""The priority: a weighted sum of rank-normalised parts, each kept by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .diversity import (
    COLD,
    COLD_CLASSES,
    COLD_PER_CLASS,
    DIVERSITY,
    SHORTLIST,
    clusters,
    lifts,
    round_robin,
    shortlist,
    typical,
)
from .margin import margin
from .registry import STRATEGIES, Need, Pool

BINS = 20
"""Bars of the stored priority histogram, each 0.05 wide."""

BATCH = 50
"""Rows that are made unlike each other when the caller names no number."""

CANDIDATES = 5_000
"""Open rows, best by probabilities alone, that get the parts for which more has to be looked up. The others get 0 for
those parts, which cannot move any of them in front of a candidate. Keeps a million rows as quick as margin."""

EXACT = 20_000
"""Up to here ranks are exact; beyond, rows share theirs within one of 65,536 equal steps of the raw score, which ranks
a million rows in 8 ms of CPU time instead of 660."""

THINNEST = 0.01
"""Least share of the scale for the diversity part, so that float32 keeps 2,000 places apart."""

Parts = tuple[tuple[str, ...], npt.NDArray[np.float32]]


def ranks(
    raw: npt.NDArray[np.floating],
    among: npt.NDArray[np.bool_] | None = None,
    stands_for: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.float64]:
    """Mean rank as a share of n, shape (n,), in (0, 1]; ties share their rank, so no unit needs tuning.

    among: (n,) rows that make up the ranking (the open items); the others get the place they would have. stands_for:
    (n,) items each row stands for, when the rows are a sample of those to be ranked; `among` is then left aside.
    """
    if stands_for is not None:
        return _estimated_ranks(raw, stands_for)
    if among is not None and not among.any():
        among = None
    if len(raw) > EXACT:
        return _coarse_ranks(raw, among)
    reference = np.sort(raw if among is None else raw[among])
    below = np.searchsorted(reference, raw, side="left")
    upto = np.searchsorted(reference, raw, side="right")
    return np.asarray(np.clip((below + upto + 1) / (2 * max(len(reference), 1)), 0, 1))


def _estimated_ranks(raw: npt.NDArray[np.floating], stands_for: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    order = np.argsort(raw, kind="stable")
    upto_row = np.concatenate([[0.0], np.cumsum(stands_for[order], dtype=float)])
    below = upto_row[np.searchsorted(raw[order], raw, side="left")]
    upto = upto_row[np.searchsorted(raw[order], raw, side="right")]
    return np.asarray(np.clip((below + upto + 1) / (2 * max(upto_row[-1], 1)), 0, 1))


def _coarse_ranks(raw: npt.NDArray[np.floating], among: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float64]:
    low, high = float(raw.min()), float(raw.max())
    steps = ((raw - low) * (65_535 / max(high - low, 1e-12))).astype(np.uint16)
    counts = np.bincount(steps if among is None else steps[among], minlength=65_536)
    upto = np.cumsum(counts)
    return np.asarray(np.clip((2 * upto - counts + 1) / (2 * upto[-1]), 0, 1)[steps])


def blend(pool: Pool, weights: Mapping[str, float], batch: int = BATCH) -> Parts:
    """Part names and contributions (n, p), which sum to the priority in [0, 1]. Weights need not sum to 1.

    The weight of `diversity` decides how much of the scale its part takes, not how strongly it reorders: any weight
    above 0 puts the 20 x batch best open rows into the order of their clusters, and leaves all others where they are.
    While pool.known says that the model has seen too few labels of many classes, that part puts the most typical rows
    first instead.
    """
    names = tuple(name for name in sorted(weights) if weights[name] > 0)
    share = _shares(names, weights)
    parts = np.zeros((len(pool.proba), len(names)), dtype=np.float32)
    column = {name: parts[:, n] for n, name in enumerate(names)}
    score = np.zeros(len(pool.proba))
    dear = []
    for name in names:
        if name != DIVERSITY and not STRATEGIES[name].needs:
            score += (part := share[name] * ranks(STRATEGIES[name](pool), pool.is_open, pool.stands_for))
            column[name][:] = part
        elif name != DIVERSITY:
            dear.append(name)
    if not len(pool.proba) or not (dear or DIVERSITY in column):
        return names, parts
    cold = DIVERSITY in column and _is_cold(pool)
    size = max(CANDIDATES if dear else 0, SHORTLIST * batch)
    cheap = len(names) > len(dear) + (DIVERSITY in column)
    rows = _candidates(pool, 0 * score if cold else score, size, all_of_them=bool(dear) and not cheap)
    needs: set[Need] = {need for name in dear for need in STRATEGIES[name].needs}
    if DIVERSITY in column:
        needs |= {"features", "labelled"} if cold else {"features"}
    near = pool.at(rows, frozenset(needs))
    for name in dear:
        column[name][rows] = share[name] * ranks(STRATEGIES[name](near), near.is_open, near.stands_for)
    if DIVERSITY in column:
        own = parts[rows].sum(axis=1, dtype=float)
        if cold:
            top = float(parts.sum(axis=1, dtype=float).max())
            column[DIVERSITY][rows] = _typical_first(near, own, share[DIVERSITY], batch, top)
        else:
            column[DIVERSITY][rows] = _diverse(near, own, share[DIVERSITY], batch)
    return names, parts


def _shares(names: tuple[str, ...], weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights[name] for name in names)
    share = {name: weights[name] / total for name in names}
    if share.get(DIVERSITY, 1.0) < THINNEST:
        others = 1 - share.pop(DIVERSITY)
        share = {name: part / others * (1 - THINNEST) for name, part in share.items()} | {DIVERSITY: THINNEST}
    return share


def _candidates(pool: Pool, score: npt.NDArray[np.floating], size: int, *, all_of_them: bool) -> npt.NDArray[np.intp]:
    """Rows to look up more about: all when they are few, or when no cheap part says which to begin with."""
    if len(score) <= size or all_of_them or (pool.is_open is not None and not pool.is_open.any()):
        return np.arange(len(score))
    return shortlist(score, pool.is_open, size, pool.rng)


def _diverse(pool: Pool, score: npt.NDArray[np.floating], share: float, batch: int) -> npt.NDArray[np.float64]:
    part = np.zeros(len(score))
    best = shortlist(score, pool.is_open, SHORTLIST * batch, pool.rng)
    if len(best):
        uncertainty = margin(Pool(pool.proba[best], pool.class_share, pool.rng))
        cluster = clusters(pool.fact("features")[best], uncertainty, batch, pool.rng)
        part[best] = lifts(score[best], round_robin(score[best], cluster), share, float(score[best].max()))
    return part


def _is_cold(pool: Pool) -> bool:
    k = pool.proba.shape[1]
    return pool.known is not None and k >= COLD_CLASSES and pool.known < max(COLD, COLD_PER_CLASS * k)


def _typical_first(
    pool: Pool, score: npt.NDArray[np.float64], share: float, batch: int, top: float
) -> npt.NDArray[np.float64]:
    part = np.zeros(len(score))
    drawn = shortlist(np.zeros(len(score)), pool.is_open, SHORTLIST * batch, pool.rng)
    if len(drawn) and (pool.is_open is None or pool.is_open.any()):
        order = typical(pool.fact("features")[drawn], pool.fact("labelled"), batch, pool.rng)
        part[drawn] = lifts(score[drawn], order, share, top)
    return part


def histogram(names: tuple[str, ...], parts: npt.NDArray[np.float32]) -> dict[str, list[float]]:
    """`count` of rows and mean contribution of each part per priority bin, BINS values each."""
    # float64 as in the stored priority: 0.95 of float32 is below 0.95, and times 20 it is 19.
    bins = np.minimum((parts.sum(axis=1).astype(float) * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    means = {
        name: (np.bincount(bins, weights=parts[:, n], minlength=BINS) / np.maximum(counts, 1)).tolist()
        for n, name in enumerate(names)
    }
    return {"count": counts.astype(float).tolist()} | means
