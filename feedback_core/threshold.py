"""When a retrain is due, and in words why it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    """collected: corrections no version has learned from yet. entries: those plus confirmations."""

    ready: bool
    collected: int
    needed: int
    entries: int
    text: str


def due(pending: Mapping[str, int], threshold: int) -> Due:
    """Compare pending feedback with the threshold.

    pending: accepted entries by verdict since the last version. Only corrections count: confirmations tell the model
    little that it does not know.
    """
    collected = pending.get("correct", 0)
    entries = collected + pending.get("confirm", 0)
    ready = collected >= threshold
    missing = threshold - collected
    text = f"{collected} of {threshold} corrections collected"
    return Due(ready, collected, threshold, entries, text + (": retraining is due" if ready else f", {missing} to go"))
