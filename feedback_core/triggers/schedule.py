"""At fixed times."""

from __future__ import annotations

from .. import cron
from .condition import Condition, lasting


def condition(expression: str, zone: str, since: float, now: float) -> Condition:
    """Met when a time of the expression has come after `since`: when the oldest news came in, or the last retrain.

    So a time that passed while nothing was there to learn is passed for good, and one that passed while no worker ran,
    or while people were labelling, is made up for.
    """
    due_at = cron.following(expression, zone, since)
    met = due_at <= now
    said = f"{cron.written(due_at if met else cron.following(expression, zone, now), zone)} ({zone})"
    text = f"was due on {said}" if met else f"next on {said}, in {lasting(due_at - now)}"
    return Condition("schedule", "trigger", met, now, due_at, text, f"schedule {expression}")
