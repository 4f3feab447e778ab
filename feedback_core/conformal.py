"""How far off a predicted number may be: normalised split conformal intervals, from answers the model never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

COVERAGE = 0.9
"""Share of the numbers to come that an interval is to hold."""

LEAST_ROWS = 30
"""Answers of the audit sample from which intervals rest on them alone. Nine would give a finite interval at 90 %; with
thirty its coverage is from 0.78 to 0.98 in 95 of 100 samples (a beta distribution)."""

SMOOTHING = 0.5
"""Share of the median spread that is added to every spread: a spread near zero, of a few trees that agree by chance, is
no promise of an error near zero."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a prediction with its spread into an interval. n: answers behind it, of the sample named.

    quantile: in units of spread + floor. q99: absolute error that one in a hundred of the answers exceeds.
    """

    quantile: float
    floor: float
    n: int
    sample: str
    q99: float

    def around(self, value: float, spread: float) -> tuple[float, float]:
        """Low and high end of the interval, in the unit of the number."""
        half = self.quantile * (spread + self.floor)
        return value - half, value + half


def calibrated(
    errors: Sequence[float] | npt.NDArray[np.float64],
    spreads: Sequence[float] | npt.NDArray[np.float64],
    sample: str,
    coverage: float = COVERAGE,
) -> Calibration | None:
    """From absolute errors and spreads (n,) of answers the model never saw; None when they are too few for any bound.

    Source: Lei et al. (2018), Distribution-free predictive inference for regression, section 5.2.
    """
    error, spread = np.asarray(errors, dtype=float), np.asarray(spreads, dtype=float)
    rank = math.ceil(coverage * (len(error) + 1))
    if rank > len(error):
        return None
    # Models without members of their own have no spread: every interval is then as wide as the next.
    floor = SMOOTHING * float(np.median(spread)) or 1.0
    ratios = np.sort(error / (spread + floor))
    return Calibration(float(ratios[rank - 1]), floor, len(error), sample, float(np.quantile(error, 0.99)))


def chosen(audit: Calibration | None, holdout: Calibration | None) -> Calibration | None:
    """The calibration to use: by the audit sample alone once it is large enough, until then by the holdout."""
    if audit is not None and audit.n >= LEAST_ROWS:
        return audit
    return holdout or audit
