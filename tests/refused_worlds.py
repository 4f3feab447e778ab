"""Three worlds whose next retrain must be refused, each with real rows, labels and models in a store.

    loop = WORLDS["broken class"](store, clock)     # a champion serves; the poison is in, nothing is retrained yet
    version, report = challenge(loop)               # trains and judges the next version, as the worker does

`WORDS[name]` is what one of the report's reasons must say. Each world is a project of its own, so that one store can
hold all three. The loop's next retrain gives the challenger whichever way it is asked for: page, REST, CLI or worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from feedback_core import intake
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Decision, GateReport, Rows, Version
from tests.conftest import TWO_NUMBERS

Label = Callable[[float, float], str]
World = Callable[[Store, Callable[[], float]], Loop]

SALT, HOLDOUT_SHARE = 1, 0.5


def worse(store: Store, clock: Callable[[], float]) -> Loop:
    """Reviewers answer the whole pool with the wrong label: the challenger learns the opposite."""
    loop = _loop(store, clock, "worse", ("a", "b"))
    points = _normal(300, 0)
    loop.add_items(_rows(points, [_side(*point) for point in points]), "test")
    _crown(loop)
    _answer(loop, _normal(600, 1), lambda x, y: "a" if _side(x, y) == "b" else "b")
    return loop


def broken_class(store: Store, clock: Callable[[], float]) -> Loop:
    """The base labels of a and b are partly wrong, and reviewers mend them; but they take every c for a b.

    The challenger gains far more on a and b than it loses on c, which is one row in twenty-five.
    """
    loop = _loop(store, clock, "broken class", ("a", "b", "c"))
    points = np.vstack([_normal(1500, 2), _island(60, 3, 0.0, 4.0)])
    truth = [_with_c(x, y) for x, y in points]
    # Only rows to be trained on are mislabelled: the holdout knows the truth.
    taught = ["b" if x > 0 and label == "a" else label for (x, _), label in zip(points, truth, strict=True)]
    labels = [a if held else b for a, b, held in zip(truth, taught, _held(points), strict=True)]
    loop.add_items(_rows(points, labels), "test")
    _crown(loop)
    _answer(loop, np.vstack([_normal(900, 4), _island(300, 5, 0.0, 4.0)]), _side)
    return loop


def broken_corrections(store: Store, clock: Callable[[], float]) -> Loop:
    """Corrections about two islands the holdout knows nothing of are learned; then the model is swapped for a simpler
    one that cannot hold them, and does as well as ever on the holdout."""
    loop = _loop(store, clock, "broken corrections", ("a", "b"), estimator="random_forest", params={"n_estimators": 30})
    points = _normal(800, 6)
    loop.add_items(_rows(points, [_side(*point) for point in points]), "test")
    _crown(loop)
    # Point for point opposite each other, so that they pull no straight boundary to either side.
    island = _island(25, 7, 2.6, 2.6)
    islands = np.vstack([island, -island])
    _answer(loop, islands, lambda x, y: "a" if _side(x, y) == "b" else "b")
    _crown(loop)
    settings = replace(loop.project.settings, estimator="logistic_regression", params={})
    loop.project = store.projects.update(loop.project, settings=settings, now=clock(), actor="test")
    return loop


WORLDS: dict[str, World] = {"worse": worse, "broken class": broken_class, "broken corrections": broken_corrections}

WORDS: dict[str, str] = {
    "worse": "It is measurably worse:",
    "broken class": "It is worse on class 'c':",
    "broken corrections": "It breaks earlier corrections:",
}
"""What a reason of the refusing report starts with."""


def challenge(loop: Loop) -> tuple[Version, GateReport]:
    """Train the next version and judge it."""
    version = loop.retrain("test")
    report = loop.judge(version)
    return loop.store.versions.get(version.id), report


def _loop(store: Store, clock: Callable[[], float], name: str, labels: Sequence[str], **changes: object) -> Loop:
    settings = Settings(**{"holdout_share": HOLDOUT_SHARE, "audit_share": 0.0, "blind_share": 0.0} | changes)
    project = create_project(store, name, TWO_NUMBERS, labels, settings, actor="test", now=clock(), salt=SALT)
    return Loop(store, project, clock=clock, rng=np.random.default_rng(0))


def _side(x: float, y: float) -> str:
    return "b" if x + y > 0 else "a"


def _with_c(x: float, y: float) -> str:
    return "c" if y > 2.5 and abs(x) < 1.5 else _side(x, y)


def _normal(n: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, 2)).round(4)
    return points[np.abs(points[:, 1]) < 2.5]


def _island(n: int, seed: int, x: float, y: float) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, 2)) * 0.3 + (x, y)).round(4)


def _bodies(points: np.ndarray) -> list[bytes]:
    return [intake.encode_one(point.tolist(), TWO_NUMBERS) for point in points]


def _held(points: np.ndarray) -> np.ndarray:
    return intake.holdout_side([intake.input_hash(body) for body in _bodies(points)], SALT, HOLDOUT_SHARE)


def _rows(points: np.ndarray, labels: Sequence[str | None]) -> Rows:
    return Rows(_bodies(points), [None] * len(points), list(labels))


def _crown(loop: Loop) -> None:
    version, _ = challenge(loop)
    loop.promote(version, "test", "the world needs this champion")
    loop.predict()


def _answer(loop: Loop, points: np.ndarray, label: Label) -> None:
    """Add unlabelled rows, have them predicted, and answer every one."""
    loop.add_items(_rows(points, [None] * len(points)), "test")
    loop.predict()
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.state == "open"]
    decisions = [Decision(i.id, "ann", "correct", label(*i.values), version_id=i.version_id) for i in items]
    loop.record(*decisions)
