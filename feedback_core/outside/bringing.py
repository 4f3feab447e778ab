"""A fitted model becomes a version: its lineage is empty, and said to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import intake
from ..errors import InvalidInput, Refused
from ..models import artifacts
from ..recorded import scaling
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
    from ..models import BUILDERS, user_files
    from ..models.booster_reading import Trees
    from ..models.imported import over_trees

    takes_models(project)
    kind = user_files.checked_kind(data, filename)
    if kind == "onnx":
        return _import_onnx(store, project, data, filename, by, now, labels)
    if library := user_files.LIBRARIES.get(kind):
        given = (Trees(library, data), filename, project.schema, project.labels, labels, project.task)
        return _tried(store, project, over_trees(*given), BUILDERS[library].title, filename, by, now)
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
    """Store a fitted model of scikit-learn, LightGBM or XGBoost as a candidate. Raises InvalidInput naming what does
    not fit."""
    from ..models.imported import over_columns

    takes_models(project)
    pipeline = over_columns(model, project.schema, project.labels, labels, project.task)
    return _tried(store, project, pipeline, type(model).__name__, source, by, now)


def _tried(store: Store, project: Project, pipeline: Any, what: str, source: str, by: str, now: float) -> Version:
    """Store a model over the project's columns once it has answered about some of its rows."""
    from ..models.imported import checked_numbers, checked_proba

    if rows := tried_rows(store, project):
        X = intake.decode(rows, project.schema)
        if project.task == "regression":
            checked_numbers(pipeline, X)
        else:
            checked_proba(pipeline, X, len(pipeline.classes_))
    return _stored(store, project, "imported", pipeline, {"model": what, "source": source[:200]}, by, now)


def _import_onnx(
    store: Store, project: Project, data: bytes, filename: str, by: str, now: float, labels: Mapping[Any, str] | None
) -> Version:
    from ..models.imported import checked_numbers, checked_proba
    from ..models.onnx_reading import read_onnx

    model = read_onnx(data, filename, project.schema, project.labels, labels, project.task)
    rows = tried_rows(store, project)
    if not rows:
        raise InvalidInput(f"{project.name} has no rows to try the model on: add some on Setup first.")
    X = intake.decode(rows, project.schema)
    if project.task == "regression":
        checked_numbers(model, X)
    else:
        checked_proba(model, X, len(model.classes_))
    model.prepare = scaling(store, project, list(store.items.training_rows(project.id).ids))
    return _stored(store, project, "onnx", model, {"model": "ONNX", "source": filename[:200]}, by, now)


def _stored(
    store: Store, project: Project, estimator: str, model: Any, about: Mapping[str, Any], by: str, now: float
) -> Version:
    artifact = artifacts.save(model, store.artifacts, f"project{project.id}")
    fields = {
        **described(store, project, estimator, about, by, now),
        "artifact": artifact.name,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "environment": artifact.environment,
    }
    return store.versions.create(project, fields, NOTHING, ())


def takes_models(project: Project) -> None:
    """Raise Refused for a project that no fitted model from elsewhere can answer for."""
    if project.task not in ("classification", "regression"):
        raise Refused(
            f"A model from elsewhere tells classes apart or gives numbers, and {project.name} is about {project.task}."
        )


def described(
    store: Store, project: Project, estimator: str, params: Mapping[str, Any], by: str, now: float
) -> dict[str, Any]:
    """Fields of a version that was not fitted here. feedback_upto: whoever made it may know every label so far."""
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
