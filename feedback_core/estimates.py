"""How right a model is on all items, told from the few that somebody decided: every estimate with its interval.

The review queue hunts for hard items, so a plain mean of what it asked is far too low, and a plain mean of the uniform
draws too high, since they choose among what the queue has left. What is unbiased follows from how items are drawn:
whether a draw is uniform is decided by chance before anything is looked at, and a uniform draw falls on each of the n
items that are still out with probability 1 / n. So at each uniform draw the items known before it plus n times the
item drawn estimate the sum over all items without bias, whoever brought in the known ones and why. The estimate is the
mean over all uniform draws; an item that was not drawn uniformly counts for itself alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import Z95, wilson
from .types import Interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_SHARPENED = 100
"""Uniform rows below which confidences sharpen nothing. The slope is fitted on the rows it is used on, which is a bias
of the order 1 / n: 0.5 points with 40 rows, 0.1 with 100 (python -m benchmarks.estimates, 4,000 repetitions)."""

LEAST_WRONG = 5
"""Rows of the rarer outcome, right or wrong, below which the correlation hangs on single rows."""

LEAST_LIKE = 30
"""Answers from the queue by which a missing one is judged."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each known row stands for. rows: (m,) shares of the estimate, which sum to 1. uniform: (m,) drawn uniformly.

    square: variance of the estimate, where a single row has the variance 1.
    """

    rows: Floats
    uniform: Bools
    square: float

    @property
    def n(self) -> int:
        """Rows that stand for others."""
        return int(self.uniform.sum())

    @property
    def reach(self) -> float:
        """Share of the estimate that rests on the uniform rows."""
        return float(self.rows[self.uniform].sum())

    @property
    def effective(self) -> float:
        """Rows that a uniform sample would need for as narrow an interval of what the uniform rows stand for."""
        return self.reach**2 / self.square if self.square else math.inf


def weights(uniform: Sequence[bool] | Bools, population: int) -> Weights | None:
    """Weights of the known rows, in the order in which they left the items that could be drawn; None without a base.

    uniform: (m,) whether a row was drawn uniformly. population: items in all, m of them known.

    The mean over the uniform draws weighs each with 1 / (n (n - 1)), n items being out before it: about the inverse of
    its variance, and with uniform draws alone it makes the estimate their plain mean. These are the weights of
    sequential sampling without replacement (LURE), conditional on which draws were uniform.
    Source: Raj (1956) for the estimate at one draw; Farquhar, Gal & Rainforth (2021) for the weights over draws.
    """
    drawn = np.asarray(uniform, dtype=bool)
    known = len(drawn)
    if known > population:
        raise ValueError(f"{known} rows are known of a population of {population}: count the population again.")
    if known == population and known:
        return Weights(np.full(known, 1 / known), drawn, 0.0)
    if not drawn.any():
        return None
    out = population - np.arange(known)
    draw = np.where(drawn, 1 / (out * (out - 1.0)), 0.0)
    draw /= draw.sum()
    later = draw[::-1].cumsum()[::-1] - draw
    alone = draw * out / population
    return Weights(alone + later / population, drawn, float((alone**2).sum()))


def plain_weights(n: int, population: int | None = None) -> Weights:
    """Weights of a uniform sample of n rows, from a population or from an endless stream.

    For comparisons with it in benchmarks.estimates: what is served comes through the queue, and is weighted.
    """
    if population is not None and n and (found := weights(np.ones(n, dtype=bool), population)) is not None:
        return found
    return Weights(np.full(n, 1 / max(n, 1)), np.ones(n, dtype=bool), 1 / max(n, 1))


def strata(parts: Sequence[tuple[Bools, Weights, int]], m: int) -> Weights:
    """Weights over m rows from those of groups of items: (rows of the group, their weights, items in the group).

    Items of no group are taken to be like those of the groups as a whole, and their rows count for nothing.
    """
    population = sum(size for _, _, size in parts)
    rows, uniform, square = np.zeros(m), np.zeros(m, dtype=bool), 0.0
    for mask, part, size in parts:
        rows[mask] = part.rows * size / population
        uniform[mask] = part.uniform
        square += part.square * (size / population) ** 2
    return Weights(rows, uniform, square)


def accuracy(right: npt.ArrayLike, by: Weights) -> Interval:
    """Share of all items that the model gets right. right: (m,) for the rows of the weights, 0-1.

    The interval is Wilson's, on the effective number of uniform rows; what is known for itself has none. Where every
    item is known it is a census: the interval has no width, and n counts all rows.
    """
    ok = np.asarray(right, dtype=float)
    return _share(float(by.rows @ ok), ok, by, by.effective)


def sharpened(right: npt.ArrayLike, confidence: Floats, mean_confidence: float, by: Weights) -> Interval:
    """The same share, sharpened by the model's confidence, which is known for every item.

    confidence: (m,) of the rows. mean_confidence: over all items, the known ones included.

    If the rows drawn happen to be easier than all items, by their confidence, their share is lowered as far as
    confidence has gone with being right: by lambda = cov / var. However wrong the confidences are, no bias comes from
    them; the interval narrows as their correlation with being right grows. Where that cannot be told (few rows, hardly
    a wrong one) or gives nothing, it is `accuracy`. Source: Angelopoulos, Duchi & Zrnic (2023), PPI++.
    """
    ok = np.asarray(right, dtype=float)
    base = accuracy(ok, by)
    rare = min(ok[by.uniform].sum(), (1 - ok[by.uniform]).sum())
    if by.n < LEAST_SHARPENED or rare < LEAST_WRONG or not by.square:
        return base
    slope, left = _slope(ok, confidence, by)
    value = float(by.rows @ ok) - slope * (float(by.rows @ confidence) - mean_confidence)
    found = _share(min(1.0, max(0.0, value)), ok, by, by.effective / left)
    return found if found.high - found.low < base.high - base.low else base


def mean(values: npt.ArrayLike, by: Weights) -> Interval:
    """Mean over all items of what was measured on the known rows, (m,), such as an absolute error; never below 0.

    The interval is normal, from the spread over the uniform rows and their effective number; what is known for itself
    has none. Too narrow with a handful of uniform rows, as of any mean.
    """
    x = np.asarray(values, dtype=float)
    value = float(by.rows @ x)
    if not by.square:
        return Interval(value, value, value, len(x))
    own = by.rows[by.uniform] / by.reach
    spread = math.sqrt(max(float(own @ x[by.uniform] ** 2) - float(own @ x[by.uniform]) ** 2, 0.0))
    half = by.reach * Z95 * spread / math.sqrt(by.effective)
    return Interval(value, max(0.0, value - half), value + half, by.n)


def difference(gap: npt.ArrayLike, by: Weights) -> Interval:
    """Accuracy of the challenger minus that of the champion over all items, both asked about the same rows.

    gap: (m,) right (1) or wrong (0) by the challenger minus the same by the champion. The interval is Agresti & Min's
    (2005): half a row added to each of the four outcomes, because the plain normal interval vanishes when the two
    differ on no row of the sample.
    """
    d = np.asarray(gap, dtype=float)
    return _gap(float(by.rows @ d), d, by, by.effective)


def sharpened_difference(gap: npt.ArrayLike, lead: Floats, mean_lead: float, by: Weights) -> Interval:
    """The same difference, sharpened as in `sharpened` by how much more confident the challenger is.

    lead: (m,) its confidence in its label minus the champion's. mean_lead: the same over all items. For
    benchmarks.estimates alone, which measures what it would add to the gate.
    """
    d = np.asarray(gap, dtype=float)
    base = difference(d, by)
    if by.n < LEAST_SHARPENED or np.count_nonzero(d[by.uniform]) < LEAST_WRONG or not by.square:
        return base
    slope, left = _slope(d, lead, by)
    value = float(by.rows @ d) - slope * (float(by.rows @ lead) - mean_lead)
    found = _gap(min(1.0, max(-1.0, value)), d, by, by.effective / left)
    return found if found.high - found.low < base.high - base.low else base


def imputed(right: npt.ArrayLike, queued: Bools) -> Floats:
    """Right or wrong (m,), with what is not known yet (NaN) filled in: by the answers that came up like it before.

    queued: (m,) came up by its priority. An item in somebody's hand, put aside or disputed is hard, because the queue
    chose it: left to the uniform rows it would count as one of the easier items that are still out. It is taken to be
    like the last answers the queue has brought, at least LEAST_LIKE of them or all.
    """
    filled = np.asarray(right, dtype=float).copy()
    missing = np.isnan(filled)
    like = filled[queued & ~missing][-max(LEAST_LIKE, int(missing.sum())) :]
    filled[missing & queued] = like.mean() if len(like) else np.nan
    return filled


def bounds(right: int, answered: int, asked: int) -> tuple[float, float]:
    """Share right in a sample if every row that was not answered is wrong, and if every one is right."""
    return (right / asked, (right + asked - answered) / asked) if asked else (0.0, 1.0)


def _share(value: float, ok: Floats, by: Weights, effective: float) -> Interval:
    """Of the estimate only what the uniform rows stand for is uncertain: a share, with Wilson's interval."""
    if not len(ok):
        return wilson(0, 0)
    if math.isinf(effective):
        return Interval(value, value, value, len(ok))
    known = float(by.rows[~by.uniform] @ ok[~by.uniform])
    share = min(1.0, max(0.0, (value - known) / by.reach))
    found = wilson(share * effective, effective)
    low, high = known + by.reach * found.low, known + by.reach * found.high
    return Interval(value, max(0.0, min(value, low)), min(1.0, max(value, high)), by.n)


