"""Learning in real time: what it forgets with and without replay, and how long an entry takes to be learned.

Forgetting: digits, 400 base rows; 150 entries come only from the classes 3, 5, 8, 9 and from shifted, noisy images, and
are learned one by one by the functions of feedback_core.realtime. Old is the accuracy on further rows like the base,
new that on shifted rows of all classes, mix is 70 % old. Averaged is the same with weights averaged over the history.
Lag: a real worker beside this process, which stores entries and waits for each to be learned.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from benchmarks._report import arguments, cpu, report
from feedback_core import intake, worker
from feedback_core.loop import Loop, create_project
from feedback_core.models import sgd
from feedback_core.realtime import Challengers, plan
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.supervisor import Limits, Supervisor
from feedback_core.types import Column, Decision, Rows, Schema

BASE, ENTRIES, OLD = 400, 150, 600
CLASSES = (3, 5, 8, 9)
NOISE = 0.1
SEEDS, QUICK_SEEDS = 10, 1
EPOCHS = 5
"""Passes over the entries where nothing is replayed, as in SCIENCE's table; the product makes one."""

LAGS, QUICK_LAGS = 200, 10
LESSONS, QUICK_LESSONS = 2_500, 100
"""Learned already when the CPU of one more entry is measured a second time."""

AT_ONCE = 100

WITHIN_S = 60.0


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images one pixel to the right, with noise; (n, 64) in [0, 1]."""
    moved = np.roll(images.reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64)
    return np.clip(moved + rng.normal(0, NOISE, moved.shape), 0, 1)


def world(seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows and labels: base, entries, old, new."""
    X, y = load_digits(return_X_y=True)
    X, y, rng = X / 16, np.asarray([str(label) for label in y], dtype=object), np.random.default_rng(seed)
    order = rng.permutation(len(X))
    base, old, rest = order[:BASE], order[BASE : BASE + OLD], order[BASE + OLD :]
    chosen = rng.choice(rest[np.isin(y[rest], [str(c) for c in CLASSES])], ENTRIES, replace=False)
    new = np.setdiff1d(rest, chosen)
    return {
        "base": (X[base], y[base]),
        "entries": (shifted(X[chosen], rng), y[chosen]),
        "old": (X[old], y[old]),
        "new": (shifted(X[new], rng), y[new]),
    }


def learn(rows: dict[str, tuple[np.ndarray, np.ndarray]], seed: int, ratio: int, epochs: int, average: bool) -> Any:
    """A model that has learned the entries one by one, `ratio` base rows with each."""
    (base, answers), (entries, labels) = rows["base"], rows["entries"]
    model = SGDClassifier(loss="log_loss", alpha=sgd.ALPHA, average=average, random_state=seed).fit(base, answers)
    prior = {label: float((answers == label).mean()) for label in model.classes_}
    taught: dict[str, int] = {}
    for place in range(epochs * len(entries)):
        row, label = entries[place % len(entries)], labels[place % len(entries)]
        taught[label] = taught.get(label, 0) + 1
        again = plan.replayed(len(base), seed, place, ratio)
        said = np.asarray([label, *answers[again]], dtype=object)
        weights = plan.weights(said.tolist(), prior, taught, ratio) if ratio else None
        model.partial_fit(np.vstack([row, base[again]]), said, sample_weight=weights)
    return model


def forgetting(seeds: int, quick: bool) -> dict[str, dict[str, float]]:
    """Mean accuracy by way of learning, in fractions; `lost_points` is old before minus old after, in points."""
    ways: dict[str, tuple[int, int, bool]] = {
        "before": (plan.REPLAY, 0, False),
        "no replay": (0, 1, False),
        f"no replay, {EPOCHS} passes": (0, EPOCHS, False),
        f"replay {plan.REPLAY} to 1": (plan.REPLAY, 1, False),
        "averaged, replay": (plan.REPLAY, 1, True),
    }
    if quick:  # several hundred steps of 8 ms each
        ways = {name: way for name, way in ways.items() if "passes" not in name and "averaged" not in name}
    found: dict[str, dict[str, float]] = {}
    worlds = [world(seed) for seed in range(seeds)]
    for name, (ratio, epochs, average) in ways.items():
        models = [learn(rows, seed, ratio, epochs, average) for seed, rows in enumerate(worlds)]
        old, new = (
            float(np.mean([model.score(*rows[part]) for model, rows in zip(models, worlds, strict=True)]))
            for part in ("old", "new")
        )
        start = found.get("before", {"old": old})["old"]
        found[name] = {"old": old, "new": new, "mix": 0.7 * old + 0.3 * new, "lost_points": 100 * (start - old)}
    return found


