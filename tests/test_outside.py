"""Models that were trained elsewhere: imported, or known by their predictions alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from feedback_core import outside
from feedback_core.loop import Loop
from feedback_core.outside.saying import Said
from feedback_core.types import Decision
from feedback_core.worker import run_next


def points(loop: Loop, split: str) -> tuple[np.ndarray, list[str]]:
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == split]
    return np.asarray([item.values for item in items]), [item.base_label or "" for item in items]


def oracle(loop: Loop, flip: float = 0.0, seed: int = 0) -> list[Said]:
    """What somebody says who knows the rule, wrong about a share of the items."""
    rng, said = np.random.default_rng(seed), []
    for chunk in loop.store.items.export(loop.project.id):
        for item in chunk:
            right = "b" if sum(item.values) > 0 else "a"
            label = right if rng.random() >= flip else {"a": "b", "b": "a"}[right]
            sure = round(0.6 + 0.39 * rng.random(), 3)
            said.append(Said(item.key, label, {label: sure, {"a": "b", "b": "a"}[label]: round(1 - sure, 3)}))
    return said


def work(loop: Loop) -> list[str]:
    """Do every waiting job; gives their states."""
    states = []
    while (job := run_next(loop.store, "test", loop.clock)) is not None:
        states.append(f"{job.kind}: {job.state} {job.error or ''}".strip())
    return states


def test_a_fitted_classifier_becomes_version_one(loop: Loop) -> None:
    X, y = points(loop, "train")
    fitted = LogisticRegression().fit(X, [int(label == "b") for label in y])
    version = loop.import_model(fitted, "ana", labels={0: "a", 1: "b"})
    assert (version.number, version.status, version.estimator) == (1, "candidate", "imported")
    assert (version.n_base, version.n_feedback, version.lineage_known) == (0, 0, False)
    report = loop.judge(version)
    assert report.finding == "first"
    assert "was trained elsewhere; on which rows is not known" in report.reasons[-1]
    loop.promote(version, "ana")
    assert loop.predict() == 100
    said = {item.key: item.predicted for chunk in loop.store.items.export(loop.project.id) for item in chunk}
    pool, _ = points(loop, "pool")
    expected = np.where(fitted.predict(pool) == 1, "b", "a").tolist()
    assert [label for label in said.values() if label] == expected
