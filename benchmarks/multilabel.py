"""Rows that bear several labels: does the queue find what teaches, and does luck promote?

Two questions, each with the product's own rules. Labels: word meanings (data/README.md), a forest from 100 rows on,
then rounds of 50 labels taken at random, by the least certain label alone (BinMin), or by it and made diverse, as a
new project does; after each round exact match and micro F1 on 600 rows that are never asked about, and the mean over
the rounds, the area under the curve. Promotions: 50 retrains that are no better, in one series on the same locked
rows: each row has a difficulty of its own, and each of six labels is missed with that probability.
"""

from __future__ import annotations

import numpy as np

from benchmarks._report import arguments, report
from feedback_core import datasets, fitting, intake, tasks
from feedback_core.models.features import Features
from feedback_core.multilabel import indicator, texts_of
from feedback_core.multilabel_scores import multilabel_scores
from feedback_core.prioritize import Facts, Pool, blend
from feedback_core.settings import Settings
from feedback_core.tasks import TASKS, Evidence
from feedback_core.types import Project

BASE, LOCKED, BATCH = 100, 600, 50
ROUNDS, QUICK_ROUNDS = 8, 2
SEEDS, QUICK_SEEDS = 5, 1
TREES = 50
QUEUES = {"random": {"random": 1.0}, "binmin": {"margin": 1.0}, "default": dict(TASKS["multilabel"].defaults().weights)}

RETRAINS, SERIES, QUICK_SERIES = 50, 40, 1
ROWS = 600


class World:
    """The rows with their sets, and one order of them a seed."""

    def __init__(self) -> None:
        found = datasets.load("senses")
        settings = Settings(estimator=found.estimator)
        self.project = Project(1, found.title, "multilabel", found.labels, found.schema, settings, 0, False, 0.0)
        read = tasks.of(self.project).take_in.reader(settings, found.labels)
        rows, _ = intake.check(found.frame, found.schema, label_column=found.label_column, read=read)
        self.inputs = [body.decode() for body in rows.inputs]
        self.sets = np.asarray(rows.labels, dtype=object)

    def fitted(self, rows, seed):
        """A model of some rows."""
        inputs, sets = [self.inputs[n] for n in rows], self.sets[rows].tolist()
        recipe = (self.project.schema, self.project.settings.estimator, {"n_estimators": TREES}, seed)
        return fitting.fit(*recipe, inputs, sets, np.ones(len(sets)), task="multilabel")

    def said(self, model, rows):
        """Probabilities of each label."""
        return fitting.proba(model, [self.inputs[n] for n in rows], self.project)

    def scores(self, model, rows):
        """Exact match and micro F1."""
        labels = self.project.labels
        found = multilabel_scores(indicator(self.sets[rows].tolist(), labels), self.said(model, rows), labels)
        return found["accuracy"]["value"], found["micro_f1"]["value"]

    def asked(self, model, learned, pool, weights, rng):
        """The BATCH rows that a queue of these weights asks for first."""
        prepare = model.named_steps["prepare"]

        def prepared(rows):
            return prepare.transform(intake.decode([self.inputs[n] for n in rows], self.project.schema))

        def look(places, needs):
            features = Features(prepare, prepared(learned)) if needs else None
            return Facts(features=features.of(prepared(pool[places])) if features else None)

        unsure = TASKS["multilabel"].unsure(self.said(model, pool))
        known = Pool(unsure, np.zeros(2), rng, known=len(learned), look=look)
        _, parts = blend(known, weights, BATCH)
        # Ties fall as chance has it, as in the store.
        return pool[np.lexsort([rng.random(len(pool)), -parts.sum(axis=1)])[:BATCH]]


def curves(seeds: int, rounds: int) -> dict[str, dict[str, float]]:
    """Mean over rounds of exact match and micro F1 by queue, and the gain over random with its standard error."""
    world = World()
    areas = {name: np.asarray([area(world, weights, seed, rounds) for seed in range(seeds)])
             for name, weights in QUEUES.items()}  # fmt: skip
    table = {}
    for name, found in areas.items():
        gain = found - areas["random"]
        error = gain.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros(2)
        table[name] = {
            "exact_match": round(float(found[:, 0].mean()), 4),
            "micro_f1": round(float(found[:, 1].mean()), 4),
            "gain_exact_match": round(float(gain[:, 0].mean()), 4),
            "gain_exact_match_se": round(float(error[0]), 4),
            "gain_micro_f1": round(float(gain[:, 1].mean()), 4),
            "gain_micro_f1_se": round(float(error[1]), 4),
        }
    return table


def area(world: World, weights, seed: int, rounds: int) -> tuple[float, float]:
    """Mean exact match and micro F1 of one run."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.sets))
    locked, learned, pool = np.split(order, [LOCKED, LOCKED + BASE])
    found = []
    for number in range(rounds):
        model = world.fitted(learned, seed + number)
        found.append(world.scores(model, locked))
        taken = world.asked(model, learned, pool, weights, rng)
        learned, pool = np.concatenate([learned, taken]), np.setdiff1d(pool, taken)
    found.append(world.scores(world.fitted(learned, seed + rounds), locked))
    exact, f1 = np.asarray(found).mean(axis=0).tolist()
    return exact, f1


def promotions(series: int) -> dict[str, float]:
    """Share of series of 50 retrains that are no better in which any is promoted, by rule."""
    labels = tuple("abcdef")
    own = Project(1, "none better", "multilabel", labels, datasets.load("senses").schema, Settings(policy="strict"),
                  0, False, 0.0)  # fmt: skip
    rng, naive, strict = np.random.default_rng(0), 0, 0
    for _ in range(series):
        truth = rng.random((ROWS, len(labels))) < 0.25
        hard = rng.beta(0.4, 3.0, size=(ROWS, 1))

        def version(truth=truth, hard=hard):
            return texts_of(np.where(rng.random(truth.shape) < hard, ~truth, truth), labels)

        right, champion = texts_of(truth, labels), version()
        challengers = [version() for _ in range(RETRAINS)]
        exact = [np.mean([a == b for a, b in zip(each, right, strict=True)]) for each in (champion, *challengers)]
        naive += max(exact[1:]) > exact[0]
        strict += any(
            tasks.of(own).judge(_evidence(right, each, champion, look), own).action == "promote"
            for look, each in enumerate(challengers, 1)
        )
    return {"naive": naive / series, "gate": strict / series}


def _evidence(truth, new, old, look) -> Evidence:
    none = [False] * len(truth)
    return Evidence(truth, new, old, old, (), none, none, {}, look, None, None, None)


def main() -> None:
    given = arguments(str(__doc__))
    seeds, rounds, series = (QUICK_SEEDS, QUICK_ROUNDS, QUICK_SERIES) if given.quick else (SEEDS, ROUNDS, SERIES)
    found, let_through = curves(seeds, rounds), promotions(series)
    metrics = {**{name: found[name] for name in ("binmin", "default")}, "false_promotions": let_through["gate"]}
    baselines = {"random": found["random"], "higher_exact_match_promotes": let_through["naive"]}
    report("multilabel", metrics, baselines, as_json=given.json)


if __name__ == "__main__":
    main()
