"""Two versions on the same rows: the difference between them, its interval, and the test that it is above zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, ndtr, ndtri

from ..intervals import Z95
from ..types import Interval
from .evalue import p_of_bet
from .losses import column

PRIOR_SD = 0.005
"""Spread of true gains we expect of a retrain, as a fraction: half a point."""

POWER = 0.8
"""Chance with which a gain is to be proven where a size is named: four times in five."""


class Comparison(Protocol):
    """What the gate asks of a comparison, whatever is compared. Positive differences speak for the challenger."""

    @property
    def n(self) -> int: ...
    @property
    def gained(self) -> int:
        """Rows on which the challenger does better."""

    @property
    def lost(self) -> int:
        """Rows on which the champion does better."""

    @property
    def difference(self) -> float: ...
    @property
    def se(self) -> float:
        """Standard error of the difference."""

    @property
    def interval(self) -> Interval: ...
    @property
    def small_interval(self) -> Interval:
        """The interval where rows are few."""

    @property
    def p(self) -> float:
        """One-sided, of a gain."""

    @property
    def p_worse(self) -> float:
        """One-sided, of a loss."""


@dataclass(frozen=True)
class Paired:
    """Two versions on the same n rows. gained: only the challenger is right; lost: only the champion is."""

    n: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        return (self.gained - self.lost) / self.n if self.n else 0.0

    @property
    def se(self) -> float:
        """Standard error of the difference."""
        if not self.n:
            return float("inf")
        discordant = self.gained + self.lost
        return math.sqrt(max(discordant - (self.gained - self.lost) ** 2 / self.n, 0.0)) / self.n

    @property
    def interval(self) -> Interval:
        if self.n and not self.gained + self.lost:
            return self.small_interval  # no row on which they differ is no proof that there is none
        half = Z95 * self.se if self.n else 1.0
        return Interval(self.difference, max(-1.0, self.difference - half), min(1.0, self.difference + half), self.n)

    @property
    def small_interval(self) -> Interval:
        """The interval for few rows: where every row is lost, or none, the plain one would have no width at all.

        Source: Agresti and Min (2005), half a row added to each of the four cells.
        """
        more = Paired(self.n + 2, self.gained, self.lost)
        half = Z95 * math.sqrt(self.gained + self.lost + 1 - (self.gained - self.lost) ** 2 / more.n) / more.n
        low, high = max(-1.0, more.difference - half), min(1.0, more.difference + half)
        return Interval(self.difference, min(low, self.difference), max(high, self.difference), self.n)

    @cached_property
    def p(self) -> float:
        """One-sided exact McNemar p of a gain."""
        return mcnemar(self.gained, self.lost)

    @cached_property
    def p_worse(self) -> float:
        """One-sided exact McNemar p of a loss."""
        return mcnemar(self.lost, self.gained)


@dataclass(frozen=True, eq=False)
class Weighted:
    """Paired differences of loss: gains (n,), champion's loss minus challenger's, in units of the loss.

    most: the largest loss a row can have; None when every mistake counts the same.
    """

    gains: npt.NDArray[np.float64]
    most: float | None = None

    @property
    def n(self) -> int:
        return len(self.gains)

    @cached_property
    def gained(self) -> int:
        return int((self.gains > 0).sum())

    @cached_property
    def lost(self) -> int:
        return int((self.gains < 0).sum())

    @cached_property
    def difference(self) -> float:
        # fsum: gains and losses that balance must come to zero, not to a rounding error that reads as a loss.
        return math.fsum(self.gains.tolist()) / self.n if self.n else 0.0

    @cached_property
    def se(self) -> float:
        """Standard error of the difference."""
        return float(self.gains.std()) / math.sqrt(self.n) if self.n else float("inf")

    @cached_property
    def interval(self) -> Interval:
        half = Z95 * self.se
        return Interval(self.difference, self.difference - half, self.difference + half, self.n)

    @property
    def small_interval(self) -> Interval:
        """The interval for few rows, by half a row of the largest loss in each cell, as in Paired."""
        n, most = self.n + 2, self.most or float(np.abs(self.gains).max(initial=0.0))
        total, squares = float(self.gains.sum()), float((self.gains**2).sum()) + most**2
        half = Z95 * math.sqrt(squares - total**2 / n) / n
        low, high = total / n - half, total / n + half
        return Interval(self.difference, min(low, self.difference), max(high, self.difference), self.n)

    @cached_property
    def p(self) -> float:
        """One-sided, of a gain: exact McNemar where every mistake counts the same, else from a bet."""
        return mcnemar(self.gained, self.lost) if self.most is None else p_of_bet(self.gains, self.most)

    @cached_property
    def p_worse(self) -> float:
        """One-sided, of a loss."""
        return mcnemar(self.lost, self.gained) if self.most is None else p_of_bet(-self.gains, self.most)


def paired(truth: Sequence[str], challenger: Sequence[str], champion: Sequence[str]) -> Paired:
    """Count the rows on which exactly one of two versions is right. Raises ValueError when lengths differ."""
    t, new, old = (column(labels) for labels in (truth, challenger, champion))
    if not len(t) == len(new) == len(old):
        raise ValueError(
            f"{len(t)}, {len(new)} and {len(old)} labels: none may be shorter, they are compared in pairs."
        )
    return of_gains((old != t).astype(float) - (new != t).astype(float))


def of_gains(gains: npt.NDArray[np.float64]) -> Paired:
    """Counts of a comparison in which every row counts the same."""
    return Paired(len(gains), int((gains > 0).sum()), int((gains < 0).sum()))


def mcnemar(gained: int, lost: int) -> float:
    """One-sided exact p: chance of at least `gained` heads in gained + lost tosses.

    Source: McNemar (1947), exact conditional form.
    """
    return float(bdtrc(gained - 1, gained + lost, 0.5)) if gained else 1.0


def p_better(pair: Comparison, prior_sd: float = PRIOR_SD) -> float:
    """Posterior probability that the challenger's true value is higher, with the prior N(0, prior_sd)."""
    if pair.se == 0 or math.isinf(pair.se):
        return 0.5 if pair.difference == 0 else float(pair.difference > 0)
    variance = pair.se**2
    return float(ndtr(pair.difference * prior_sd / math.sqrt(variance * (variance + prior_sd**2))))


