"""The queue audits itself: what each way of drawing found, and how far a shown prediction pulls reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import newcombe, wilson
from .types import Drawn, Interval

RANDOM = ("audit", "random")
"""Strategies that reach every open item alike: what the others are measured against."""

CHOSEN = ("chosen", "slice", "gold")
"""Draws that no rule of the queue made: a person picked them, or they test the reviewer."""

MOST_KNOWN = 0.8
"""Share of the decisions by priority whose parts must still be known for the parts to be told."""

LONGEST_S = 120.0
"""Seconds a decision counts at most: whoever took longer was away, and a coffee is no cost of the queue."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one way of drawing found. Shares are 0-1, `ahead` is its share minus that of the random draws."""

    name: str
    share: Interval
    """Corrections per decision; n counts decisions, for a part the effective number of them."""
    ahead: Interval | None
    """None without random draws to compare with, and for those themselves."""
    per_minute: Interval | None
    """Corrections per minute of reviewing; None while no decision was timed."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Agreement with the model where its prediction was shown and where it was hidden; shares 0-1."""

    shown: Interval
    blind: Interval
    difference: Interval
    """Shown minus blind: the share of answers that the suggestion changes in the model's favour."""


def strategies(rows: Sequence[Drawn]) -> list[Finding]:
    """One finding per strategy of the queue, the random ones together as `random`, most decisions first."""
    told, random = _Told.of(rows), _random_share(rows)
    drawn_by = ["random" if row.strategy in RANDOM else row.strategy for row in rows]
    found = [
        _finding(name, told, np.array([strategy == name for strategy in drawn_by], dtype=float), random)
        for name in set(drawn_by) - set(CHOSEN)
    ]
    return sorted(found, key=lambda finding: (-finding.share.n, finding.name))


def parts(rows: Sequence[Drawn]) -> list[Finding]:
    """One finding per part of the priority, over draws by priority; most decisions first.

    A decision counts for a part with the part's share of its priority, so the parts divide the corrections among them.
    Nothing when a later scoring has overwritten the parts of more than one decision in five: the parts of the rest
    would divide another whole than the one that `strategies` tells.
    """
    names = sorted({name for row in rows for name in row.parts})
    drawn = [row for row in rows if row.strategy == "priority"]
    ranked = [row for row in drawn if sum(row.parts.values()) > 0]
    if len(ranked) < MOST_KNOWN * len(drawn):
        return []
    told, random = _Told.of(ranked), _random_share(rows)
    whole = np.array([sum(row.parts.values()) for row in ranked])
    shares = {name: np.array([row.parts.get(name, 0.0) for row in ranked]) / whole for name in names}
    found = [_finding(name, told, weights, random) for name, weights in shares.items()]
    return sorted((f for f in found if f.share.n), key=lambda finding: (-finding.share.n, finding.name))


def pull(rows: Sequence[Drawn]) -> Pull | None:
    """How far a shown prediction pulls; None until both kinds of draws by priority have been answered.

    Fair because chance alone decides which draw by priority is blind: both kinds are equally hard.
    """
    answered = [row for row in rows if row.strategy == "priority" and row.verdict in ("confirm", "correct")]
    shown, blind = ([row for row in answered if row.blind is hidden] for hidden in (False, True))
    if not shown or not blind:
        return None
    agreed_shown, agreed_blind = (
        wilson(sum(r.verdict == "confirm" for r in some), len(some)) for some in (shown, blind)
    )
    return Pull(agreed_shown, agreed_blind, newcombe(agreed_shown, agreed_blind))


@dataclass(frozen=True, slots=True)
class _Told:
    """Of each decision: whether it corrected, and how long it took, NaN where that is not known."""

    corrected: npt.NDArray[np.bool_]
    seconds: npt.NDArray[np.float64]

    @staticmethod
    def of(rows: Sequence[Drawn]) -> _Told:
        return _Told(
            np.array([row.verdict == "correct" for row in rows], dtype=bool),
            np.array([np.nan if row.seconds is None else min(row.seconds, LONGEST_S) for row in rows], dtype=float),
        )


def _finding(name: str, told: _Told, weights: npt.NDArray[np.float64], random: Interval | None) -> Finding:
    share = _weighted(weights, told.corrected)
    timed = ~np.isnan(told.seconds)
    own = weights[timed]
    minutes = float(own @ told.seconds[timed]) / 60
    per_minute = None
    if minutes > 0:
        pace = float(own.sum()) / minutes
        rate = _weighted(own, told.corrected[timed])
        per_minute = Interval(rate.value * pace, rate.low * pace, rate.high * pace, rate.n)
    ahead = None if random is None or name == "random" else newcombe(share, random)
    return Finding(name, share, ahead, per_minute)


def _weighted(weights: npt.NDArray[np.float64], corrected: npt.NDArray[np.bool_]) -> Interval:
    """Weighted share of corrections, on the effective number of decisions (Kish, 1965)."""
    total, squares = float(weights.sum()), float(weights @ weights)
    if not squares:
        return wilson(0, 0)
    n = total * total / squares
    return wilson(n * float(weights[corrected].sum()) / total, n)


def _random_share(rows: Sequence[Drawn]) -> Interval | None:
    random = np.array([row.strategy in RANDOM for row in rows], dtype=float)
    share = _weighted(random, _Told.of(rows).corrected)
    return share if share.n else None
