"""Rules for when to retrain as functions of what came in since the last retrain: for replays of the past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import corrections, regret


@dataclass(frozen=True, slots=True)
class Seen:
    """Since the last retrain: entries, corrections among them, accumulated regret, and seconds passed."""

    entries: int = 0
    corrections: int = 0
    regret: float = 0.0
    seconds: float = 0.0


Rule = Callable[[Seen], bool]
"""Whether to retrain now."""


def after(seen: Seen, champion_wrong: bool, shadow_wrong: bool, propensity: float | None, seconds: float = 0.0) -> Seen:
    """What has been seen with one more entry; one of unknown propensity counts for no regret."""
    total = seen.regret
    if propensity is not None:
        total = regret.step(total, champion_wrong, shadow_wrong, propensity)
    return Seen(seen.entries + 1, seen.corrections + champion_wrong, total, seconds)


def every(n: int) -> Rule:
    """After n entries, right or wrong."""
    return lambda seen: seen.entries >= n


def fixed(n: int) -> Rule:
    """After n corrections."""
    return lambda seen: corrections.condition(seen.corrections, n).met


def root(cost: float) -> Rule:
    """After as many corrections as the fallback asks for."""
    return fixed(regret.fallback(cost))


def auto(cost: float) -> Rule:
    """When the accumulated regret has reached the cost of a retrain."""
    return lambda seen: regret.due(seen.regret, seen.entries, cost)


def after_days(days: float) -> Rule:
    """With the first entry after so many days."""
    return lambda seen: seen.seconds >= days * 86_400
