"""Accumulated regret against a shadow: retrain when the avoidable errors have cost as much as a retrain would.

Rent or buy: staying with the champion costs avoidable errors, a retrain costs C of them at once. Whoever stops when the
accumulated rent equals the price pays at most twice the optimum (Karlin et al. 1988); under a linear drift it is the
optimum. Measured in `python -m benchmarks.trigger`.
"""

from __future__ import annotations

import math

from ..errors import InvalidInput
from ..wording import counted
from .condition import Condition

LEAST_ENTRIES = 10
"""Entries before regret may fire: fewer say nothing, whatever their sum."""

REFIT_EVERY = 25
"""Accepted entries between two fits of the shadow."""

LEAST_PROPENSITY = 0.05
"""One entry stands for at most twenty predictions: one draw by chance out of thousands would decide alone otherwise."""

USUAL_CORRECTION_S = 3.0
"""Seconds of a correction while none has been measured."""

LOOK_S = 60.0
"""Seconds a person spends on the report of one version."""

COST_LIMITS = (5, 500)
"""Bounds of a proposed cost, in wrong predictions."""


def step(total: float, champion_wrong: bool, shadow_wrong: bool, propensity: float) -> float:
    """The regret after one more entry, never below 0. total: the regret before it, in wrong predictions.

    propensity: probability with which a prediction like this one is reported, in (0, 1].
    """
    if not 0 < propensity <= 1:
        raise InvalidInput(f"propensity={propensity!r} is no probability: give one above 0, at most 1.")
    return max(0.0, total + (champion_wrong - shadow_wrong) / propensity)


def propensity(strategy: str | None, by_chance: int, unseen: int) -> float | None:
    """Probability with which the prediction behind an entry was reported; None where it cannot be known.

    strategy: how its item was drawn, None for an entry nobody asked for. What the queue or a person chose was sure to
    come up and stands for itself alone. Items drawn uniformly stand for those nobody has seen: by_chance of them have
    been decided, `unseen` have not.
    """
    if strategy is None:
        return None
    if strategy not in ("audit", "random"):
        return 1.0
    drawn = max(by_chance, 1)
    return max(LEAST_PROPENSITY, drawn / (drawn + unseen))


def due(total: float, entries: int, cost: float) -> bool:
    """Whether the regret of so many new entries has reached the cost of a retrain."""
    return total >= cost and entries >= LEAST_ENTRIES


def fallback(cost: float) -> int:
    """Corrections to wait for where no shadow can be fitted: 6 * sqrt(cost), rounded up."""
    return math.ceil(6 * math.sqrt(cost))


def proposed_cost(retrain_s: float | None, correction_s: float | None) -> int:
    """Cost of one retrain in wrong predictions: machine and person, in the time that correcting one takes.

    retrain_s: measured seconds of a retrain, None before the first. correction_s: seconds of one correction.
    """
    spent = (retrain_s or 0.0) + LOOK_S
    low, high = COST_LIMITS
    return round(min(max(spent / (correction_s or USUAL_CORRECTION_S), low), high))


def condition(total: float, entries: int, cost: float, corrections: int, least: int, most: int) -> Condition:
    """The adaptive trigger, bounded: never below `least` corrections, always at `most`."""
    full = corrections >= most
    ready = full or (due(total, entries, cost) and corrections >= least)
    text = f"{_number(total)} of {_number(cost)} avoidable errors over {counted(entries, 'new decision')}"
    if full:
        text += f"; {counted(corrections, 'correction')}, at most {most:,} may wait"
    elif entries < LEAST_ENTRIES:
        text += f"; {LEAST_ENTRIES - entries} more decisions are needed before they count"
    elif corrections < least:
        text += f"; {corrections:,} of at least {least:,} corrections"
    cause = counted(corrections, "correction") if full else f"{_number(total)} avoidable errors"
    return Condition("auto", "trigger", ready, total, cost, text, cause)


def fallback_condition(why: str, cost: float, corrections: int, least: int, most: int) -> Condition:
    """The adaptive trigger without a shadow. why: what keeps one from being fitted."""
    needed = min(max(fallback(cost), least), most)
    text = f"{corrections:,} of {needed:,} corrections, by the square-root rule: {why}"
    return Condition(
        "auto", "trigger", corrections >= needed, corrections, needed, text, f"{corrections:,} corrections"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
