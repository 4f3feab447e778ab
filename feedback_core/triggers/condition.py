"""What every trigger and every brake says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..wording import counted


@dataclass(frozen=True, slots=True)
class Condition:
    """One answer to "why not now?".

    kind: a trigger wants a retrain when it is met; a brake allows one when it is met. value, needed: its number and
    the one it is compared with, None where there is none. sentence: both in words. cause: what a job it asks for says.
    """

    name: str
    kind: Literal["trigger", "brake"]
    met: bool
    value: float | None
    needed: float | None
    sentence: str
    cause: str = ""


def lasting(seconds: float) -> str:
    """A duration in the largest unit that fits: 90 seconds, 2 minutes, 1 hour, 3 days."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and (seconds >= 2 * size or seconds % size == 0):
            return counted(round(seconds / size, 1), unit)
    return counted(round(seconds), "second")
