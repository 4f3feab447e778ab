"""A real-time challenger becomes a version like any other, and can be rebuilt from the order it learned in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Refused
from ..models import artifacts
from ..store import Store
from ..types import Job, Progress, Project, TrainingRows, Version
from .following import Order, key, order, start
from .learner import Key, Learner, fold, origin
from .standing import same


def request(store: Store, project: Project, by: str, now: float) -> Job:
    """Ask the worker to judge the challenger as it is now: one look at the locked rows, like that of any version.

    Raises Refused when nothing has been learned since the last, and NotFound before the first champion.
    """
    if not project.settings.realtime:
        raise Refused("This project does not learn in real time: switch it on under Real time on the Retrain page.")
    _ask_for_news(store, project, order(store, project))
    return store.jobs.request(project.id, "real time", trigger="manual", by=by, now=now)


def new_version(store: Store, project: Project, by: str, job_id: int | None, now: float, progress: Progress) -> Version:
    """Store the challenger of this moment as a candidate, with the rows it knows and the order it learned them in.

    It is learned anew from the store, which gives the same bits as the one that follows along. A job that has stored
    one already gets that. Raises Refused, CannotTrain, ArtifactError.
    """
    if job_id is not None and (known := store.versions.of_job(job_id)) is not None:
        return known
    wanted = order(store, project)
    _ask_for_news(store, project, wanted)
    progress(0.1, f"learning {len(wanted.lessons):,} entries in their order")
    keys = [key(lesson) for lesson in wanted.lessons]
    learner = fold(start(store, project, wanted), keys, store.items.inputs([item_id for _, item_id, _ in keys]))
    if learner.skipped == len(keys):
        raise Refused("Every new entry has a label that the champion does not know: retrain, which learns it.")
    progress(0.7, "saving the model")
    artifact = artifacts.save(learner.pipeline(), store.artifacts, f"project{project.id}")
    rows, weights = _lineage(learner, wanted.upto)
    base = store.items.sources(rows.ids)
    fields = {
        "parent_id": wanted.origin.id,
        "job_id": job_id,
        "estimator": learner.origin.estimator,
        "params": learner.origin.params,
        "seed": wanted.origin.seed,
        "artifact": artifact.name,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "environment": artifact.environment,
        "n_base": sum(label is not None for _, _, label in base.values()),
        "n_feedback": sum(label is None for _, _, label in base.values()),
        "feedback_upto": wanted.upto,
        "half_life_days": 0.0,
        "created_by": by,
        "created_at": now,
    }
    return store.versions.create(project, fields, rows, weights, (wanted.origin.id, keys))


def rebuilt(store: Store, project: Project, version: Version) -> Any:
    """The model of a version that was learned entry by entry, from the stored order. Raises NotFound."""
    origin_id, keys = store.realtime.taught(version.id)
    begun = store.versions.get(origin_id)
    known = set(store.versions.lineage(version.id)["ids"]) - {item_id for _, item_id, _ in keys}
    fallen = frozenset(store.versions.lineage(origin_id)["ids"]) - known
    first = origin(store, project, begun, (version.estimator, dict(version.params)), fallen)
    return fold(first, keys, store.items.inputs([item_id for _, item_id, _ in keys])).pipeline()


def _ask_for_news(store: Store, project: Project, wanted: Order) -> None:
    if not wanted.lessons:
        raise Refused(f"Nothing has been learned since version {wanted.origin.number}: there is nothing to judge.")
    now = (wanted.origin.id, [key(lesson) for lesson in wanted.lessons])
    for version in reversed(store.versions.all(project.id)):
        # Its lessons are read only where they may be the same: thousands of them are megabytes.
        alike = (version.parent_id, version.streamed) == (now[0], len(now[1]))
        if alike and store.realtime.taught(version.id) == now:
            raise Refused(same(version.number))


def _lineage(learner: Learner, upto: int) -> tuple[TrainingRows, list[float]]:
    """Every row it knows, in id order as of any version, with what each counted; a lesson is its item's only label."""
    first = learner.origin
    rows = {
        item_id: (label, float(weight), False)
        for item_id, label, weight in zip(first.ids, first.labels, first.weights, strict=True)
    }
    taught: list[tuple[Key, float]] = [
        (lesson, weight) for lesson, weight in zip(learner.keys, learner.weights, strict=True) if weight
    ]
    rows |= {item_id: (label, weight, True) for (_, item_id, label), weight in taught}
    ids = tuple(sorted(rows))
    weights = np.asarray([rows[item_id][1] for item_id in ids]).tolist()
    return TrainingRows(ids, (), tuple(rows[n][0] for n in ids), tuple(rows[n][2] for n in ids), upto), weights
