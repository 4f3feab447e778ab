"""How long an explanation takes, and whether it is faithful: without what it names, the prediction changes most."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import Metrics, arguments, report
from feedback_core import datasets, intake, training
from feedback_core.explain import Explainer, Explanation
from feedback_core.explain.images import patches
from feedback_core.models import BUILDERS
from feedback_core.types import Column, Schema

MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "logistic regression": ("logistic_regression", {}),
    "SGD": ("sgd", {}),
    "random forest": ("random_forest", {}),
    "boosted trees": ("hist_gradient_boosting", {}),
    "neural network": ("own_estimator", {"path": "sklearn.neural_network.MLPClassifier", "early_stopping": True}),
}
BUILT_IN = ("logistic regression", "random forest", "boosted trees", "neural network")

FULL, QUICK = (2_000, 100), (400, 20)
"""Rows to learn and rows to explain."""

DELETED = 0.2
"""Share of the columns, words or patches that is deleted."""

DRAWS = 10
"""Deletions at random that those of the top are compared with, and backgrounds that stand in for what is deleted."""


@dataclass(frozen=True)
class World:
    """Rows split in two: what a model learns, and what it is asked about."""

    schema: Schema
    labels: tuple[str, ...]
    learned: pd.DataFrame
    said: Sequence[str]
    asked: pd.DataFrame


def table(rows: int, asked: int) -> World:
    """50 columns, five of them categories; twelve matter, two only together."""
    rng, n = np.random.default_rng(0), rows + asked
    numbers = [Column(f"x{n}", "number") for n in range(45)]
    schema = Schema((*numbers, *(Column(f"c{n}", "category") for n in range(5))))
    frame = pd.DataFrame({column.name: rng.normal(size=n) for column in numbers})
    for column in schema.of_kind("category"):
        frame[column.name] = np.asarray(rng.choice(list("abcd"), size=n), object)
    score = frame.iloc[:, :9].to_numpy() @ np.linspace(1.5, 0.3, 9) + 1.5 * (frame["c0"] == "a").to_numpy()
    score += 1.5 * frame["x9"].to_numpy() * frame["x10"].to_numpy() + 0.5 * rng.normal(size=n)
    labels = ("low", "middle", "high")
    said = [labels[int(value > -1) + int(value > 1)] for value in score]
    return World(schema, labels, frame[:rows], said[:rows], frame[rows:])


def sample(name: str, rows: int, asked: int) -> World:
    """Rows of one of the sample projects."""
    found = datasets.load(name)
    chosen = np.random.default_rng(0).permutation(len(found.frame))[: rows + asked]
    checked, _ = intake.check(
        found.frame.iloc[chosen].reset_index(drop=True),
        found.schema,
        label_column=found.label_column,
        labels=found.labels,
    )
    frame = intake.decode(checked.inputs, found.schema)
    return World(found.schema, found.labels, frame[:rows], [str(x) for x in checked.labels[:rows]], frame[rows:])


def fitted(world: World, name: str) -> tuple[Any, Explainer]:
    """A model and what explains it."""
    builder, params = MODELS[name]
    unfitted = BUILDERS[builder](world.schema, 0, params)
    model = training.fit(unfitted, world.learned, world.said, np.ones(len(world.said)))
    return model, Explainer(model, world.schema, world.labels, world.learned[:200], 0, BUILDERS[builder].explain)


def measured(world: World, name: str, delete: Callable[..., tuple[int, Any]]) -> dict[str, float]:
    """Milliseconds of an explanation, of CPU and by the clock, and how far deletions move the prediction, 0-1."""
    model, explainer = fitted(world, name)
    said = model.predict(world.asked)
    explainer.explain(world.asked.iloc[[0]], str(said[0]))  # what is prepared once a version and process
    times, cpu, top, chance = [], [], [], []
    for n in range(len(world.asked)):
        row, label = world.asked.iloc[[n]], str(said[n])
        wall, own = time.perf_counter(), time.thread_time()
        found = explainer.explain(row, label)
        times.append(1000 * (time.perf_counter() - wall))
        cpu.append(1000 * (time.thread_time() - own))
        first, others = _drops(world, model, row, found, delete, np.random.default_rng(n))
        top.append(first)
        chance.append(others)
    ends = {"p95_ms": float(np.quantile(cpu, 0.95)), "wall_p95_ms": float(np.quantile(times, 0.95))}
    moved = {"moved": float(np.mean(top)), "moved_at_random": float(np.mean(chance))}
    return ends | moved | {"deletion_ratio_to_random": moved["moved"] / moved["moved_at_random"]}


def _drops(world: World, model: Any, row: Any, found: Explanation, delete: Any, rng: Any) -> tuple[float, float]:
    """How far the probability of the label moves without the parts that speak for it most, and without random ones."""
    amounts, without = delete(world, row, found, rng)
    size = max(1, round(DELETED * len(amounts)))
    chosen = [np.argsort(-np.asarray(amounts), kind="stable")[:size]]
    chosen += [rng.choice(len(amounts), size=size, replace=False) for _ in range(DRAWS)]
    rows = pd.concat([row, *(without(parts) for parts in chosen)], ignore_index=True)
    proba = training.aligned_proba(model, rows, world.labels)[:, world.labels.index(found.label)]
    moved = np.abs(proba[0] - proba[1:].reshape(len(chosen), -1).mean(axis=1))
    return float(moved[0]), float(moved[1:].mean())


def columns(world: World, row: Any, found: Explanation, rng: Any) -> tuple[list[float], Callable[..., Any]]:
    """Columns take the values of learned rows in their place."""
    others = world.learned.iloc[rng.choice(len(world.learned), size=DRAWS, replace=False)]

    def without(parts: Any) -> Any:
        rows = row.iloc[np.zeros(DRAWS, int)].reset_index(drop=True)
        names = [world.schema.names[n] for n in parts]
        rows[names] = others[names].to_numpy()
        return rows.astype(row.dtypes)

    return [effect.amount for effect in found.effects], without


def words(world: World, row: Any, found: Explanation, _rng: Any) -> tuple[list[float], Callable[..., Any]]:
    """Words are left out."""
    name, pieces = world.schema.names[0], found.details[0].words
    text = str(row[name].iloc[0])

    def without(parts: Any) -> Any:
        kept = [text[p.start : p.end] for n, p in enumerate(pieces) if n not in set(parts.tolist())]
        return row.assign(**{name: " ".join(kept)})

    return [piece.amount for piece in pieces], without


def cells(world: World, row: Any, found: Explanation, rng: Any) -> tuple[list[float], Callable[..., Any]]:
    """Patches take those of learned images in their place."""
    heat = np.asarray(found.details[0].heat)
    shape = world.schema.columns[0].shape
    owner = patches(shape, -(-shape[0] // heat.shape[0]))
    others = world.learned.iloc[rng.choice(len(world.learned), size=DRAWS, replace=False)].to_numpy()

    def without(parts: Any) -> Any:
        mixed = np.where(np.isin(owner, parts), others, row.to_numpy())
        return pd.DataFrame(mixed, columns=row.columns).astype(row.dtypes)

    return heat.ravel().tolist(), without


def run(rows: int, asked: int) -> tuple[Metrics, Metrics]:
    """Every model on a table, and the built-in ones on a table of customers, on texts and images."""
    worlds = {
        "table": (table(rows, asked), columns, tuple(MODELS)),
        "churn": (sample("churn", rows, asked), columns, BUILT_IN),
        "text": (sample("definitions", rows // 2, asked), words, BUILT_IN),
        "image": (sample("digits", rows // 2, asked), cells, BUILT_IN),
    }
    found = {
        f"{kind}, {name}": measured(world, name, delete)
        for kind, (world, delete, names) in worlds.items()
        for name in names
    }
    baselines = {name: {"moved_at_random": each.pop("moved_at_random")} for name, each in found.items()}
    metrics: Metrics = {
        "p95_ms": max(each["p95_ms"] for name, each in found.items() if name.startswith("table")),
        "deletion_ratio_to_random": min(each["deletion_ratio_to_random"] for each in found.values()),
        **found,
    }
    return metrics, baselines


def main() -> None:
    """Run and report."""
    options = arguments("How quick and how faithful explanations are, per model and kind of input.")
    metrics, baselines = run(*(QUICK if options.quick else FULL))
    report("explain", metrics, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