def _gap(value: float, gap: Floats, by: Weights, effective: float) -> Interval:
    if not len(gap):
        return Interval(math.nan, -1.0, 1.0, 0)
    if math.isinf(effective):
        return Interval(value, value, value, len(gap))
    # In units of what the uniform rows stand for: the others are known and add nothing to the width.
    own = effective * by.rows[by.uniform] / by.reach
    gained, lost = (float(own @ (side * gap[by.uniform]).clip(0, 1)) for side in (1, -1))
    n = effective + 2
    shift = by.reach * (gained - lost) * (1 / n - 1 / effective)
    half = by.reach * Z95 * math.sqrt(gained + lost + 1 - (gained - lost) ** 2 / n) / n
    low, high = value + shift - half, value + shift + half
    return Interval(value, max(-1.0, min(value, low)), min(1.0, max(value, high)), by.n)


def _slope(y: Floats, x: Floats, by: Weights) -> tuple[float, float]:
    """Least-squares slope of y on x over the uniform rows, and the share of the variance of y that x leaves."""
    own = by.rows[by.uniform] / by.reach
    dx, dy = (values[by.uniform] - own @ values[by.uniform] for values in (x, y))
    xx, xy, yy = float(own @ (dx * dx)), float(own @ (dx * dy)), float(own @ (dy * dy))
    # What rounding leaves of a constant is no variance.
    if min(xx, yy) < 1e-12:
        return 0.0, 1.0
    # One more parameter was fitted than for a mean.
    return xy / xx, (1 - xy * xy / (xx * yy)) * (by.n - 1) / (by.n - 2)
