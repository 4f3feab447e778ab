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
from feedback_core.explain import Explainer, Explanation, Number
from feedback_core.explain.images import patches
from feedback_core.models import BUILDERS
from feedback_core.tasks import TASKS
from feedback_core.types import Column, Schema, Task

MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "logistic regression": ("logistic_regression", {}),
    "SGD": ("sgd", {}),
    "random forest": ("random_forest", {}),
    "boosted trees": ("hist_gradient_boosting", {}),
    "neural network": ("own_estimator", {"path": "sklearn.neural_network.MLPClassifier", "early_stopping": True}),
    "LightGBM": ("lightgbm", {}),
    "XGBoost": ("xgboost", {}),
    "PyTorch": ("torch_mlp", {}),
    "ridge": ("ridge", {}),
    "neural regressor": ("own_estimator", {"path": "sklearn.neural_network.MLPRegressor", "early_stopping": True}),
    "isolation forest": ("feedback_iforest", {}),
    "neighbours": ("feedback_neighbours", {}),
}
BUILT_IN = ("logistic regression", "random forest", "boosted trees", "neural network")
OF_CLASSES = ("logistic regression", "SGD", *BUILT_IN[1:], "LightGBM", "XGBoost", "PyTorch")
OF_NUMBERS = ("ridge", "random forest", "boosted trees", "neural regressor", "LightGBM", "XGBoost", "PyTorch")
DETECTORS = ("isolation forest", "neighbours")

FULL, QUICK = (2_000, 40), (300, 4)
"""Rows to learn and rows to explain."""

FIFTY = ("table", "numbers", "alarms")
"""Worlds of 50 columns, which are to take no longer than 100 ms."""

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
    task: Task = "classification"


def table(rows: int, asked: int, task: Task = "classification") -> World:
    """50 columns, five of them categories; twelve matter, two only together: for which class, or for a number."""
    rng, n = np.random.default_rng(0), rows + asked
    numbers = [Column(f"x{n}", "number") for n in range(45)]
    schema = Schema((*numbers, *(Column(f"c{n}", "category") for n in range(5))))
    frame = pd.DataFrame({column.name: rng.normal(size=n) for column in numbers})
    for column in schema.of_kind("category"):
        frame[column.name] = np.asarray(rng.choice(list("abcd"), size=n), object)
    score = frame.iloc[:, :9].to_numpy() @ np.linspace(1.5, 0.3, 9) + 1.5 * (frame["c0"] == "a").to_numpy()
    score += 1.5 * frame["x9"].to_numpy() * frame["x10"].to_numpy() + 0.5 * rng.normal(size=n)
    if task == "regression":
        return World(schema, (), frame[:rows], [f"{value:.4f}" for value in score[:rows]], frame[rows:], task)
    labels = ("low", "middle", "high")
    said = [labels[int(value > -1) + int(value > 1)] for value in score]
    return World(schema, labels, frame[:rows], said[:rows], frame[rows:])


def strange(rows: int, asked: int) -> World:
    """50 columns; what is asked about lies far out in five of them, which differ by row. Every tenth learned row is
    such a one, too, and answered: half of them are true alarms."""
    rng, n = np.random.default_rng(0), rows + asked
    schema = Schema(tuple(Column(f"x{n}", "number") for n in range(50)))
    values = rng.normal(size=(n, 50))
    answered = np.arange(rows - rows // 10, rows)
    for row in (*answered, *range(rows, n)):
        values[row, rng.choice(50, size=5, replace=False)] += rng.choice([-4, 4], size=5)
    frame = pd.DataFrame(values, columns=list(schema.names))
    said = [""] * (rows - len(answered)) + [intake.ALARM_LABELS[n % 2] for n in range(len(answered))]
    return World(schema, intake.ALARM_LABELS, frame[:rows], said, frame[rows:], "anomaly")


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
    unfitted = BUILDERS[builder](world.schema, 0, params, world.task)
    model = TASKS[world.task].fit(unfitted, world.learned, world.said, np.ones(len(world.said)))
    outputs = Number() if world.task == "regression" else world.labels
    return model, Explainer(model, world.schema, outputs, world.learned[:200], 0, BUILDERS[builder].explain)


def output(world: World, model: Any, rows: Any, label: str) -> Any:
    """What is explained: the probability of a label, a number, or the score of an alarm, (n,)."""
    if world.task == "classification":
        return training.aligned_proba(model, rows, world.labels)[:, world.labels.index(label)]
    return model.predict(rows) if world.task == "regression" else model.decision_function(rows)


def measured(world: World, name: str, delete: Callable[..., tuple[int, Any]]) -> dict[str, float]:
    """Milliseconds of an explanation, of CPU and by the clock, and how far deletions move what is explained."""
    model, explainer = fitted(world, name)
    said = model.predict(world.asked) if world.task != "anomaly" else [intake.ANOMALY] * len(world.asked)
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
    """How far what is explained moves without the parts that speak for it most, and without random ones."""
    amounts, without = delete(world, row, found, rng)
    size = max(1, round(DELETED * len(amounts)))
    chosen = [np.argsort(-np.asarray(amounts), kind="stable")[:size]]
    chosen += [rng.choice(len(amounts), size=size, replace=False) for _ in range(DRAWS)]
    rows = pd.concat([row, *(without(parts) for parts in chosen)], ignore_index=True)
    told = output(world, model, rows, found.label)
    moved = np.abs(told[0] - told[1:].reshape(len(chosen), -1).mean(axis=1))
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
    """Every model on a table, and the built-in ones on a table of customers, on texts and images; those of numbers on
    the same table, and both detectors on rows that stand out. A model that is not installed is left out."""
    worlds = {
        "table": (table(rows, asked), columns, OF_CLASSES),
        "numbers": (table(rows, asked, "regression"), columns, OF_NUMBERS),
        "alarms": (strange(rows, asked), columns, DETECTORS),
        "churn": (sample("churn", rows, asked), columns, BUILT_IN),
        "text": (sample("definitions", rows // 2, asked), words, BUILT_IN),
        "image": (sample("digits", rows // 2, asked), cells, BUILT_IN),
    }
    found = {
        f"{kind}, {name}": measured(world, name, delete)
        for kind, (world, delete, names) in worlds.items()
        for name in names
        if name in MODELS and BUILDERS[MODELS[name][0]].installed
    }
    baselines = {name: {"moved_at_random": each.pop("moved_at_random")} for name, each in found.items()}
    metrics: Metrics = {
        "p95_ms": max(each["p95_ms"] for name, each in found.items() if name.startswith(FIFTY)),
        "wall_p95_ms": max(each["wall_p95_ms"] for name, each in found.items() if name.startswith(FIFTY)),
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
