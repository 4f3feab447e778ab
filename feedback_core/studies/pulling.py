"""Which new labels pulled the answers that changed: candidates by influence, proven by a refit without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import credit, influence, intake
from ..errors import CannotTrain
from ..feature_space import FeatureSpace
from ..intervals import paired, plain
from ..neighbours import nearest
from ..refits import Refits, affordable
from ..store import Store
from ..types import Project, Version
from . import sources
from .credits import grouped

GROUP = 12
"""Labels in the group that is tried: few enough to look at one by one."""

OTHERS = 9
"""Groups of other new labels, drawn at random, that are left out for comparison."""

MOST_ITEMS = 200
"""Changed items that pulls are computed for."""

FOOTING = 5_000
"""Rows that tell the scale of distances."""

HALF = 0.5
"""Share of its move that a number has to go back to count as pulled."""

LEAST_ITEMS = 3
"""Fewer changed items say nothing about what pulled them."""

Labels = npt.NDArray[Any]
"""Labels, or numbers where such are predicted."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A version with its model, its parent, and who is told how far it is."""

    store: Store
    project: Project
    version: Version
    parent: Version
    model: Any
    progress: Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """Items whose answer changed from `before` to `after`, (q,) each."""

    ids: Sequence[int]
    before: Labels
    after: Labels


def pulled(case: Case, ids: Sequence[int], before: Labels, after: Labels, rng: np.random.Generator) -> dict[str, Any]:
    """The new labels that pulled the changed items, with what a refit without them says, as plain JSON values.

    `why_not` alone where nothing can be said.
    """
    groups, refits = grouped(case.store, case.project, case.version, case.parent), None
    if len(ids) < LEAST_ITEMS:
        return {"why_not": f"{len(ids)} of the rows looked at changed: too few to say what pulled them."}
    if len(groups.changed) <= GROUP:
        return {"why_not": f"All {len(groups.changed)} new labels together pulled them: too few to tell apart."}
    if not affordable(sources.retrain_s(case.store, case.project, case.version), 2 + OTHERS):
        return {"why_not": "A refit takes too long to prove which labels pulled them."}
    refits = sources.refits(case.store, case.project, case.version)
    asked = Question(ids[:MOST_ITEMS], before[:MOST_ITEMS], after[:MOST_ITEMS])
    case.progress(0.75, "looking for the labels that pulled them")
    strength, how = _strength(case, refits, groups.changed, groups.before, asked)
    ranked = groups.changed[np.argsort(-strength, kind="stable")]
    return _proven(case, refits, groups.before, ranked, asked, rng) | {"how": how}


