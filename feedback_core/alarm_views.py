"""What the alarms were worth: how many were true down the ranking, beside what chance finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from . import insights
from .intake import ANOMALY
from .intervals import wilson
from .loop import Loop
from .ranking import AT
from .types import Interval, Version
from .wording import share


@dataclass(frozen=True, slots=True)
class Yield:
    """Answers to alarms. alarms: share of true ones of all versions. own: of the champion's. at: of its first k.

    chance: share of anomalies among cards that chance dealt. found: true alarms after each one.
    """

    alarms: Interval
    own: Interval
    at: Mapping[int, Interval]
    chance: Interval
    found: Sequence[int]


def alarm_yield(loop: Loop, champion: Version | None) -> Yield:
    """The yield of a project, kept until something is decided or judged."""
    key = ("alarm yield", *insights.standing(loop.store, loop.project), champion.id if champion else 0)
    return loop.cache.get(key, lambda: _yield(loop, champion))


def _yield(loop: Loop, champion: Version | None) -> Yield:
    store, project_id = loop.store, loop.project.id
    answered = store.alarms.answered(project_id)
    by_chance = [said for _, said in store.alarms.answered(project_id, strategy="audit")]
    after = champion.feedback_upto if champion else 0
    newest = store.alarms.answered(project_id, after=after) if champion else []
    own = [said for version, said in newest if champion is not None and version == champion.id]
    return Yield(
        alarms=_share([said for _, said in answered]),
        own=_share(own),
        at={k: _share(own[:k]) for k in AT if k <= len(own)},
        chance=_share(by_chance),
        found=list(accumulate(said == ANOMALY for _, said in answered)),
    )


def sentences(found: Yield, number: int) -> tuple[str, ...]:
    """The yield in words. number: of the champion."""
    if not found.alarms.n + found.chance.n:
        return ("No alarm has been answered yet: how many are true shows as soon as some are.",)
    firsts = ", ".join(f"{share(_plain(score))} of the first {k}" for k, score in found.at.items())
    return (
        f"Alarms answered in all: {_told(found.alarms, 'were true')}.",
        f"Alarms of version {number}: {_told(found.own, 'were true')}" + (f"; {firsts}." if firsts else "."),
        f"Among items that chance drew: {_told(found.chance, 'are anomalies')}, which is what a ranking at random "
        "would find."
        if found.chance.n
        else "Among items that chance drew: none answered yet.",
    )


def headline(found: Yield) -> str:
    """The finding of the chart."""
    n = found.alarms.n
    return f"{found.found[-1] if found.found else 0:,} of the {n:,} alarms answered were true"


def _share(said: Sequence[str]) -> Interval:
    return wilson(sum(each == ANOMALY for each in said), len(said))


def _told(score: Interval, what: str) -> str:
    return f"{share(_plain(score))} {what}" if score.n else "none answered yet"


def _plain(score: Interval) -> dict[str, Any]:
    return {"value": score.value if score.n else None, "low": score.low, "high": score.high, "n": score.n}