def smallest_provable_gain(n: int, disagreement: float, alpha: float, power: float = POWER) -> float:
    """Smallest true gain that n rows would prove with this power, as a fraction; 1 when none would.

    disagreement: share of rows on which the two versions differ in being right.
    """
    from scipy.stats import binom  # 1 CPU second, which no command that only reads shall wait for

    if not n:
        return 1.0
    discordant = max(round(n * disagreement), 1)
    critical = int(binom.isf(alpha, discordant, 0.5)) + 1
    thetas = np.linspace(0.5, 1.0, 201)
    enough = np.flatnonzero(bdtrc(critical - 1, discordant, thetas) >= power)
    return float((2 * thetas[enough[0]] - 1) * discordant / n) if len(enough) else 1.0


def provable_gain(pair: Comparison, alpha: float, power: float = POWER) -> float:
    """The same for a comparison at hand: exact where every row counts the same, else from its standard error."""
    if isinstance(pair, Paired):
        return smallest_provable_gain(pair.n, (pair.gained + pair.lost) / pair.n if pair.n else 0.0, alpha, power)
    return float(ndtri(1 - alpha) + ndtri(power)) * math.sqrt(_square(pair) / pair.n) if pair.n else 1.0


def rows_to_decide(pair: Comparison, alpha: float, power: float = POWER) -> int | None:
    """About how many more rows would prove a gain of the observed size; None when none was observed."""
    if pair.difference <= 0:
        return None
    z = float(ndtri(1 - alpha) + ndtri(power))
    needed = z * z * _square(pair) / pair.difference**2
    return max(0, math.ceil(needed) - pair.n)


def labels_to_decide(pair: Comparison, now: float, threshold: float) -> int | None:
    """About how many more audit labels would bring log e from `now` to log threshold, four times in five.

    The rows to come are taken to differ as those of `pair` do; None when these show no gain.
    """
    if pair.difference <= 0:
        return None
    needed = math.log(threshold) - now
    if needed <= 0:
        return 0
    rate, spread = _growth(pair)
    if rate <= 0:
        return None
    # Wealth drifts by `rate` a row and scatters by `spread`: n rows reach it four times in five.
    root = (0.84 * spread + math.sqrt((0.84 * spread) ** 2 + 4 * rate * needed)) / (2 * rate)
    return math.ceil(root * root)


def _square(pair: Comparison) -> float:
    """Mean squared difference of a row: the variance when there is no gain."""
    return pair.n * pair.se**2 + pair.difference**2


def _growth(pair: Comparison) -> tuple[float, float]:
    """Mean and standard deviation of log wealth per row under the best bet on rows like these."""
    sizes, counts = _shares(pair)
    logs = np.log1p(np.outer(np.linspace(0, 0.9999, 1_001), sizes))
    means = logs @ counts / pair.n
    best = int(means.argmax())
    return float(means[best]), math.sqrt(max(float(logs[best] ** 2 @ counts) / pair.n - float(means[best]) ** 2, 0.0))


def _shares(pair: Comparison) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Gains as shares of the largest loss, and on how many rows each occurs."""
    if isinstance(pair, Weighted) and pair.most is not None:
        return np.unique(pair.gains / pair.most, return_counts=True)
    return np.array([1.0, -1.0]), np.array([pair.gained, pair.lost])
