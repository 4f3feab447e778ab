"""The queue audits itself: what each way of drawing found, and how far a shown prediction pulls reviewers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from .intervals import newcombe, wilson
from .types import Drawn, Interval

RANDOM = ("audit", "random")
"""Strategies that reach every open item alike: what the others are measured against."""

CHOSEN = ("chosen", "slice", "gold")
"""Draws that no rule of the queue made: a person picked them, or they test the reviewer."""

LONGEST_S = 120.0
"""Seconds a decision counts at most: whoever took longer was away, and a coffee is no cost of the queue."""

Weight = Callable[[Drawn], float]


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
    named = [replace(row, strategy="random") if row.strategy in RANDOM else row for row in rows]
    names = {row.strategy for row in named if row.strategy not in CHOSEN}
    found = [_finding(name, named, _is_drawn_by(name), _random_share(rows)) for name in names]
    return sorted(found, key=lambda finding: (-finding.share.n, finding.name))


def parts(rows: Sequence[Drawn]) -> list[Finding]:
    """One finding per part of the priority, over draws by priority; most decisions first.

    A decision counts for a part with the part's share of its priority, so the parts divide the corrections among them.
    """
    names = sorted({name for row in rows for name in row.parts})
    ranked = [row for row in rows if row.strategy == "priority" and sum(row.parts.values()) > 0]
    found = [_finding(name, ranked, _share_of(name), _random_share(rows)) for name in names]
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


def _finding(name: str, rows: Sequence[Drawn], weight: Weight, random: Interval | None) -> Finding:
    share = _weighted(rows, weight)
    timed = [row for row in rows if row.seconds is not None]
    minutes = sum(weight(row) * min(row.seconds or 0.0, LONGEST_S) for row in timed) / 60
    per_minute = None
    if minutes > 0:
        pace = sum(map(weight, timed)) / minutes
        rate = _weighted(timed, weight)
        per_minute = Interval(rate.value * pace, rate.low * pace, rate.high * pace, rate.n)
    ahead = None if random is None or name == "random" else newcombe(share, random)
    return Finding(name, share, ahead, per_minute)


def _weighted(rows: Iterable[Drawn], weight: Weight) -> Interval:
    """Weighted share of corrections, on the effective number of decisions (Kish, 1965)."""
    pairs = [(weight(row), row.verdict == "correct") for row in rows]
    total, squares = sum(w for w, _ in pairs), sum(w * w for w, _ in pairs)
    if not squares:
        return wilson(0, 0)
    n = total * total / squares
    return wilson(n * sum(w for w, corrected in pairs if corrected) / total, n)


def _random_share(rows: Sequence[Drawn]) -> Interval | None:
    share = _weighted(rows, lambda row: float(row.strategy in RANDOM))
    return share if share.n else None


def _is_drawn_by(name: str) -> Weight:
    return lambda row: float(row.strategy == name)


def _share_of(part: str) -> Weight:
    return lambda row: row.parts.get(part, 0.0) / sum(row.parts.values())
