"""Stored rows become a fitted model: the one path that a retrain and the rebuild of a version share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake, tasks
from .models import artifacts
from .store import Store
from .store.backgrounds import NONE, Background
from .types import Progress, Project, Schema, Task, Version


def fit(
    schema: Schema,
    estimator: str,
    params: Mapping[str, Any],
    seed: int,
    inputs: Sequence[str],
    labels: Sequence[str],
    weights: npt.NDArray[np.float64],
    *,
    task: Task = "classification",
    background: Sequence[str] = (),
) -> Any:
    """A fitted pipeline, the same one for the same arguments and library versions.

    inputs, labels, weights: (n,), inputs as stored; their order matters. background: inputs without a label, for a task
    that learns from such. Raises CannotTrain.
    """
    unfitted = tasks.unfitted(task, schema, estimator, params, seed)
    if background:
        inputs, labels = [*background, *inputs], [""] * len(background) + list(labels)
        weights = np.concatenate([np.ones(len(background)), weights])
    return tasks.TASKS[task].fit(unfitted, intake.decode(inputs, schema), labels, weights)


def proba(
    model: Any, inputs: Sequence[str | bytes], project: Project, ids: Sequence[int] = ()
) -> npt.NDArray[np.float64]:
    """What a model says of stored inputs, (n, c) in the order of the task's columns; of classes, probabilities.

    ids: of the items, where they are known. Rows are NaN where a model that is stored predictions has none.
    """
    task = tasks.of(project)
    if not inputs:
        return np.zeros((0, len(task.columns(project))))
    if hasattr(model, "proba_of"):
        looked_up: npt.NDArray[np.float64] = model.proba_of(inputs, ids, task.columns(project))
        return looked_up
    return task.numbers(model, intake.decode(inputs, project.schema), project)


def new_version(
    store: Store,
    project: Project,
    by: str,
    job_id: int | None,
    now: float,
    progress: Progress,
    recipe: tuple[str, Mapping[str, Any]] | None = None,
) -> tuple[Version, Any]:
    """Fit a candidate on base data plus effective feedback, save its model and store it; gives it and the model.

    recipe: estimator and params in place of the project's.
    """
    settings, past = project.settings, store.versions.all(project.id)
    champion = store.versions.champion(project.id)
    rows = store.items.training_rows(project.id, dated=bool(settings.label_half_life_days))
    weights = tasks.of(project).sample_weights(rows, settings.label_half_life_days)
    estimator, params = recipe or (settings.estimator, settings.params)
    background = background_of(store, project, champion)
    # What is usual is learned once: another forest over the same rows would rank them anew for no reason of theirs.
    kept = champion is not None and background.ids and background == store.backgrounds.of(champion.id)
    seed = champion.seed if champion is not None and kept else settings.seed + len(past) + 1
    progress(0.1, f"fitting {estimator} on {len(rows.ids) + len(background.ids):,} rows")
    fitted = (project.schema, estimator, params, seed)
    further = store.backgrounds.inputs(background)
    model = fit(*fitted, rows.inputs, rows.labels, weights, task=project.task, background=further)
    progress(0.7, "saving the model")
    artifact = artifacts.save(model, store.artifacts, f"project{project.id}")
    fields = {
        "parent_id": champion.id if champion else None,
        "job_id": job_id,
        "estimator": estimator,
        "params": params,
        "seed": seed,
        "artifact": artifact.name,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "environment": artifact.environment,
        "n_base": len(rows.ids) - sum(rows.from_feedback),
        "n_feedback": sum(rows.from_feedback),
        "feedback_upto": rows.feedback_upto,
        "half_life_days": settings.label_half_life_days,
        "created_by": by,
        "created_at": now,
    }
    return store.versions.create(project, fields, rows, weights.tolist(), background=background), model


GROWN = 2
"""How many times as many rows as then make a version choose its background anew."""


def background_of(store: Store, project: Project, before: Version | None) -> Background:
    """The rows without a label that the next version learns from: those of the version before, until the project has
    grown to GROWN times its size. None for a task that needs labels."""
    most = tasks.of(project).background
    if not most:
        return NONE
    known = NONE if before is None else store.backgrounds.of(before.id)
    found = store.backgrounds.spread(project.id, most)
    return known if known.ids and found.among < GROWN * known.among else found


def would_repeat(store: Store, project: Project) -> bool:
    """Whether a version trained now would learn the same rows by the same recipe as the last one."""
    settings, last = project.settings, store.versions.all(project.id)[-1]
    learned, rows = store.versions.lineage(last.id), store.items.training_rows(project.id)
    # What was learned one by one in real time is another model than a fit of the same rows.
    return (
        not last.streamed
        and (
            last.estimator,
            last.params,
            last.half_life_days,
            learned["ids"],
            learned["labels"],
        )
        == (
            settings.estimator,
            settings.params,
            settings.label_half_life_days,
            list(rows.ids),
            list(rows.labels),
        )
        and background_of(store, project, last) == store.backgrounds.of(last.id)
    )


def inputs_learned(store: Store, versions: Sequence[Version], item_ids: Sequence[int]) -> frozenset[int]:
    """Those of the items whose input one of the versions was taught, be it under another item's id."""
    pairs = store.holdout.copies(item_ids)
    copies = [copy for _, copy in pairs]
    taught = {copy for version in versions for copy in store.versions.learned_of(version.id, copies)}
    return frozenset(item for item, copy in pairs if copy in taught)
