"""A fitted model becomes a version: its lineage is empty, and said to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import intake
from ..errors import Refused
from ..models import artifacts
from ..store import Store
from ..types import Project, TrainingRows, Version

TRIED_ON = 50
"""Items that a model is asked about before it is stored."""

NOTHING = TrainingRows((), (), (), (), 0)
"""Of a version that was trained elsewhere."""


def import_file(
    store: Store,
    project: Project,
    data: bytes,
    filename: str,
    by: str,
    now: float,
    *,
    labels: Mapping[Any, str] | None = None,
) -> Version:
    """Store the model in a user's file as a candidate. Raises InvalidFile or InvalidInput; then nothing is stored."""
    from ..models import user_files

    model = user_files.read_model(data, filename)
    return import_model(store, project, model, by, now, labels=labels, source=filename)


def import_model(
    store: Store,
    project: Project,
    model: Any,
    by: str,
    now: float,
    *,
    labels: Mapping[Any, str] | None = None,
    source: str = "Python",
) -> Version:
    """Store a fitted scikit-learn classifier as a candidate. Raises InvalidInput naming what does not fit."""
    from ..models.imported import checked_proba, over_columns

    kind = type(model).__name__
    pipeline = over_columns(model, project.schema, project.labels, labels)
    if rows := tried_rows(store, project):
        checked_proba(pipeline, intake.decode(rows, project.schema), len(pipeline.classes_))
    artifact = artifacts.save(pipeline, store.artifacts, f"project{project.id}")
    fields = {
        **described(store, project, "imported", {"model": kind, "source": source[:200]}, by, now),
        "artifact": artifact.name,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "environment": artifact.environment,
    }
    return store.versions.create(project, fields, NOTHING, ())


def described(
    store: Store, project: Project, estimator: str, params: Mapping[str, Any], by: str, now: float
) -> dict[str, Any]:
    """Fields of a version that was not fitted here. feedback_upto: whoever made it may know every label so far."""
    if project.task != "classification":
        raise Refused(f"A model from elsewhere tells classes apart, and {project.name} is about {project.task}.")
    champion = store.versions.champion(project.id)
    newest = store.feedback.latest(project.id, 1)
    return {
        "parent_id": champion.id if champion else None,
        "job_id": None,
        "estimator": estimator,
        "params": dict(params),
        "seed": 0,
        "artifact": "",
        "sha256": "",
        "size": 0,
        "environment": {},
        "n_base": 0,
        "n_feedback": 0,
        "feedback_upto": newest[0].id if newest else 0,
        "created_by": by,
        "created_at": now,
    }


def tried_rows(store: Store, project: Project) -> list[str]:
    """Inputs of some items to try a model on; none where the project has none."""
    items = next(store.items.export(project.id, TRIED_ON), [])
    return store.items.inputs([item.id for item in items])