def live_loop(folder: Path) -> Loop:
    """A project of digits whose champion can go on learning."""
    schema = Schema(tuple(Column(f"p{n}", "number") for n in range(64)))
    X, y = load_digits(return_X_y=True)
    inputs = [intake.encode_one(row.tolist(), schema) for row in X]
    labels = [str(label) for label in y]
    store = open_store(f"sqlite:///{folder / 'live.db'}")
    settings = Settings(estimator="sgd", realtime=True, audit_share=0.0, blind_share=0.0)
    names = tuple(sorted(set(labels)))
    project = create_project(store, "live", schema, names, settings, actor="benchmark", salt=1)
    loop = Loop(store, project, rng=np.random.default_rng(0))
    loop.add_items(Rows(inputs[:1_000], [None] * 1_000, list(labels[:1_000])), "benchmark")
    rest = len(inputs) - 1_000
    loop.add_items(Rows(inputs[1_000:], [None] * rest, [None] * rest), "benchmark")
    version = loop.retrain("benchmark")
    loop.judge(version)
    loop.promote(version, "benchmark")
    loop.predict()
    return loop


def decide(loop: Loop) -> int:
    """One correction by the next label; gives the entry."""
    draw = loop.draw("benchmark")
    assert draw is not None
    item = loop.store.items.get(draw.item_id)
    labels = loop.project.labels
    other = labels[(labels.index(str(item.predicted)) + 1) % len(labels)]
    return loop.record(Decision(item.id, "benchmark", "correct", other, version_id=item.version_id, draw_id=draw.id))[
        0
    ].id


@contextmanager
def working(loop: Loop) -> Iterator[None]:
    """A worker with its processes, turned in a thread of this process."""
    over = threading.Event()

    def turn() -> None:
        supervisor = Supervisor(loop.store, Limits(side_by_side=0))  # no jobs: nothing but what follows along
        with supervisor.staffed():
            while not over.is_set():
                supervisor.turn()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"Not learned within {WITHIN_S:.0f} s: look at the worker's log above.")
        time.sleep(0.01)


def lags(loop: Loop, n: int) -> list[float]:
    """Seconds from each of n durable entries to its being learned, by a worker of its own."""
    rng = np.random.default_rng(0)
    began, newest = time.time(), loop.store.feedback.latest(loop.project.id, 1)[0].id

    def ready() -> bool:
        state = loop.store.realtime.state(loop.project.id)
        return state is not None and state.updated_at > began and state.upto >= newest

    with working(loop):
        wait_for(ready)  # its imports take seconds
        for _ in range(n):
            entry = decide(loop)
            wait_for(lambda entry=entry: loop.store.realtime.state(loop.project.id).upto >= entry)  # type: ignore[misc]
            time.sleep(rng.uniform(0, 0.2))  # not in step with the worker's looks
    steps = loop.store.realtime.steps(loop.project.id)
    return [step.learned_at - step.given_at for step in steps]


def teach(loop: Loop, n: int) -> None:
    """n corrections on further rows, chosen by hand."""
    rng, labels = np.random.default_rng(n), loop.project.labels
    fresh = [intake.encode_one(row.tolist(), loop.project.schema) for row in rng.uniform(size=(n, 64)).round(3)]
    keys = [f"{n}-{place}" for place in range(n)]
    loop.add_items(Rows(fresh, keys, [None] * n), "benchmark")
    items = [loop.store.items.by_key(loop.project.id, key) for key in keys]
    said = [Decision(i.id, "benchmark", "correct", labels[n % len(labels)]) for n, i in enumerate(items)]
    for place in range(0, n, AT_ONCE):
        loop.record(*said[place : place + AT_ONCE])


def cpu_ms(loop: Loop, lessons: int, n: int) -> float:
    """CPU of one entry learned alone after `lessons` others, its store's work included; the mean of n."""
    challengers, spent = Challengers(), 0.0
    teach(loop, lessons)
    while challengers.follow(loop.store, loop.project):
        pass
    for _ in range(n):
        decide(loop)
        with cpu() as timer:
            worker.follow_all(loop.store, challengers)
        spent += timer.seconds
    return 1_000 * spent / n


def main() -> None:
    args = arguments(__doc__ or "")
    seeds, n, lessons = (QUICK_SEEDS, QUICK_LAGS, QUICK_LESSONS) if args.quick else (SEEDS, LAGS, LESSONS)
    found = forgetting(seeds, args.quick)
    with tempfile.TemporaryDirectory() as folder:
        loop = live_loop(Path(folder))
        ms = cpu_ms(loop, n, n)
        before = len(loop.store.realtime.steps(loop.project.id))
        waited = lags(loop, n)[before:]
        late_ms = cpu_ms(loop, lessons, n)
    metrics = {
        "seeds": seeds,
        "lost_points": found[f"replay {plan.REPLAY} to 1"]["lost_points"],
        "lost_points_without_replay": found["no replay"]["lost_points"],
        "entries": len(waited),
        "lag_s_p50": float(np.median(waited)),
        "lag_s_p95": float(np.quantile(waited, 0.95)),
        "lag_s_max": max(waited),
        "cpu_ms_per_entry": ms,
        "lessons": lessons,
        "cpu_ms_per_entry_after_lessons": late_ms,
    }
    report("realtime", metrics, found, as_json=args.json)


if __name__ == "__main__":
    main()
