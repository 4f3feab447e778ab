"""An estimate never travels without its interval and its n."""

from __future__ import annotations

import math

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


def plain(interval: Interval) -> dict[str, float | int | None]:
    """The interval as JSON, which has neither NaN nor infinity: an estimate without rows is null."""
    value = None if math.isnan(interval.value) else interval.value
    high = None if math.isinf(interval.high) else interval.high
    return {"value": value, "low": interval.low, "high": high, "n": interval.n}
