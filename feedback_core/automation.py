"""Which predictions need no review? A confidence above which the model keeps a promise about accuracy, or none at all.

Learn then Test: thresholds are tried from strict to lax, each by an exact test, until one fails. A bare cut on the
confidence promises nothing: at 0.99 it was right in less than 99 of 100 in every simulation
(python -m benchmarks.automation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ERROR = 0.05
"""Probability that the promise does not hold, over all attempts about one version."""

LEVELS = 100
"""Thresholds that are tried at most: the percentiles of the confidences, which know nothing of the labels."""


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold: rows at or above it, those of them that are right, and a lower bound of the accuracy there."""

    threshold: float
    rows: int
    right: int
    bound: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """The laxest threshold that held, None where none did. steps: every threshold tried, the strictest first.

    error: probability spent on this attempt. needed: rows at or above a threshold without which none can be tested.
    """

    threshold: float | None
    target: float
    error: float
    needed: int
    steps: tuple[Step, ...]

    @property
    def held(self) -> Step | None:
        return next((step for step in reversed(self.steps) if step.threshold == self.threshold), None)


def certify(
    confidence: Floats, right: npt.NDArray[np.bool_], thresholds: Sequence[float], target: float, error: float
) -> Certificate:
    """Find the laxest threshold with an accuracy of at least `target` above it, wrong with probability `error` at most.

    confidence, right: (n,) of rows drawn uniformly from what the promise is about. thresholds: chosen without a look at
    `right`. One that holds too few rows to pass even without a mistake is passed over: to begin there would be to stop
    there. Source: Angelopoulos et al. (2025), fixed sequence testing; bound of Clopper and Pearson (1934).
    """
    needed = least_rows(target, error)
    steps: list[Step] = []
    threshold = None
    for each in sorted(set(thresholds), reverse=True):
        above = confidence >= each
        rows = int(above.sum())
        if rows < needed:
            continue
        hits = int(right[above].sum())
        steps.append(Step(float(each), rows, hits, lower_bound(hits, rows, error)))
        if steps[-1].bound < target:
            break
        threshold = float(each)
    return Certificate(threshold, target, error, needed, tuple(steps))


def least_rows(target: float, error: float) -> int:
    """Rows that prove a target when every one of them is right: target ** rows <= error."""
    return math.ceil(math.log(error) / math.log(target))


def lower_bound(right: int, rows: int, error: float) -> float:
    """Exact one-sided lower bound of a share, which the truth is below with probability `error` at most."""
    from scipy.special import betaincinv  # scipy.stats takes a second to import

    return float(betaincinv(right, rows - right + 1, error)) if right else 0.0


def share_of_error(attempt: int, error: float = ERROR) -> float:
    """Probability that the attempt with this number, from 1, may spend: all of them together spend `error`.

    Without it, whoever asks again with every new label is handed a threshold sooner or later.
    """
    return error / (attempt * (attempt + 1))


def percentiles(confidence: Floats) -> list[float]:
    """Thresholds to try: LEVELS percentiles of the confidences of items nobody has labelled, each once."""
    if not len(confidence):
        return []
    found = np.quantile(confidence, np.arange(LEVELS) / LEVELS, method="lower")
    return [float(each) for each in np.unique(found)]
