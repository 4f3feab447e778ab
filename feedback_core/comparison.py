"""A challenger beside the champion: what goes into the gate, what flips between them, and the scores of a version."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from . import fitting, gate, provenance, tasks, training
from .errors import ArtifactError, Refused, Stale
from .gate import wear
from .gate.verdict import Judgement
from .store import Store
from .types import Flip, FlipKind, GateReport, Locked, LockedSample, Project, Version


@dataclass(frozen=True, slots=True)
class Said:
    """What a version predicts for some rows: labels and confidences, one each; "" where it has said nothing."""

    labels: Sequence[str]
    confidence: Sequence[float]


LEAST_COVERED = 0.8
"""Share of the locked rows that every version compared must have a prediction of: whoever leaves out a fifth of them
could choose which."""

ATTEMPTS = 20
"""Of one judgement to be stored before any other; each failure means that somebody else's succeeded."""

AGAIN_LABELS = 25
"""Fresh audit labels after which the worker judges an undecided candidate again."""

Say = Callable[[Version, Sequence[int], Sequence[str]], Said]
"""(version, item ids, inputs) -> what it says about them. Raises ArtifactError."""


@dataclass(frozen=True, slots=True)
class _Suite:
    """Both versions on the earlier corrections the champion has learned."""

    said: tuple[Sequence[str], Sequence[str], Sequence[str]] | None
    """What is true, and what challenger and champion say; None where there is nothing to compare."""
    flips: list[Flip]
    problem: str = ""


def judged(
    store: Store, project_id: int, version: Version, model: Any, say: Say, now: float, by: str = "gate"
) -> GateReport:
    """One look: the evidence, stored as a report. Raises Refused for the champion.

    Judged again when another look was stored meanwhile, so that no two looks bear one number.
    """
    for _ in range(ATTEMPTS):
        project, champion = store.projects.get(project_id), store.versions.champion(project_id)
        if champion is not None and champion.id == version.id:
            raise Refused(f"Version {version.number} is the champion: there is nothing to compare it with.")
        seen = store.versions.newest_report(project_id)
        fields, flips = evidence(store, project, version, model, say, now)
        with contextlib.suppress(Stale):
            return store.versions.add_report(project, fields, flips, seen=seen, by=by)
    raise Stale(f"Version {version.number} was overtaken by {ATTEMPTS} other judgements: judge it once more.")


def due_again(store: Store, project: Project) -> Version | None:
    """The undecided candidate whose evidence AGAIN_LABELS fresh audit labels have outgrown; judging it is no new look.

    None where it would be one, because the metric, the costs or the holdout rows are not those it was judged by.
    """
    reports = store.versions.reports(project.id)
    newest, champion = (reports[0] if reports else None), store.versions.champion(project.id)
    if newest is None or newest.decision or champion is None or newest.champion_id != champion.id:
        return None
    version = store.versions.get(newest.challenger_id)
    if version.status != "candidate" or version.promoted_at is not None:
        return None
    came = len(store.holdout.labelled_after(project.id, version.feedback_upto)) - int(newest.numbers.get("e_rows", 0))
    if came < AGAIN_LABELS:
        return None
    terms = {"terms": _terms(project, store.items.locked_rows(project.id))}
    same = wear.same_look(reports, project.refreshed_after, version.id, champion.id, terms)
    return version if same is not None else None


def evidence(
    store: Store, project: Project, version: Version, model: Any, say: Say, now: float
) -> tuple[dict[str, Any], list[Flip]]:
    """Score a version on the locked rows and compare it with the champion: the fields of a report, and the flips.

    Stores the version's predictions of those rows and its metrics.
    """
    locked = store.items.locked_rows(project.id)
    every = len(locked.ids)
    proba = fitting.proba(model, locked.inputs, project, locked.ids)
    told = ~np.isnan(proba[:, 0]) if every else np.ones(0, dtype=bool)
    locked, proba = covered(locked, told, (version,)), proba[told]
    if locked.ids:
        store.predictions.save(version.id, tasks.scored(locked.ids, proba, project))
    store.versions.set_metrics(version.id, metrics(locked, proba, project))
    champion = store.versions.champion(project.id)
    nothing: list[Flip] = []
    verdict, flips = (
        (gate.first(len(locked.ids)), nothing)
        if champion is None
        else compare(store, project, version, champion, locked, say)
    )
    fields = {
        "challenger_id": version.id,
        "champion_id": champion.id if champion else None,
        "finding": verdict.finding,
        "action": verdict.action,
        "reasons": (
            *verdict.reasons,
            *training.left_out(model),
            *_partly(int(verdict.numbers.get("n", len(locked.ids))), every),
            *_from_elsewhere(version),
        ),
        "numbers": verdict.numbers | {"provenance": provenance.of_verdict(store, project, version, locked)},
        "policy": project.settings.policy,
        "created_at": now,
    }
    return fields, flips


