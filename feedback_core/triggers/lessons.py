"""Training rows that a shadow or a replay may know."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import TrainingRows


def those(rows: TrainingRows, places: Sequence[int]) -> TrainingRows:
    """The rows at some places, in their order."""
    return TrainingRows(
        ids=tuple(rows.ids[n] for n in places),
        inputs=tuple(rows.inputs[n] for n in places),
        labels=tuple(rows.labels[n] for n in places),
        from_feedback=tuple(rows.from_feedback[n] for n in places),
        feedback_upto=rows.feedback_upto,
    )


def without(rows: TrainingRows, items: frozenset[int]) -> TrainingRows:
    """The rows but for the reviewed ones of some items."""
    keep = [n for n, item_id in enumerate(rows.ids) if item_id not in items or not rows.from_feedback[n]]
    return those(rows, keep)
