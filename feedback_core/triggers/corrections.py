"""A fixed number of corrections."""

from __future__ import annotations

from ..wording import counted
from .condition import Condition


def condition(collected: int, needed: int) -> Condition:
    """Met when as many corrections are in. Confirmations do not count: they tell the model little new."""
    missing = max(0, needed - collected)
    text = f"{collected:,} of {needed:,} corrections" + (f", {missing:,} to go" if missing else "")
    return Condition(
        "corrections", "trigger", collected >= needed, collected, needed, text, counted(needed, "correction")
    )
