"""How good a version is on rows it never saw: every number with its interval and its n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .calibration import calibration, temperature
from .intervals import Z95, plain, wilson
from .types import Interval

RESAMPLES = 1_000
"""Bootstrap draws; the limits of the interval then move by about 0.1 points between seeds at n = 500."""


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Counts, shape (k, k): rows are the truth, columns the prediction, both in label order."""
    position = {label: n for n, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, ([position[t] for t in truth], [position[p] for p in predicted]), 1)
    return counts


def evaluate(
    truth: Sequence[str], proba: npt.NDArray[np.float64], labels: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Every score of one version on one set of rows, as plain JSON values.

    proba: (n, k) in label order. Accuracy and per-class recall carry Wilson intervals; balanced accuracy and macro F1
    a percentile bootstrap over rows (multinomial over the confusion counts); log loss a normal interval. `calibration`
    has the reliability bins and the expected calibration error, and the `temperature` that would mend it on these rows.
    """
    predicted = [labels[n] for n in proba.argmax(axis=1)] if len(proba) else []
    counts = confusion(truth, predicted, labels)
    n = int(counts.sum())
    samples = _resampled(counts, seed)
    return {
        "accuracy": plain(wilson(int(np.trace(counts)), n)),
        "balanced_accuracy": plain(_bootstrap(balanced_accuracy, counts, samples)),
        "macro_f1": plain(_bootstrap(macro_f1, counts, samples)),
        "log_loss": plain(log_loss(truth, proba, labels)),
        "per_class": {label: plain(wilson(int(counts[k, k]), int(counts[k].sum()))) for k, label in enumerate(labels)},
        "confusion": counts.tolist(),
        "calibration": _calibration(truth, proba, labels),
    }


def _calibration(truth: Sequence[str], proba: npt.NDArray[np.float64], labels: Sequence[str]) -> dict[str, Any]:
    position = {label: k for k, label in enumerate(labels)}
    columns = np.asarray([position[t] for t in truth], dtype=np.int64)
    right = proba.argmax(axis=1) == columns
    return calibration(proba.max(axis=1), right) | {"temperature": temperature(proba, columns)}


def balanced_accuracy(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Mean recall over the classes that occur. counts: (..., k, k)."""
    present = counts.sum(axis=-1)
    recall = np.divide(_diagonal(counts), present, out=np.zeros(present.shape), where=present > 0)
    return np.asarray(recall.sum(axis=-1) / np.maximum((present > 0).sum(axis=-1), 1))


def macro_f1(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Mean F1 over the classes that occur in the truth or the prediction. counts: (..., k, k)."""
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    f1 = np.divide(2 * _diagonal(counts), both, out=np.zeros(both.shape), where=both > 0)
    return np.asarray(f1.sum(axis=-1) / np.maximum((both > 0).sum(axis=-1), 1))


def log_loss(truth: Sequence[str], proba: npt.NDArray[np.float64], labels: Sequence[str]) -> Interval:
    """Mean negative log probability of the truth, in nats, cut at 1e-15: a wrong certainty costs 35."""
    n = len(truth)
    if n == 0:
        return Interval(float("nan"), 0.0, float("inf"), 0)
    position = {label: k for k, label in enumerate(labels)}
    losses = -np.log(np.clip(proba[np.arange(n), [position[t] for t in truth]], 1e-15, 1))
    half = Z95 * float(losses.std(ddof=1)) / n**0.5 if n > 1 else float("inf")
    mean = float(losses.mean())
    return Interval(mean, max(0.0, mean - half), mean + half, n)


def _diagonal(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _resampled(counts: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    n = int(counts.sum())
    shares = counts.ravel() / max(n, 1)
    draws = np.random.default_rng(seed).multinomial(n, shares / max(shares.sum(), 1e-12), size=RESAMPLES)
    return draws.reshape(RESAMPLES, *counts.shape)


def _bootstrap(score: Any, counts: npt.NDArray[np.int64], samples: npt.NDArray[np.int64]) -> Interval:
    n = int(counts.sum())
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0, 0)
    low, high = np.quantile(score(samples), [0.025, 0.975])
    return Interval(float(score(counts)), float(low), float(high), n)
