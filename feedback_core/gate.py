"""Is the challenger better? The claim, the action it allows, and why, kept apart.

The claim is an exact one-sided McNemar test on an error budget over the life of a holdout. The action follows a policy.
The number that wins here is never the one reported afterwards: it is optimistic by selection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom, norm

from .intervals import Z95, plain, wilson
from .types import Action, Finding, Interval

ALPHA = 0.05
LOOKS = 25
"""Error budget: 5 % over the first 25 looks at one holdout, 0.2 % each (simulated: 1-4 % false promotions in 50)."""

MIN_CASES = 50
"""Fewer locked rows never promote by themselves: 50 rows cannot show a gain below 12 points."""

FEW_CASES = 30
"""Fewer locked rows prove nothing: ALPHA / LOOKS takes nine rows fixed and none broken, and two versions of one recipe
seldom differ on nearly a third of the rows."""

PRIOR_SD = 0.005
"""Spread of true gains we expect of a retrain, as a fraction: half a point."""

P_BETTER = 0.8
"""Posterior probability of a gain that `balanced` asks for."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence says, what the policy allows, and the sentences that explain it."""

    finding: Finding
    action: Action
    reasons: tuple[str, ...]
    numbers: dict[str, Any]


@dataclass(frozen=True, slots=True)
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


def paired(truth: Sequence[str], challenger: Sequence[str], champion: Sequence[str]) -> Paired:
    """Count the rows on which exactly one of two versions is right. Raises ValueError when lengths differ."""
    rows = list(zip(truth, challenger, champion, strict=True))
    gained = sum(t == new != old for t, new, old in rows)
    lost = sum(t == old != new for t, new, old in rows)
    return Paired(len(rows), gained, lost)


def mcnemar(gained: int, lost: int) -> float:
    """One-sided exact p: chance of at least `gained` heads in gained + lost tosses.

    Source: McNemar (1947), exact conditional form.
    """
    return float(binom.sf(gained - 1, gained + lost, 0.5)) if gained + lost else 1.0


def p_better(pair: Paired) -> float:
    """Posterior probability that the challenger's true accuracy is higher, with the prior N(0, PRIOR_SD)."""
    if pair.se == 0 or math.isinf(pair.se):
        return 0.5 if pair.difference == 0 else float(pair.difference > 0)
    variance = pair.se**2
    return float(norm.cdf(pair.difference * PRIOR_SD / math.sqrt(variance * (variance + PRIOR_SD**2))))


def smallest_provable_gain(n: int, disagreement: float, alpha: float, power: float = 0.8) -> float:
    """Smallest true gain that n rows would prove with this power, as a fraction; 1 when none would.

    disagreement: share of rows on which the two versions differ in being right.
    """
    discordant = max(round(n * disagreement), 1)
    critical = int(binom.isf(alpha, discordant, 0.5)) + 1
    for theta in np.linspace(0.5, 1.0, 201):
        if binom.sf(critical - 1, discordant, theta) >= power:
            return float((2 * theta - 1) * discordant / n) if n else 1.0
    return 1.0


def rows_to_decide(pair: Paired, alpha: float, power: float = 0.8) -> int | None:
    """About how many more rows would prove a gain of the observed size; None when none was observed."""
    if pair.difference <= 0:
        return None
    z = float(norm.isf(alpha) + norm.ppf(power))
    needed = z * z * (pair.gained + pair.lost) / pair.n / pair.difference**2
    return max(0, math.ceil(needed) - pair.n)


def by_sample(
    truth: Sequence[str], challenger: Sequence[str], champion: Sequence[str], audit: Sequence[bool]
) -> dict[str, dict[str, Any]]:
    """The same comparison on each locked sample alone: n, gained, lost and difference of `holdout` and `audit`."""
    rows = list(zip(truth, challenger, champion, audit, strict=True))
    samples = {}
    for name, wanted in (("holdout", False), ("audit", True)):
        some = [row for row in rows if row[3] == wanted]
        pair = paired([row[0] for row in some], [row[1] for row in some], [row[2] for row in some])
        samples[name] = {"n": pair.n, "gained": pair.gained, "lost": pair.lost, "difference": plain(pair.interval)}
    return samples


def first(n: int) -> Judgement:
    """The verdict on a first version: there is nothing to compare it with."""
    return Judgement("first", "promote", ("The first version has no champion to beat.",), {"n": n})


