"""A model that starts from a champion and learns one entry at a time; the same order always gives the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import fitting, intake
from ..models import BUILDERS, artifacts
from ..store import Store
from ..types import Project, Schema, Version
from . import plan

OWN_RECIPE = "sgd"
"""What learns beside a champion that cannot go on learning itself."""

KEEP_EVERY = 50
"""Lessons between two copies of the model: an undo goes back to one (see plan.kept) instead of to the beginning."""

Key = tuple[int, int, str]
"""(feedback id, item id, label): what one lesson is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a real-time challenger starts: a version's rows that still stand, and a model fitted on them.

    weights: (n,). model: a fitted pipeline, that of the version itself where it is of this recipe and all rows stand.
    rows, answers: the reservoir, as the model's last step takes it. prior: share of each label among all rows.
    """

    version: Version
    estimator: str
    params: dict[str, Any]
    ids: tuple[int, ...]
    labels: tuple[str, ...]
    weights: npt.NDArray[np.float64]
    model: Any
    rows: Any
    answers: npt.NDArray[np.object_]
    prior: dict[str, float]
    schema: Schema


def can_go_on(schema: Schema, estimator: str, params: dict[str, Any]) -> bool:
    """Whether models of a recipe can learn further rows, as its builder says; where that depends on the params, built.

    Boosting cannot: scikit-learn's bins the inputs anew each time, and its trees would read other bins.
    """
    builder = BUILDERS[estimator]
    if builder.increments is None:
        return hasattr(builder(schema, 0, params).named_steps["model"], "partial_fit")
    return builder.increments and builder.trains and builder.installed


def recipe(project: Project, champion: Version) -> tuple[str, dict[str, Any]]:
    """Estimator and params that learn beside a champion: its own where it can, else the project's, else OWN_RECIPE."""
    settings = project.settings
    own = () if champion.elsewhere else ((champion.estimator, champion.params),)
    for name, params in (*own, (settings.estimator, settings.params)):
        if can_go_on(project.schema, name, dict(params)):
            return name, dict(params)
    return OWN_RECIPE, {}


def origin(
    store: Store, project: Project, version: Version, chosen: tuple[str, dict[str, Any]], fallen: frozenset[int]
) -> Origin:
    """The start at a version, from the rows of its lineage but for those that no longer stand.

    Raises CannotTrain, ArtifactError.
    """
    lineage = store.versions.lineage(version.id)
    places = [n for n, item_id in enumerate(lineage["ids"]) if item_id not in fallen]
    ids, labels = ([lineage[name][n] for n in places] for name in ("ids", "labels"))
    weights = np.asarray([lineage["weights"][n] for n in places], dtype=float)
    inputs = store.items.inputs(ids)
    own = (version.estimator, dict(version.params)) == chosen and len(ids) == len(lineage["ids"])
    if own:
        model = artifacts.load(store.artifacts, version.artifact, version.sha256)
    else:
        model = fitting.fit(project.schema, *chosen, version.seed, inputs, labels, weights, task=project.task)
    drawn = plan.reservoir(len(ids), version.seed)
    rows = model.named_steps["prepare"].transform(intake.decode([inputs[n] for n in drawn], project.schema))
    return Origin(
        version=version,
        estimator=chosen[0],
        params=chosen[1],
        ids=tuple(ids),
        labels=tuple(labels),
        weights=weights,
        model=model,
        rows=rows,
        answers=np.asarray([labels[n] for n in drawn], dtype=object),
        prior={label: labels.count(label) / len(labels) for label in sorted(set(labels))},
        schema=project.schema,
    )


class Learner:
    """What has been learned since the origin. keys: the lessons, in order. weights: what each of them counted."""

    def __init__(self, start: Origin) -> None:
        self.origin = start
        self._prepare = start.model.named_steps["prepare"]
        self._kept: list[tuple[int, Any]] = []
        self.keys: list[Key] = []
        self.weights: list[float] = []
        self._back_to(0, deepcopy(start.model.named_steps["model"]))

    def rewind(self, place: int) -> int:
        """Forget the lessons from a place on; gives how many are left, which may be fewer than `place`."""
        if place == len(self.keys):
            return place
        self._kept = [kept for kept in self._kept if kept[0] <= place]
        at, model = self._kept[-1] if self._kept else (0, self.origin.model.named_steps["model"])
        self._back_to(at, deepcopy(model))
        return at

    def learn(self, key: Key, body: str) -> str | None:
        """Say what it would answer, then learn the answer and REPLAY base rows. body: the input as stored.

        None, and nothing is learned, for a label that no row of the origin has: the last step was made without it.
        """
        label = key[2]
        if label not in self.origin.prior:
            self._take(key, 0.0)
            return None
        row = self._prepare.transform(intake.decode([body], self.origin.schema))
        said = str(self._model.predict(row)[0])
        self._counts[label] = self._counts.get(label, 0) + 1
        again = plan.replayed(len(self.origin.answers), self.origin.version.seed, len(self.keys))
        answers = np.asarray([label, *self.origin.answers[again]], dtype=object)
        weights = plan.weights(answers.tolist(), self.origin.prior, self._counts)
        self._fit(_stack(row, self.origin.rows[again]), answers, weights)
        self._take(key, float(weights[0]))
        return said

    def pipeline(self) -> Any:
        """The model of this moment, as one that was fitted at once."""
        from sklearn.pipeline import Pipeline

        return Pipeline([("prepare", self._prepare), ("model", deepcopy(self._model))])

    @property
    def skipped(self) -> int:
        """Lessons that taught nothing, because their label is new."""
        return sum(weight == 0 for weight in self.weights)

    def _fit(self, rows: Any, answers: npt.NDArray[np.object_], weights: npt.NDArray[np.float64]) -> None:
        from sklearn.utils.validation import has_fit_parameter

        extra = {"sample_weight": weights} if has_fit_parameter(self._model, "sample_weight") else {}
        self._model.partial_fit(rows, answers, **extra)

    def _take(self, key: Key, weight: float) -> None:
        self.keys.append(key)
        self.weights.append(weight)
        if len(self.keys) % KEEP_EVERY == 0:
            made = [*self._kept, (len(self.keys), deepcopy(self._model))]
            left = set(plan.kept([place for place, _ in made], KEEP_EVERY))
            self._kept = [copy for copy in made if copy[0] in left]

    def _back_to(self, place: int, model: Any) -> None:
        self.keys, self.weights, self._model = self.keys[:place], self.weights[:place], model
        self._counts: dict[str, int] = {}
        for (_, _, label), weight in zip(self.keys, self.weights, strict=True):
            if weight:
                self._counts[label] = self._counts.get(label, 0) + 1


def fold(start: Origin, keys: Sequence[Key], bodies: Sequence[str]) -> Learner:
    """Everything learned in an order from the beginning."""
    learner = Learner(start)
    for key, body in zip(keys, bodies, strict=True):
        learner.learn(key, body)
    return learner


def _stack(row: Any, rows: Any) -> Any:
    if hasattr(row, "tocsr"):
        from scipy.sparse import vstack

        return vstack([row, rows], format="csr")
    return np.vstack([row, rows])
