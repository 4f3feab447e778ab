"""How good a version is at rows that bear several labels, on rows it never saw: with intervals and n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intervals
from .calibration import calibration
from .intervals import Z95, plain, wilson
from .types import Interval

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


def multilabel_scores(truth: Bools, proba: Floats, labels: Sequence[str]) -> dict[str, Any]:
    """Every score of one version on one set of rows, as plain JSON values.

    truth: (n, k) which labels a row bears. proba: (n, k), of each label by itself. accuracy: share of rows whose set
    is right to the last label. hamming_loss: share of the n x k answers that are wrong. recall: share of the labels
    that rows bear which is said. micro_f1 counts every answer alike, macro_f1 every label that occurs. per_label:
    precision, recall and F1; per_class: the same recalls, by the name that all readers of scores know. calibration:
    of the probability of the whole set, never tempered.
    """
    said = np.asarray(proba >= 0.5)
    right = np.asarray((said == truth).all(axis=1))
    hits, misses, false = truth & said, truth & ~said, ~truth & said
    twice, either = 2.0 * hits, 2.0 * hits + misses + false
    per_label = {label: _of_label(hits[:, k], misses[:, k], false[:, k]) for k, label in enumerate(labels)}
    return {
        "accuracy": plain(wilson(int(right.sum()), len(right))),
        "hamming_loss": plain(_share(hamming(truth, said))),
        "recall": plain(wilson(int(hits.sum()), int(truth.sum()))),
        "micro_f1": plain(ratio(twice.sum(axis=1), either.sum(axis=1))),
        "macro_f1": plain(_macro(twice, either)),
        "per_label": per_label,
        "per_class": {label: scores["recall"] for label, scores in per_label.items()},
        "calibration": calibration(np.asarray(confidence(proba), dtype=float), right) | {"temperature": 1.0},
    }


def hamming(truth: Bools, said: Bools) -> Floats:
    """Share of the labels that are wrong, (n,): missing or too many."""
    return np.asarray((truth != said).mean(axis=1)) if truth.shape[1] else np.zeros(len(truth))


def confidence(proba: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Probability that the likeliest set is right to the last label, were the labels independent, (n,)."""
    return np.asarray(np.maximum(proba, 1 - proba).prod(axis=1))


def ratio(above: Floats, below: Floats) -> Interval:
    """Sum of one number a row over the sum of another, (n,) each, in [0, 1]; with its interval by linearisation.

    Half a row that is all wrong and half a row that is all right are added to the variance, as in `intervals.paired`:
    where no row is wrong, the ratio is not known to be 1. Source: Cochran (1977), section 6.4.
    """
    n, total = len(below), float(below.sum())
    if not total:
        return Interval(math.nan, 0.0, 1.0, n)
    value = float(above.sum()) / total
    off = (above - value * below) / total
    return _within(value, float((off**2).sum()) + 1 / (n + 2) ** 2, n)


def _macro(above: Floats, below: Floats) -> Interval:
    """Mean over the labels that occur of their ratio; above, below: (n, k)."""
    n, totals = len(below), below.sum(axis=0)
    seen = totals > 0
    if not seen.any():
        return Interval(math.nan, 0.0, 1.0, n)
    values = above[:, seen].sum(axis=0) / totals[seen]
    off = ((above[:, seen] - values * below[:, seen]) / totals[seen]).mean(axis=1)
    return _within(float(values.mean()), float((off**2).sum()) + 1 / (n + 2) ** 2, n)


def _within(value: float, variance: float, n: int) -> Interval:
    half = Z95 * math.sqrt(variance)
    return Interval(value, max(0.0, value - half), min(1.0, value + half), n)


def _share(losses: Floats) -> Interval:
    found = intervals.paired(losses)
    return Interval(found.value, max(0.0, found.low), found.high, found.n)


def _of_label(hits: Bools, misses: Bools, false: Bools) -> dict[str, Any]:
    hit, missed, wrong = int(hits.sum()), int(misses.sum()), int(false.sum())
    either = 2 * hit + missed + wrong
    return {
        "precision": plain(wilson(hit, hit + wrong)),
        "recall": plain(wilson(hit, hit + missed)),
        "f1": 2 * hit / either if either else None,
        "n": hit + missed,
    }
