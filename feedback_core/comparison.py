"""A challenger beside the champion on the same locked rows: what goes into the gate, and the scores of a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import gate
from .evaluation import evaluate
from .scoring import top_labels
from .store import Store
from .types import Locked, Project, Version


def compare(
    store: Store,
    project: Project,
    locked: Locked,
    proba: npt.NDArray[np.float64],
    champion: Version,
    say: Callable[[Version, Locked], list[str]],
) -> gate.Judgement:
    """The gate's judgement, with the difference on each locked sample apart.

    proba: (n, k) of the challenger. say: what a version predicts for the locked rows.
    """
    anchor_id = store.projects.get(project.id).anchor_id
    anchor = champion if anchor_id is None else store.versions.get(anchor_id)
    challenger, before = top_labels(proba, project.labels), say(champion, locked)
    verdict = gate.judge(
        locked.truth,
        challenger,
        before,
        say(anchor, locked),
        looks=1 + sum(report.finding != "first" for report in store.versions.reports(project.id)),
        policy=project.settings.policy,
        max_loss=project.settings.max_loss,
    )
    samples = gate.by_sample(locked.truth, challenger, before, locked.audit)
    return replace(verdict, numbers=verdict.numbers | {"samples": samples})


def metrics(locked: Locked, proba: npt.NDArray[np.float64], labels: Sequence[str]) -> dict[str, Any]:
    """Scores on each locked sample by name; the two are never mixed: they answer different questions."""
    audit = np.asarray(locked.audit, dtype=bool)
    truth = np.asarray(locked.truth, dtype=object)
    return {
        name: evaluate(truth[rows].tolist(), proba[rows], labels)
        for name, rows in (("holdout", ~audit), ("audit", audit))
    }
