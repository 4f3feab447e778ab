"""An estimate never travels without its interval and its n."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .types import Interval

Z95 = 1.959963984540054


def wilson(successes: float, n: float, z: float = Z95) -> Interval:
    """Wilson score interval of a share. With n = 0 everything is possible: (0, 1).

    successes, n: counts, or effective counts of weighted rows. Source: Wilson (1927).
    """
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0, 0)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n successes rounding would put the share itself just outside.
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), round(n))


def newcombe(first: Interval, second: Interval) -> Interval:
    """First share minus second, from their Wilson intervals; n is the smaller one.

    Source: Newcombe (1998), method 10, for independent samples.
    """
    low = math.hypot(first.value - first.low, second.high - second.value)
    high = math.hypot(first.high - first.value, second.value - second.low)
    difference = first.value - second.value
    return Interval(difference, difference - low, difference + high, min(first.n, second.n))


def mean_error(errors: npt.NDArray[np.float64]) -> Interval:
    """Mean of absolute errors (n,), in their unit, with its normal interval, never below 0."""
    found = mean(errors)
    return Interval(found.value, max(0.0, found.low), found.high, found.n)


def mean(values: npt.NDArray[np.float64]) -> Interval:
    """Mean of values (n,) with its normal interval; without values from 0 to infinity."""
    if not len(values):
        return Interval(float("nan"), 0.0, float("inf"), 0)
    middle, half = float(values.mean()), Z95 * float(values.std()) / math.sqrt(len(values))
    return Interval(middle, middle - half, middle + half, len(values))


def plain(interval: Interval) -> dict[str, float | int | None]:
    """The interval as JSON, which has neither NaN nor infinity: an estimate without rows is null."""
    value = None if math.isnan(interval.value) else interval.value
    high = None if math.isinf(interval.high) else interval.high
    return {"value": value, "low": interval.low, "high": high, "n": interval.n}


def paired(differences: npt.NDArray[np.floating], noise: float = 0.0) -> Interval:
    """Mean of differences between two models on the same rows, with a 95 % interval that is never of no width.

    differences: (n,), each in [-1, 1]. noise: further variance of the mean, such as that between refits. Half a row won
    and half a row lost are added to the variance: where no row differs, the two are not known to be equal. Source:
    Agresti and Min (2005) for the difference of paired proportions.
    """
    n = len(differences)
    if n == 0:
        return Interval(float("nan"), -1.0, 1.0, 0)
    total, squares = float(differences.sum()), float((differences**2).sum())
    se = math.sqrt(max(squares + 1 - total**2 / (n + 2), 0.0) / (n + 2) ** 2 + noise)
    mean = total / n
    return Interval(mean, max(-1.0, mean - Z95 * se), min(1.0, mean + Z95 * se), n)
