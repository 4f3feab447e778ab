"""What studies work on: the rows a version has learned from, and the locked rows it is held against.

A forecast and a credit do read the locked rows. No rule of the gate reads a study, and neither is made of a version
that has not been judged, so no comparison is settled by one beforehand. But people act on a credit: labels corrected
or rejected because of it are chosen by the locked rows, and the next gain on these is then a little too good. Its view
says so; a refresh of the holdout takes the wear away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import intake
from ..errors import Refused
from ..refits import Recipe, Refits
from ..store import Store
from ..types import Project, Version

CHUNK = 20_000
"""Inputs read in one short transaction."""

JUDGED = 5_000
"""Locked rows that refits are judged on at most, uniformly drawn: 5,000 tell an error to 1 point."""

LEAST_JUDGED = 30
"""Fewer locked rows say nothing about a difference of a few points."""

RECENT_JOBS = 100

Labels = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Judged:
    """Locked rows, holdout and audit sample together: ids (n,), decoded inputs and the truth (n,)."""

    ids: tuple[int, ...]
    X: Any
    truth: Labels


def judged(store: Store, project: Project, rng: np.random.Generator) -> Judged:
    """At most JUDGED locked rows."""
    locked = store.items.locked_rows(project.id)
    n = len(locked.ids)
    rows = np.sort(rng.choice(n, size=min(n, JUDGED), replace=False)).tolist()
    X = intake.decode([locked.inputs[row] for row in rows], project.schema)
    return Judged(tuple(locked.ids[row] for row in rows), X, np.asarray([locked.truth[row] for row in rows], object))


def must_be_judged(store: Store, version: Version) -> None:
    """Raises Refused for a version without a gate report: on the locked rows a study would judge it unpaid for."""
    if store.versions.report_on(version.id) is None:
        raise Refused(
            f"Version {version.number} has not been judged yet, and a study of it reads the same locked rows "
            "as the gate: judge it first."
        )


def too_few(locked: Judged) -> str:
    """Why a study cannot be made on so few locked rows."""
    return (
        f"Not measurable yet: {len(locked.ids)} locked rows are too few, at least {LEAST_JUDGED} are needed. "
        "Add rows with labels on Setup."
    )


def inputs(store: Store, ids: list[int]) -> list[str]:
    """Stored inputs of items, read in short transactions."""
    return [body for start in range(0, len(ids), CHUNK) for body in store.items.inputs(ids[start : start + CHUNK])]


def refits(store: Store, project: Project, version: Version) -> Refits:
    """A version's recipe and rows, to be refitted in parts. Raises Refused for a version that has no rows on record."""
    lineage = store.versions.lineage(version.id)
    if not lineage:
        raise Refused(f"Version {version.number} has no record of its training rows: study a later one.")
    recipe = Recipe(version.estimator, version.params)
    return Refits(project, recipe, inputs(store, lineage["ids"]), lineage["labels"], lineage["weights"])


def right(store: Store, version_id: int, locked: Judged) -> npt.NDArray[np.float64]:
    """Whether a version was right about each locked row, (n,): 1 or 0, NaN where it never said anything."""
    said = store.predictions.labels_of(version_id, locked.ids)
    return np.asarray(
        [
            float(said[item_id][0] == truth) if item_id in said else np.nan
            for item_id, truth in zip(locked.ids, locked.truth, strict=True)
        ]
    )


def retrain_s(store: Store, project: Project, version: Version) -> float:
    """Seconds the worker took for the retrain that made a version; 0 when that is not on record any more.

    Known before anything is fitted: a fit of a minute, only to find that it takes a minute, would hold up others.
    """
    for job in store.jobs.latest(project.id, RECENT_JOBS):
        if job.kind == "retrain" and job.result.get("version") == version.number and job.finished_at and job.started_at:
            return job.finished_at - job.started_at
    return 0.0


def same_recipe(one: Version, other: Version) -> bool:
    return (one.estimator, one.params) == (other.estimator, other.params)
