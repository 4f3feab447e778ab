"""The loop with an oracle, and beside it the naive loop that tutorials teach."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import datasets, fitting, intake, tasks
from .demo import PLANS, start
from .intervals import plain, wilson
from .loop import Loop
from .prioritize import STRATEGIES
from .reviewers import Reviewer, sit
from .settings import Settings
from .store import open_store
from .types import Feedback, Locked

ORACLE = Reviewer("oracle", 1.0, skips=0.0)


def simulate(dataset: str, strategy: str, rounds: int, batch: int, seed: int) -> list[dict[str, Any]]:
    """One row per round: labels so far, corrections found, holdout accuracy with interval, and the naive loop's.

    Round 0 is the base model. naive_claim is what the naive loop says of itself, scored on the rows it was fitted on;
    naive_holdout is what it is worth. Raises NotFound for an unknown data set or strategy.
    """
    if strategy != "default":
        STRATEGIES[strategy]  # raises NotFound now, not after the base model is fitted
    rng = np.random.default_rng(seed)
    settings = Settings(
        estimator=datasets.load(dataset).estimator,
        audit_share=0.0,
        weights=Settings().weights if strategy == "default" else {strategy: 1.0},
        seed=seed,
        policy="manual",
    )
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "simulate.db"))
        loop, truth = start(store, dataset, PLANS[dataset], time.time, rng, settings, "simulation")
        naive = _Naive(loop)
        rows = [_learn(loop, 0, 0) | naive.score()]
        for _ in range(rounds):
            sat = sit(loop, ORACLE, truth, batch, rng)
            naive.refit(loop.store.feedback.latest(loop.project.id, sat.reviewed))
            rows.append(_learn(loop, rows[-1]["labels"] + sat.reviewed, sat.corrections) | naive.score())
    return [{"round": number} | row for number, row in enumerate(rows)]


def _learn(loop: Loop, labels: int, corrections: int) -> dict[str, Any]:
    version = loop.retrain("simulate")
    loop.judge(version)
    loop.promote(version, "simulate", "every round is promoted to draw the learning curve")
    loop.predict()
    accuracy = loop.store.versions.get(version.id).metrics["holdout"]["accuracy"]
    return {"labels": labels, "corrections": corrections, "holdout": accuracy}


class _Naive:
    """Refit on the rows the model got wrong, and on nothing else; score on those same rows."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._locked = loop.store.items.locked_rows(loop.project.id)
        rows = loop.store.items.training_rows(loop.project.id)
        self._model = self._fit(list(rows.inputs), list(rows.labels))
        self._claim: float | None = None

    def refit(self, entries: list[Feedback]) -> None:
        said = {entry.item_id: str(entry.target) for entry in entries if entry.target is not None}
        items = self._loop.store.items.many(list(said))
        inputs = [intake.encode_one(list(item.values), self._loop.project.schema).decode() for item in items]
        truth = [said[item.id] for item in items]
        guesses = self._predict(inputs)
        wrong = [n for n, guess in enumerate(guesses) if guess != truth[n]]
        if len({truth[n] for n in wrong}) < 2:
            return
        inputs, truth = [inputs[n] for n in wrong], [truth[n] for n in wrong]
        self._model = self._fit(inputs, truth)
        self._claim = float(np.mean([a == b for a, b in zip(self._predict(inputs), truth, strict=True)]))

    def score(self) -> dict[str, Any]:
        locked: Locked = self._locked
        hits = sum(a == b for a, b in zip(self._predict(list(locked.inputs)), locked.truth, strict=True))
        return {"naive_claim": self._claim, "naive_holdout": plain(wilson(hits, len(locked.ids)))}

    def _fit(self, inputs: list[str], labels: list[str]) -> Any:
        project = self._loop.project
        recipe = (project.schema, project.settings.estimator, project.settings.params, project.settings.seed)
        return fitting.fit(*recipe, inputs, labels, np.ones(len(labels)), task=project.task)

    def _predict(self, inputs: list[str]) -> list[str]:
        project = self._loop.project
        return tasks.of(project).targets(fitting.proba(self._model, inputs, project), project)