def compare(
    store: Store, project: Project, version: Version, champion: Version, locked: Locked, say: Say
) -> tuple[Judgement, list[Flip]]:
    """The gate's judgement of a version, with the difference on each locked sample apart, and the rows that flip."""
    anchor = champion if project.anchor_id is None else store.versions.get(project.anchor_id)
    trio = (version, champion, anchor)
    locked, (new, old, first) = _told_by_all(locked, [say(each, locked.ids, locked.inputs) for each in trio], trio)
    reports = store.versions.reports(project.id)
    terms = _terms(project, locked)
    # Judging again because audit labels came in looks at nothing new of the holdout: it takes over the p that was paid
    # for, and can add to the claim by the e-value alone.
    same = wear.same_look(reports, project.refreshed_after, version.id, champion.id, {"terms": terms})
    suite = _suite(store, project, version, champion, say)
    seen = tasks.Evidence(
        truth=locked.truth,
        new=new.labels,
        old=old.labels,
        anchor=first.labels,
        sure=old.confidence,
        audit=locked.audit,
        fresh=_fresh(store, project, version, champion, locked),
        segments=_segments(project, locked),
        looks=_look(same, reports, project.refreshed_after),
        paid_p=None if same is None else float(same.numbers["p"]),
        paid_action=None if same is None else same.action,
        suite=suite.said,
        new_sure=new.confidence,
        anchor_sure=first.confidence,
    )
    verdict = tasks.of(project).judge(seen, project)
    numbers = verdict.numbers | {"terms": terms}
    reasons = verdict.reasons + ((suite.problem,) if suite.problem else ())
    samples_of = ["audit" if audit else "holdout" for audit in locked.audit]
    flip = partial(tasks.of(project).flip, project)
    flips = flipped(locked.ids, samples_of, locked.truth, old.labels, new.labels, flip)
    return replace(verdict, numbers=numbers, reasons=reasons), flips + suite.flips


def said_of(ids: Sequence[int], numbers: npt.NDArray[np.floating], project: Project) -> Said:
    """Labels and confidences of what a model says; nothing is said where a row is NaN."""
    told = ~np.isnan(numbers[:, 0]) if len(numbers) else np.zeros(0, dtype=bool)
    if told.all():
        said = tasks.scored(ids, numbers, project)
        return Said(said.labels, said.confidence.tolist())
    known = np.flatnonzero(told).tolist()
    some = tasks.scored([ids[n] for n in known], numbers[told], project)
    labels, sure = [""] * len(ids), [0.0] * len(ids)
    for n, label, confidence in zip(known, some.labels, some.confidence.tolist(), strict=True):
        labels[n], sure[n] = label, confidence
    return Said(labels, sure)


def covered(locked: Locked, told: npt.NDArray[np.bool_], by: Sequence[Version]) -> Locked:
    """The locked rows that there are predictions of. told: (n,). Raises Refused where they are too few to judge by."""
    n, every = int(told.sum()), len(locked.ids)
    if n < LEAST_COVERED * every:
        numbers = " and ".join(dict.fromkeys(f"version {each.number}" for each in by))
        raise Refused(
            f"Only {n:,} of {every:,} locked rows have a prediction of {numbers}, and {LEAST_COVERED:.0%} are needed "
            "to judge: export the inputs (python -m feedback_core export inputs), and send what your model says "
            "about all of them."
        )
    if n == every:
        return locked
    rows = np.flatnonzero(told).tolist()
    return Locked(
        tuple(locked.ids[row] for row in rows),
        tuple(locked.inputs[row] for row in rows),
        tuple(locked.truth[row] for row in rows),
        tuple(locked.audit[row] for row in rows),
    )


def flipped(
    ids: Sequence[int],
    samples: Sequence[LockedSample] | Sequence[str],
    truth: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    kind_of: Callable[[str, str, str], FlipKind | None] = tasks.classification.flip,
) -> list[Flip]:
    """The rows about which two versions say different things, in their order. kind_of: see `Task.flip`."""
    rows = zip(ids, samples, truth, before, after, strict=True)
    return [
        Flip(item, kind, sample, right, old, new)  # type: ignore[arg-type]
        for item, sample, right, old, new in rows
        if (kind := kind_of(right, old, new)) is not None
    ]


