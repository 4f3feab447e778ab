"""When a retrain is due, and in words why it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    text = (
        f"{collected:,} corrections collected, {threshold:,} asked for: retraining is due"
        if ready
        else f"{collected:,} of {threshold:,} corrections collected, {threshold - collected:,} to go"
    )
    return Due(ready, collected, threshold, entries, text)


def obstacle(labels: Sequence[str], anything_new: bool) -> str:
    """Why no version can be trained now, in words; empty when one can. labels: two different ones, or all there are."""
    if not labels:
        return "There is no label to learn from yet: label items on Review, or add rows with labels on Setup."
    if len(labels) == 1:
        return f"Every label says {labels[0]!r}: a model needs at least two classes, so label an item of another one."
    if not anything_new:
        return "Nothing has come in since the last version: a retrain would give the same model again."
    return ""


def no_rows(items: Mapping[str, int]) -> str:
    """Why a detector cannot be trained that needs no label; empty when it can. items: by split and state."""
    return "" if any(items.values()) else "There is no row to learn from yet: add rows on the Setup page."