def judge(
    truth: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str],
    anchor: Sequence[str] | None = None,
    *,
    looks: int,
    policy: str = "balanced",
    max_loss: float = 0.01,
    min_cases: int = MIN_CASES,
) -> Judgement:
    """Compare challenger and champion on the same locked rows.

    truth, challenger, champion, anchor: (n,) labels in the same order; anchor is the model at the last holdout
    refresh. looks: how often this holdout has been looked at, this time included. max_loss: fraction of accuracy.
    """
    pair = paired(truth, challenger, champion)
    against_anchor = paired(truth, challenger, anchor) if anchor is not None else pair
    # Beyond the budgeted looks nothing is left to spend, so nothing can be claimed.
    alpha = ALPHA / LOOKS if looks <= LOOKS else 0.0
    finding = _finding(pair, alpha)
    action, reasons = _action(finding, pair, against_anchor, policy, max_loss, min_cases)
    return Judgement(
        finding, action, reasons, _numbers(truth, challenger, champion, pair, against_anchor, alpha, looks)
    )


def _finding(pair: Paired, alpha: float) -> Finding:
    # Without a budget not even a p that has underflowed to zero is a proof.
    if alpha and mcnemar(pair.gained, pair.lost) <= alpha:
        return "better"
    # No budget on this side: refusing a good version by mistake costs a retrain, promoting a bad one costs trust.
    if mcnemar(pair.lost, pair.gained) <= ALPHA:
        return "worse"
    return "worse within noise" if pair.difference < 0 else "not measurably different"


def _action(
    finding: Finding, pair: Paired, anchor: Paired, policy: str, max_loss: float, min_cases: int
) -> tuple[Action, tuple[str, ...]]:
    if finding == "worse":
        return "refuse", (f"It is measurably worse: {pair.lost} rows broken, {pair.gained} fixed.",)
    if pair.n < min_cases:
        return "hold", (_too_few(pair.n, min_cases),)
    if policy == "manual":
        return "hold", ("The policy is manual: a person decides with these numbers.",)
    if finding == "better":
        return "promote", (f"The gain is proven: {pair.gained} rows fixed, {pair.lost} broken.",)
    if policy == "strict":
        return "hold", ("The policy is strict and the gain is not proven.",)
    missing = _missing(pair, anchor, max_loss)
    if missing:
        return ("refuse" if pair.difference < 0 else "hold"), missing
    return "promote", (f"Not proven, but probably better and a loss above {100 * max_loss:.1f} points is excluded.",)


def _too_few(n: int, min_cases: int) -> str:
    rows = f"Only {n} locked {'row' if n == 1 else 'rows'}:"
    if n < FEW_CASES:
        return (
            f"{rows} so few can prove nothing, neither a gain nor a loss. About {FEW_CASES} are needed for any proof, "
            f"and at least {min_cases} before a version can promote itself."
        )
    return f"{rows} at least {min_cases} are needed before a version can promote itself."


def _missing(pair: Paired, anchor: Paired, max_loss: float) -> tuple[str, ...]:
    """What `balanced` still asks for, in sentences; empty when it is content."""
    checks = (
        (pair.difference >= 0, f"It is {-100 * pair.difference:.1f} points lower on the locked rows."),
        (
            p_better(pair) >= P_BETTER,
            f"It is better with probability {p_better(pair):.0%}; {P_BETTER:.0%} is asked for.",
        ),
        (
            pair.interval.low > -max_loss,
            f"A loss of {-100 * pair.interval.low:.1f} points against the champion is not excluded.",
        ),
        (
            anchor.interval.low > -max_loss,
            f"A loss of {-100 * anchor.interval.low:.1f} points against the anchor version is not excluded.",
        ),
    )
    return tuple(sentence for holds, sentence in checks if not holds)


def _numbers(
    truth: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str],
    pair: Paired,
    anchor: Paired,
    alpha: float,
    looks: int,
) -> dict[str, Any]:
    disagreement = (pair.gained + pair.lost) / pair.n if pair.n else 0.0
    return {
        "n": pair.n,
        "gained": pair.gained,
        "lost": pair.lost,
        "challenger_accuracy": plain(wilson(sum(map(str.__eq__, truth, challenger)), pair.n)),
        "champion_accuracy": plain(wilson(sum(map(str.__eq__, truth, champion)), pair.n)),
        "difference": plain(pair.interval),
        "anchor_difference": plain(anchor.interval),
        "p": mcnemar(pair.gained, pair.lost),
        "p_worse": mcnemar(pair.lost, pair.gained),
        "alpha": alpha,
        "looks": looks,
        "looks_budget": LOOKS,
        "p_better": p_better(pair),
        "smallest_provable_gain": smallest_provable_gain(pair.n, disagreement, alpha or ALPHA / LOOKS),
        "rows_to_decide": rows_to_decide(pair, alpha or ALPHA / LOOKS),
    }