def metrics(locked: Locked, proba: npt.NDArray[np.float64], project: Project) -> dict[str, Any]:
    """Scores on each locked sample by name; the two are never mixed: they answer different questions.

    holdout_since: when these locked rows took over from those before (None: the first ones), so that no chart compares
    across a refresh.
    """
    task, audit = tasks.of(project), np.asarray(locked.audit, dtype=bool)
    truth = np.asarray(locked.truth, dtype=object)
    scores: dict[str, Any] = {
        name: task.metrics(truth[rows].tolist(), proba[rows], project)
        for name, rows in (("holdout", ~audit), ("audit", audit))
    }
    return scores | {"holdout_since": project.refreshed_at}


def _told_by_all(locked: Locked, said: Sequence[Said], by: Sequence[Version]) -> tuple[Locked, Sequence[Said]]:
    """The locked rows that all of the versions have said something about, and what they said."""
    told = np.asarray([all(row) for row in zip(*(each.labels for each in said), strict=True)], dtype=bool)
    if told.all():
        return locked, said
    rows = np.flatnonzero(told).tolist()
    kept = [Said([each.labels[row] for row in rows], [each.confidence[row] for row in rows]) for each in said]
    return covered(locked, told, by), kept


def _both_told(
    ids: Sequence[int], truth: Sequence[str], new: Sequence[str], old: Sequence[str]
) -> Sequence[Sequence[Any]]:
    rows = [row for row in zip(ids, truth, new, old, strict=True) if row[2] and row[3]]
    return list(zip(*rows, strict=True)) if rows else [(), (), (), ()]


def _partly(judged_on: int, every: int) -> tuple[str, ...]:
    if judged_on >= every:
        return ()
    return (
        f"Judged on {judged_on:,} of {every:,} locked rows: of the others there is no stored prediction. Whoever sends "
        "the predictions chooses which they are.",
    )


def _from_elsewhere(version: Version) -> tuple[str, ...]:
    if version.lineage_known:
        return ()
    return (
        f"Version {version.number} was trained elsewhere; on which rows is not known. The locked base rows may have "
        "been in its training data, and then its score on them is too good: go by the audit sample, above all by "
        "labels that came in after it.",
    )


def _terms(project: Project, locked: Locked) -> dict[str, Any]:
    """On what terms this look is taken; another metric, other costs or more holdout rows make it another look."""
    return tasks.of(project).terms(project) | {"holdout_rows": len(locked.ids) - sum(locked.audit)}


def _look(same: GateReport | None, reports: Sequence[GateReport], after: int) -> int:
    return int(same.numbers["looks"]) if same is not None else 1 + wear.looks_so_far(reports, after)


def _fresh(store: Store, project: Project, version: Version, champion: Version, locked: Locked) -> list[bool]:
    """Which locked rows can carry the e-value: audit labels that nobody can have chosen the version by, of inputs
    that neither version was taught."""
    if version.promoted_at is not None:
        # It has served: whoever brings it back has seen how it does on everything since.
        return [False] * len(locked.ids)
    after = store.holdout.labelled_after(project.id, version.feedback_upto)
    after -= fitting.inputs_learned(store, (version, champion), sorted(after))
    return [item_id in after for item_id in locked.ids]


def _segments(project: Project, locked: Locked) -> Mapping[str, list[Any]]:
    """Values of the segment columns on the locked rows."""
    places = {name: project.schema.names.index(name) for name in project.settings.segments}
    if not places:
        return {}
    rows = [orjson.loads(body) for body in locked.inputs]
    return {name: [row[place] for row in rows] for name, place in places.items()}


def _suite(store: Store, project: Project, version: Version, champion: Version, say: Say) -> _Suite:
    """Both versions on the corrections in the champion's lineage."""
    learned = set(store.versions.lineage(champion.id).get("ids", ()))
    known = store.corrections.newest(project.id, champion.feedback_upto)
    ids = sorted(item_id for item_id in known if item_id in learned)
    if not ids:
        return _Suite(None, [])
    inputs, truth = ([known[item_id][part] for item_id in ids] for part in (0, 1))
    try:
        said = [say(each, ids, inputs).labels for each in (version, champion)]
        ids, truth, new, old = (list(column) for column in _both_told(ids, truth, *said))
    except ArtifactError as error:
        # A damaged champion must not block the way to another version.
        return _Suite(None, [], f"The earlier corrections could not be checked. {error}")
    if not ids:
        return _Suite(None, [])
    flips = flipped(ids, ["corrections"] * len(ids), truth, old, new, partial(tasks.of(project).flip, project))
    return _Suite((truth, new, old), flips)
