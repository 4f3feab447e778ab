"""What people's answers to drift alerts change: a kind that was dismissed asks for more before it is told again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..types import DriftAlert, DriftDirection

LEAST_EFFECT = 0.1
"""Smallest distance that matters, of distribution functions or of shares: with enough rows any difference is proven."""

CALMER = 10.0
"""By what each dismissal divides the significance that an alert of its kind needs from then on."""

GROWN = 1.25
"""How much further than when it was answered a column has to have moved to be told again about one version."""

Kind = tuple[str, DriftDirection, str]
"""Column, direction, and for a category which one has grown: what an answer is about."""


@dataclass(frozen=True, slots=True)
class Calm:
    """dismissals: standing ones of a kind since it was last accepted. dismissed, accepted: largest effect so answered
    about the version in question, 0 without."""

    dismissals: int = 0
    dismissed: float = 0.0
    accepted: float = 0.0


def kind_of(column: str, direction: DriftDirection, place: float | str | None) -> Kind:
    """The kind of a drift; how far a number has moved is no part of it."""
    return column, direction, str(place) if direction == "more" else ""


def calm(answered: Iterable[DriftAlert], version_id: int) -> dict[Kind, Calm]:
    """What is known of each kind. answered: alerts with standing answers, in the order of these.

    An accept forgets the dismissals before it. What was answered about one version says nothing of how far a column
    may move from what another has learned; that a kind does not matter does.
    """
    known: dict[Kind, Calm] = {}
    for alert in answered:
        kind = kind_of(alert.column_name, alert.direction, alert.place)
        now, effect = known.get(kind, Calm()), alert.effect if alert.version_id == version_id else 0.0
        if alert.answer == "accept":
            known[kind] = Calm(0, 0.0, max(now.accepted, effect))
        elif alert.answer == "dismiss":
            known[kind] = replace(now, dismissals=now.dismissals + 1, dismissed=max(now.dismissed, effect))
    return known


def needed(known: Calm, level: float) -> tuple[float, float]:
    """(largest p, smallest effect) of a drift that counts. level: largest p of a kind that nobody has dismissed."""
    return level / CALMER**known.dismissals, max(LEAST_EFFECT, GROWN * known.dismissed)


def is_news(effect: float, known: Calm) -> bool:
    """Whether a drift that counts is told as an alert: not while one that was accepted has not grown."""
    return effect >= GROWN * known.accepted
