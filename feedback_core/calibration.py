"""Is what is said with 80 % confidence right 80 times in 100? Reliability bins, their error, and the temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .intervals import plain, wilson

BINS = 10
LEAST_ROWS = 10
"""Rows a bin holds at least, where there are as many: fewer leave an interval of more than 50 points."""

LEAST_TEMPERED = 50
"""Audit rows below which probabilities are shown as the model gives them."""

SHARPNESS_SD = 0.5
"""Spread of the inverse temperature we expect around 1. Without it a sample that is all right asks for a temperature of
0, certainty about everything; from about 50 rows on it hardly shows."""

LEAST_SHARPNESS, MOST_SHARPNESS = 0.05, 10.0
SMALLEST = 1e-15
"""Probabilities are cut here before their logarithm is taken, as in the log loss."""


def calibration(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Reliability bins and expected calibration error, as plain JSON values.

    confidence: (n,) probability of the predicted label. right: (n,) whether it was right.

    bins: each with the `low` and `high` confidence in it, its mean `confidence`, and the `accuracy` with its Wilson
    interval. `ece`: mean distance of accuracy and confidence over the bins, weighted by their rows; None without rows.
    `ece_if_calibrated`: what chance alone would make of a perfect model with these confidences; an error near it says
    nothing. Bins are of equal size, not of equal width: confidences crowd near 1, and bins of equal width would be
    empty where they are wide and hide the crowd in one. Equal confidences are never divided.
    Source: Naeini et al. (2015); equal size as in Nixon et al. (2019).
    """
    n = len(confidence)
    bins = [_bin(confidence[rows], right[rows]) for rows in _equal_bins(confidence)]
    gaps = [abs(b["accuracy"]["value"] - b["confidence"]) * b["accuracy"]["n"] for b in bins]
    chance = [_by_chance(confidence[rows]) for rows in _equal_bins(confidence)]
    return {
        "bins": bins,
        "ece": sum(gaps) / n if n else None,
        "ece_if_calibrated": sum(chance) / n if n else None,
        "n": n,
    }


def temperature(proba: npt.NDArray[np.float64], truth: npt.NDArray[np.int64]) -> float:
    """What to divide log probabilities by so that confidences hold; above 1 the model was too sure.

    proba: (n, k). truth: (n,) columns of the true labels. The one parameter minimises the log loss under the prior of
    SHARPNESS_SD; without rows it is 1. Fit it on rows the model never learned from. Source: Guo et al. (2017).
    """
    logs = np.log(np.clip(proba, SMALLEST, 1))
    own = logs[np.arange(len(truth)), truth]

    def loss(sharpness: float) -> float:
        scaled = sharpness * logs
        top = scaled.max(axis=1)
        norm = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((norm - sharpness * own).sum()) + 0.5 * ((sharpness - 1) / SHARPNESS_SD) ** 2

    from scipy.optimize import minimize_scalar  # 0.4 CPU seconds, as in gate/paired.py

    if not len(truth):
        return 1.0
    return 1 / float(minimize_scalar(loss, bounds=(LEAST_SHARPNESS, MOST_SHARPNESS), method="bounded").x)


def tempered(proba: npt.NDArray[np.floating], temperature: float) -> npt.NDArray[np.float64]:
    """Probabilities (n, k) with their logarithms divided by the temperature, made to sum to 1 again."""
    if temperature == 1:
        return np.asarray(proba, dtype=np.float64)
    scaled = np.log(np.clip(proba, SMALLEST, 1)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _equal_bins(confidence: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
    """Rows of each bin, from the lowest confidence up."""
    n = len(confidence)
    order = np.argsort(confidence, kind="stable")
    count = min(BINS, max(1, n // LEAST_ROWS))
    edges = confidence[order][[round(n * i / count) for i in range(1, count)]] if n else np.zeros(0)
    places = np.searchsorted(np.unique(edges), confidence[order], side="right")
    return [order[places == place] for place in np.unique(places)]


def _bin(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "low": float(confidence.min()),
        "high": float(confidence.max()),
        "confidence": float(confidence.mean()),
        "accuracy": plain(wilson(int(right.sum()), len(right))),
    }


def _by_chance(confidence: npt.NDArray[np.float64]) -> float:
    """Rows times the mean distance of accuracy and confidence in a bin where each confidence is true.

    The mean distance of a normal variable from its mean is sqrt(2 / pi) standard deviations.
    """
    return math.sqrt(2 / math.pi * float((confidence * (1 - confidence)).sum()))
