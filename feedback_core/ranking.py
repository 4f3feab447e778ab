"""How well scores put the anomalies first: average precision and precision at k, with interval and n."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .intervals import plain, wilson
from .types import Interval

RESAMPLES = 1_000
"""Bootstrap draws over rows; the limits of an interval then move by about 0.2 points between seeds."""

AT = (10, 30, 100)
"""Places of the ranking whose precision is told: a morning's, a day's, a week's alarms."""

FEWEST = 5
"""Anomalies below which nothing is known of an average precision: samples of one or two are all alike."""

CELLS = 2_000_000
"""Rows times draws held at once."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def average_precision(truth: Flags, scores: Floats, counts: npt.NDArray[np.int64] | None = None) -> Floats:
    """Mean precision at the places of the anomalies, (b,), NaN without any.

    truth, scores: (n,). counts: (b, n) how often each row is drawn, one draw of each where not given. Rows of one score
    share their place, as in scikit-learn's average_precision_score.
    """
    drawn = np.ones((1, len(truth)), dtype=np.int64) if counts is None else counts
    order = np.argsort(-scores, kind="stable")
    drawn, hits = drawn[:, order], drawn[:, order] * truth[order]
    last = np.searchsorted(-scores[order], -scores[order], side="right") - 1  # where rows of one score end
    found = hits.cumsum(axis=1)[:, last]
    precision = found / np.maximum(drawn.cumsum(axis=1)[:, last], 1)
    total = hits.sum(axis=1)
    return np.asarray(
        np.divide((hits * precision).sum(axis=1), total, out=np.full(len(drawn), np.nan), where=total > 0)
    )


def precisions(truth: Flags, scores: Floats) -> Floats:
    """Precision at the place of each anomaly, (p,), in the order of the rows; its mean is the average precision."""
    order = np.sort(-scores)
    hits = np.sort(-scores[truth])
    own = -scores[truth]
    return np.asarray(np.searchsorted(hits, own, side="right") / np.searchsorted(order, own, side="right"), dtype=float)


def resampled(truth: Flags, columns: list[Floats], seed: int = 0, draws: int = RESAMPLES) -> list[Floats]:
    """Average precision of each column of scores (n,) on the same bootstrap samples, (b,) each.

    Anomalies and normal rows are drawn apart, so that every sample holds as many of both.
    """
    rng, rows = np.random.default_rng(seed), (np.flatnonzero(truth), np.flatnonzero(~truth))
    found: list[list[Floats]] = [[] for _ in columns]
    size = max(1, CELLS // max(len(truth), 1))
    for start in range(0, draws, size):
        counts = np.zeros((min(size, draws - start), len(truth)), dtype=np.int64)
        for part in rows:
            if len(part):
                counts[:, part] = rng.multinomial(len(part), np.full(len(part), 1 / len(part)), size=len(counts))
        for column, values in zip(columns, found, strict=True):
            values.append(average_precision(truth, column, counts))
    return [np.concatenate(values) for values in found]


def interval(truth: Flags, scores: Floats, seed: int = 0) -> Interval:
    """Average precision with its bootstrap interval; n is the rows. NaN without rows of both kinds."""
    if not truth.any() or truth.all():
        return Interval(float("nan"), 0.0, 1.0, len(truth))
    if truth.sum() < FEWEST:
        return Interval(float(average_precision(truth, scores)[0]), 0.0, 1.0, len(truth))
    (draws,) = resampled(truth, [scores], seed)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(average_precision(truth, scores)[0]), float(low), float(high), len(truth))


def ranking_scores(truth: Flags, scores: Floats) -> dict[str, Any]:
    """Scores of one version on one set of rows, as plain JSON values.

    average_precision: bootstrap interval. precision_at: k -> Wilson interval, for the places that the rows have.
    anomalies: among the rows; their share is what a ranking at random would reach.
    """
    order = np.argsort(-scores, kind="stable")
    places = [k for k in AT if k <= len(truth)]
    return {
        "average_precision": plain(interval(truth, scores)),
        "precision_at": {str(k): plain(wilson(int(truth[order[:k]].sum()), k)) for k in places},
        "anomalies": int(truth.sum()),
    }
