"""Is the challenger's ranking better? Average precision of both versions on the same rows, with the gate's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..intervals import Z95, plain
from ..ranking import CELLS, Flags, Floats, interval, precisions, resampled
from ..types import Action, Interval
from ..wording import counted
from .guards import broken_sentences, judge_corrections
from .paired import Paired, Weighted
from .verdict import Case, Judgement, Unit, alpha_of, judged

LEAST_ANOMALIES = 20
"""Anomalies, and normal rows, among the locked ones without which no difference can be told: with fewer, the place of
one of them moves the average precision by more than a version usually does."""

MARGIN = 0.05
"""Loss of average precision that `balanced` excludes: with a hundred anomalies the interval is some 5 points wide."""

SIZE = 5.0
"""By how much retrains move an average precision more than an accuracy: 2.5 points are expected, not half a point."""

MOST_SWAPS, LEAST_SWAPS = 4_999, 1_999
"""Random swaps of a test: of more rows fewer, as each costs two sorts; the least still reach a p of 0.0005."""

SWAPPED_CELLS = 20_000_000


@dataclass(frozen=True, eq=False)
class Precisions(Weighted):
    """Differences of the precision at the place of each anomaly, (p,), whose mean is that of average precision.

    truth, new, old: (n,) which rows are anomalies, and the ranks that both versions give them. told: whether there are
    rows enough for a test. It swaps the versions' ranks row by row, and the interval is a bootstrap over rows: neither
    takes the anomalies of one ranking for independent. Source: Smucker, Allan and Carterette (2007).
    """

    truth: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    new: Floats = field(default_factory=lambda: np.zeros(0))
    old: Floats = field(default_factory=lambda: np.zeros(0))
    told: bool = True

    @cached_property
    def _draws(self) -> Floats:
        if not self.n:
            return np.zeros(1)
        new, old = resampled(self.truth, [self.new, self.old])
        return new - old

    @cached_property
    def se(self) -> float:
        """Standard error of the difference, by bootstrap."""
        return float(self._draws.std()) if self.n else float("inf")

    @cached_property
    def interval(self) -> Interval:
        half = Z95 * self.se if self.n else 1.0
        return Interval(
            self.difference, max(-1.0, self.difference - half), min(1.0, self.difference + half), len(self.truth)
        )

    @property
    def small_interval(self) -> Interval:
        """The same: too few anomalies never come to a verdict."""
        return self.interval

    @cached_property
    def _tests(self) -> tuple[float, float]:
        if not self.told or np.array_equal(self.new, self.old):
            return 1.0, 1.0
        swapped = swaps(self.truth, self.new, self.old)
        better, worse = (int((sign * swapped >= sign * self.difference - 1e-12).sum()) for sign in (1, -1))
        return (1 + better) / (1 + len(swapped)), (1 + worse) / (1 + len(swapped))

    @property
    def p(self) -> float:
        """One-sided, of a gain."""
        return self._tests[0]

    @property
    def p_worse(self) -> float:
        """One-sided, of a loss."""
        return self._tests[1]


def compared(truth: Flags, new: Floats, old: Floats) -> Precisions:
    """The comparison of two columns of scores (n,), of which ranks alone enter."""
    gains = precisions(truth, new) - precisions(truth, old)
    return Precisions(gains, None, truth, _ranks(new), _ranks(old), not too_few(truth))


def too_few(truth: Flags) -> str:
    """Why no difference can be told on these rows, with the way out; empty when it can."""
    anomalies, normal = int(truth.sum()), int((~truth).sum())
    if min(anomalies, normal) >= LEAST_ANOMALIES:
        return ""
    few, n = ("anomalies", anomalies) if anomalies <= normal else ("normal rows", normal)
    return (
        f"Not measurable: there are {n} {few} among {counted(len(truth), 'locked row')}, and {LEAST_ANOMALIES} are "
        "needed. A person decides; more audit answers make it measurable."
    )


def swaps(truth: Flags, new: Floats, old: Floats, seed: int = 0) -> Floats:
    """Differences of average precision after swapping the versions' ranks on half of the rows at random, (b,)."""
    rng, n = np.random.default_rng(seed), len(truth)
    wanted = int(np.clip(SWAPPED_CELLS // max(n, 1), LEAST_SWAPS, MOST_SWAPS))
    found: list[Floats] = []
    for start in range(0, wanted, max(1, CELLS // n)):
        size = min(max(1, CELLS // n), wanted - start)
        swap = rng.random((size, n)) < 0.5
        # Ranks of two versions may meet in one column: then chance decides, alike for both.
        ties = rng.random((size, n)) * 1e-9
        found.append(_each(truth, np.where(swap, old, new) + ties) - _each(truth, np.where(swap, new, old) + ties))
    return np.concatenate(found)


def judge_ranking(
    truth: Sequence[bool] | Flags,
    challenger: Floats,
    champion: Floats,
    anchor: Floats | None = None,
    *,
    looks: int,
    policy: str = "balanced",
    paid_p: float | None = None,
    paid_action: Action | None = None,
    corrections: Paired | None = None,
    max_loss: float = 0.01,
) -> Judgement:
    """Compare two versions that rank rows by how anomalous they are, on the same locked rows, with the same budget.

    truth: (n,) whether each row is an anomaly. challenger, champion, anchor: (n,) scores, higher = earlier. With fewer
    than LEAST_ANOMALIES of either kind nothing is claimed, and a person decides. corrections, max_loss: whether rows
    that people corrected are called what they said, as for `judge`.
    """
    known = np.asarray(truth, dtype=bool)
    pair, few = compared(known, challenger, champion), too_few(known)
    suite = None if corrections is None else judge_corrections(corrections, max_loss)
    case = Case(
        pair=pair,
        anchor=pair if anchor is None else compared(known, challenger, anchor),
        claimed=pair.p if paid_p is None else paid_p,
        alpha=alpha_of(looks),
        log_e=0.0,
        fresh=0,
        looks=looks,
        unit=Unit("points of average precision", 100.0, SIZE),
        max_loss=MARGIN,
        harms=broken_sentences(suite),
        holds=(few,) if few else (),
        repeats=paid_p is not None and paid_action != "promote",
        verbs=("ranked lower", "ranked higher"),
    )
    scores: dict[str, Any] = {
        "metric": "average precision",
        "test": "paired randomisation test",
        "challenger_precision": plain(interval(known, challenger)),
        "champion_precision": plain(interval(known, champion)),
        "slices": [],
        "corrections": suite,
    }
    found = judged(case, policy, 0, scores)
    return replace(found, numbers=found.numbers | {"n": len(known), "anomalies": pair.n})


def by_sample(truth: Flags, new: Floats, old: Floats, audit: Sequence[bool]) -> dict[str, dict[str, Any]]:
    """The same comparison on each locked sample alone: n rows, gained, lost and difference."""
    side = np.asarray(audit, dtype=bool)
    pairs = {name: compared(truth[rows], new[rows], old[rows]) for name, rows in (("holdout", ~side), ("audit", side))}
    return {
        name: {"n": len(pair.truth), "gained": pair.gained, "lost": pair.lost, "difference": plain(pair.interval)}
        for name, pair in pairs.items()
    }


def _ranks(scores: Floats) -> Floats:
    """Share of rows with a lower score, those of equal score sharing theirs, (n,)."""
    order = np.sort(scores)
    below, upto = (np.searchsorted(order, scores, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * max(len(scores), 1)))


def _each(truth: Flags, columns: Floats) -> Floats:
    """Average precision of each row of columns (b, n), (b,)."""
    hits = truth[np.argsort(-columns, axis=1)]
    precision = hits.cumsum(axis=1) / np.arange(1, len(truth) + 1)
    return np.asarray((hits * precision).sum(axis=1) / truth.sum())
