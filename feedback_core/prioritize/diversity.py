"""A varied batch: the best rows, clustered, and one of each cluster in turn."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

DIVERSITY = "diversity"

SHORTLIST = 20
"""Rows clustered per row wanted: 20 was the best of 3, 5, 10, 20 and 50 over 33 data sets."""

COLD, COLD_PER_CLASS, COLD_CLASSES = 60, 6, 6
"""Below so many labels, in all or per class, uncertainty among at least so many classes is noise. Over 12 sets x 5
seeds the area under the learning curve rose by 0.005 so, most on word definitions (0.418 to 0.471; random 0.426) and
letters (0.442 to 0.467), and fell on segment (0.899 to 0.884); with other seeds it rose by 0.001. With fewer classes it
lost 0.006 to 0.008 on breast cancer, churn and spam and won 0.011 on phonemes: margin is kept there
(python -m benchmarks.label_efficiency, beside variants of this rule)."""

ROUNDS = 10
"""Lloyd iterations; the clusters need to be different, not optimal."""


def shortlist(score: npt.NDArray[np.floating], is_open: npt.NDArray[np.bool_] | None, size: int,
              rng: np.random.Generator) -> npt.NDArray[np.intp]:  # fmt: skip
    """The `size` best open rows, ties broken at random, so that no row is favoured by its place in the table."""
    among = np.arange(len(score)) if is_open is None else np.flatnonzero(is_open)
    if len(among) > size:
        worst = np.partition(score[among], -size)[-size]
        among = among[score[among] >= worst]
    return among[np.lexsort((rng.random(len(among)), -score[among]))[:size]]


def clusters(features: npt.NDArray[np.floating], weight: npt.NDArray[np.floating], k: int,
             rng: np.random.Generator) -> npt.NDArray[np.intp]:  # fmt: skip
    """k-means cluster of each row, shape (n,), rows weighted by their uncertainty (n,)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if len(features) <= k:
        return np.arange(len(features))
    weight = np.maximum(weight, 1e-6)
    model = KMeans(k, init=_seeds(features, weight, k, rng), n_init=1, max_iter=ROUNDS)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # equal rows make fewer clusters, which is right
        return np.asarray(model.fit_predict(features, sample_weight=weight), dtype=np.intp)


def _seeds(features: npt.NDArray[np.floating], weight: npt.NDArray[np.floating], k: int,
           rng: np.random.Generator) -> npt.NDArray[np.floating]:  # fmt: skip
    """k rows far from each other, (k, f): k-means++ with one trial each."""
    lengths = (features * features).sum(axis=1)
    chosen: list[int] = []
    apart = np.ones(len(features))
    for _ in range(k):
        chance = np.cumsum(weight * apart)
        row = int(np.searchsorted(chance, rng.random() * chance[-1], side="right"))
        chosen.append(min(row, len(features) - 1))
        seed = features[chosen[-1]]
        squares = np.maximum(lengths - 2 * (features @ seed) + lengths[chosen[-1]], 0)
        apart = squares if len(chosen) == 1 else np.minimum(apart, squares)
    return features[chosen]


def round_robin(score: npt.NDArray[np.floating], cluster: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Rows in the order to ask: the best of every cluster, then every second best, ...; better rows first."""
    by_cluster = np.lexsort((-score, cluster))
    starts = np.flatnonzero(np.diff(cluster[by_cluster], prepend=-1))
    sizes = np.diff(starts, append=len(cluster))
    turn = np.empty(len(cluster), dtype=np.intp)
    turn[by_cluster] = np.arange(len(cluster)) - np.repeat(starts, sizes)
    return np.lexsort((-score, turn))


def typical(features: npt.NDArray[np.floating], labelled: npt.NDArray[np.floating], k: int,
            rng: np.random.Generator) -> npt.NDArray[np.intp]:  # fmt: skip
    """Rows in the order to ask while the model knows too little to say what it is unsure of.

    k + l clusters over rows (m, f) and labelled rows (l, f): the row nearest the middle of each, clusters without a
    label first. Source: the idea of TypiClust, Hacohen et al. (2022).
    """
    everything = np.concatenate([features, labelled])
    cluster = clusters(everything, np.ones(len(everything)), k + len(labelled), rng)
    sums = np.zeros((cluster.max() + 1, features.shape[1]))
    np.add.at(sums, cluster, everything)
    centre = sums / np.maximum(np.bincount(cluster), 1)[:, None]
    mine = cluster[: len(features)]
    order = round_robin(-((features - centre[mine]) ** 2).sum(axis=1), mine)
    covered = np.isin(mine[order], cluster[len(features) :])
    return order[np.argsort(covered, kind="stable")]


def lifts(
    score: npt.NDArray[np.floating], order: npt.NDArray[np.intp], share: float, top: float
) -> npt.NDArray[np.float64]:
    """What takes each shortlisted row from its score to its place, shape (m,), positive.

    score: (m,) sum of the other parts; top: the highest of all rows, at most 1 - share. Places are evenly spaced from
    top + share / m up to top + share: above every row outside the shortlist, and within 1.
    """
    place = np.empty(len(score))
    place[order] = share * (1 - np.arange(len(score)) / len(score))
    return np.asarray(top + place - score)
