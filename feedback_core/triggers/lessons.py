"""Training rows that a shadow or a replay may know, and the project's recipe fitted on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .. import fitting, tasks
from ..store import Store
from ..types import Project, TrainingRows


def known(store: Store, project: Project) -> TrainingRows:
    """What a version of the project would learn from now."""
    return store.items.training_rows(project.id, dated=bool(project.settings.label_half_life_days))


def fit(project: Project, rows: TrainingRows) -> Any:
    """The project's recipe fitted on some rows, as a retrain would. Raises CannotTrain."""
    settings = project.settings
    weights = tasks.of(project).sample_weights(rows, settings.label_half_life_days)
    recipe = (project.schema, settings.estimator, settings.params, settings.seed)
    return fitting.fit(*recipe, rows.inputs, rows.labels, weights, task=project.task)


def those(rows: TrainingRows, places: Sequence[int]) -> TrainingRows:
    """The rows at some places, in their order."""
    return replace(
        rows,
        ids=tuple(rows.ids[n] for n in places),
        inputs=tuple(rows.inputs[n] for n in places),
        labels=tuple(rows.labels[n] for n in places),
        from_feedback=tuple(rows.from_feedback[n] for n in places),
        dated=tuple(rows.dated[n] for n in places) if rows.dated else (),
    )


def without(rows: TrainingRows, items: frozenset[int]) -> TrainingRows:
    """The rows but for the reviewed ones of some items."""
    keep = [n for n, item_id in enumerate(rows.ids) if item_id not in items or not rows.from_feedback[n]]
    return those(rows, keep)
