"""Two versions on the same rows: the difference between them, its interval, and the test that it is above zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, ndtr, ndtri
from scipy.stats import binom

from ..intervals import Z95
from ..types import Interval
from .losses import column

PRIOR_SD = 0.005
"""Spread of true gains we expect of a retrain, as a fraction: half a point."""

POWER = 0.8
"""Chance with which a gain is to be proven where a size is named: four times in five."""

EXACT = 200_000
"""Sums of signed weights that are counted out; with more of them the chance is simulated."""

FLIPS, LEAST_FLIPS, TOSSES = 200_000, 20_000, 5_000_000
"""Simulated sign flips, fewer where many weights occur, so that no p takes more than half a second: at p = 0.002 its
standard error is 5 % with all of them and 16 % with the fewest, and the smallest p is 5e-6 or 5e-5."""

FLIP_SEED = 2


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
    """Paired differences of loss: gains (n,), champion's loss minus challenger's, in units of the loss."""

    gains: npt.NDArray[np.float64]

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
        return self.interval

    @cached_property
    def p(self) -> float:
        """One-sided sign-flip p of a gain."""
        return sign_flip(self.gains)

    @cached_property
    def p_worse(self) -> float:
        """One-sided sign-flip p of a loss."""
        return sign_flip(-self.gains)


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


def sign_flip(gains: npt.NDArray[np.float64]) -> float:
    """One-sided p of a mean above zero: how often random signs give a sum as large.

    gains: (n,). Counted out where at most EXACT sums are possible (then equal weights give McNemar's p), else simulated
    with a fixed seed, so that the same rows always give the same p. Source: Fisher (1935), randomisation test.
    """
    sizes, counts = np.unique(np.abs(gains[gains != 0]).round(12), return_counts=True)
    if not len(sizes):
        return 1.0
    # Sums that are equal but for rounding must count as equal.
    reached = float(gains.sum()) - 1e-9 * float(np.abs(gains).sum())
    if math.prod((counts + 1).tolist()) <= EXACT:
        return min(1.0, _counted_out(sizes, counts, reached))
    flips = min(FLIPS, max(LEAST_FLIPS, TOSSES // len(sizes)))
    rng, sums = np.random.default_rng(FLIP_SEED), np.zeros(flips)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        sums += size * (2 * rng.binomial(count, 0.5, flips) - count)
    return float((1 + (sums >= reached).sum()) / (1 + flips))


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


def _square(pair: Comparison) -> float:
    """Mean squared difference of a row: the variance when there is no gain."""
    return pair.n * pair.se**2 + pair.difference**2


def _counted_out(sizes: npt.NDArray[Any], counts: npt.NDArray[Any], reached: float) -> float:
    sums, chances = np.zeros(1), np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        heads = np.arange(count + 1)
        sums = np.add.outer(sums, size * (2 * heads - count)).ravel()
        chances = np.multiply.outer(chances, binom.pmf(heads, count, 0.5)).ravel()
    return float(chances[sums >= reached].sum())