def _strength(
    case: Case, refits: Refits, changed: npt.NDArray[np.intp], before: Labels, asked: Question
) -> tuple[Floats, str]:
    """How strongly each new row pulled all changed items together, (c,), and by which method."""
    if case.project.task == "regression":
        return _of_numbers(case, refits, changed, asked)
    lineage = case.store.versions.lineage(case.version.id)
    if case.version.estimator == "logistic_regression":
        found = _by_influence(case, lineage, changed, before, asked)
        if found is not None:
            return found, "closed-form influence on a logistic regression"
    ids = lineage["ids"]
    drawn = np.unique(np.concatenate([changed, np.arange(0, len(ids), max(1, len(ids) // 20_000))]))
    space = FeatureSpace(case.store, case.project, case.model, [ids[at] for at in drawn])
    member = drawn[:, None] == changed[None, :]
    points = space.of([ids[at] for at in drawn])
    values = credit.shapley(points, refits.labels[drawn], space.of(asked.ids), asked.after, member)
    return values.sum(axis=0), "nearest neighbours (KNN-Shapley)"


def _of_numbers(case: Case, refits: Refits, changed: npt.NDArray[np.intp], asked: Question) -> tuple[Floats, str]:
    """The same for numbers: how far each new row's number lies beyond what was said, among the nearest new rows."""
    ids = case.store.versions.lineage(case.version.id)["ids"]
    space = FeatureSpace(case.store, case.project, case.model, [ids[at] for at in changed[:FOOTING]])
    k = min(credit.NEIGHBOURS, len(changed))
    places, _ = nearest(space.of([ids[at] for at in changed]), space.of(asked.ids), k)
    beyond = refits.labels[changed].astype(float)[places] - np.asarray(asked.before, float)[:, None]
    towards = np.sign(np.asarray(asked.after, float) - np.asarray(asked.before, float))[:, None]
    pulls = np.bincount(places.ravel(), (towards * beyond).ravel(), len(changed))
    return np.asarray(pulls, float), "the new numbers of the rows most like them"


def _by_influence(
    case: Case, lineage: dict[str, list[Any]], changed: npt.NDArray[np.intp], before: Labels, asked: Question
) -> Floats | None:
    """None where the model is too wide to be solved within a few seconds."""
    step = case.model.named_steps["model"]
    classes = {str(label): k for k, label in enumerate(step.classes_)}
    n, d = len(lineage["ids"]), step.coef_.shape[1]
    if not influence.affordable(n, d, len(classes)) or not set(asked.before) | set(asked.after) <= set(classes):
        return None
    X, items = _prepared(case, lineage["ids"]), _prepared(case, asked.ids)
    proba = np.asarray(step.predict_proba(X), float)
    # A row that was known with another label did not come in: only the difference of the two labels did.
    known = np.stack(
        [np.eye(len(classes))[classes[b]] if b in classes else proba[at] for at, b in _at(changed, before)]
    )
    moved = np.zeros_like(proba)
    moved[changed] = np.eye(len(classes))[[classes[lineage["labels"][at]] for at in changed]] - known
    towards, away = (np.asarray([classes[each] for each in side]) for side in (asked.after, asked.before))
    weights = np.asarray(lineage["weights"], float)
    found = influence.pulls(X, proba, weights, 1 / float(step.C), moved, items, towards, away)
    return np.asarray(found.sum(axis=0)[changed])


def _at(changed: npt.NDArray[np.intp], before: Labels) -> list[tuple[int, Any]]:
    return [(int(at), before[at]) for at in changed]


def _prepared(case: Case, ids: Sequence[int]) -> Floats:
    rows = intake.decode(sources.inputs(case.store, list(ids)), case.project.schema)
    prepared = case.model.named_steps["prepare"].transform(rows)
    return np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, float)


def _proven(
    case: Case,
    refits: Refits,
    before: Labels,
    ranked: npt.NDArray[np.intp],
    asked: Question,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """What a refit without the strongest group changes, against refits without as many others."""
    X = intake.decode(sources.inputs(case.store, list(asked.ids)), case.project.schema)
    group, rest = ranked[:GROUP], ranked[GROUP:]
    sets = [group, *(rng.choice(rest, min(GROUP, len(rest)), replace=False) for _ in range(OTHERS))]
    left: list[npt.NDArray[np.bool_]] = []
    for done, rows in enumerate(sets):
        case.progress(0.8 + 0.18 * done / len(sets), f"training without {len(rows)} labels")
        try:
            left.append(_lost(case, refits, before, rows, X, asked))
        except CannotTrain:
            return {"why_not": "Without some of the new labels no model can be trained at all."}
        if not affordable(refits.fit_s, len(sets)):
            return {"why_not": "A refit takes too long to prove which labels pulled them."}
    without, others = left[0].astype(float), np.mean(left[1:], axis=0)
    gap = paired(without - others)
    return {
        "labels": _named(case, refits, before, group),
        "new_labels": len(ranked),
        "items": len(asked.ids),
        "back": int(without.sum()),
        "back_at_random": float(others.sum()),
        "most_at_random": int(max(each.sum() for each in left[1:])),
        "gap": plain(gap),
        # Nine sets at random: fewer lost by each of them is one chance in ten by luck, so the interval has to agree.
        "distinguishable": bool(gap.low > 0 and without.sum() > max(each.sum() for each in left[1:])),
    }


def _lost(
    case: Case, refits: Refits, before: Labels, rows: npt.NDArray[np.intp], X: Any, asked: Question
) -> npt.NDArray[np.bool_]:
    """Which of the changed items a refit without some new labels answers otherwise, (q,)."""
    labels = refits.labels.copy()
    labels[rows] = before[rows]
    known = np.flatnonzero(labels != None)  # noqa: E711  # elementwise
    said = refits.said(refits.fit(known, case.version.seed, labels), X)
    if case.project.task != "regression":
        return np.asarray(said != asked.after)
    step = np.asarray(asked.after, float) - np.asarray(asked.before, float)
    return np.asarray((np.asarray(asked.after, float) - said.astype(float)) / step >= HALF)


def _named(case: Case, refits: Refits, before: Labels, group: npt.NDArray[np.intp]) -> list[dict[str, Any]]:
    ids = case.store.versions.lineage(case.version.id)["ids"]
    keys = case.store.items.keys([ids[at] for at in group])
    given = case.store.drawn.given([ids[at] for at in group], case.version.feedback_upto)
    found = []
    for at in group.tolist():
        people = {each.reviewer for each in given.get(ids[at], []) if each.label == refits.labels[at]}
        row = {"key": keys[ids[at]], "label": refits.labels[at], "before": before[at]}
        found.append(row | {"by": ", ".join(sorted(people))})
    return found
