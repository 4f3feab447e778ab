"""The credit of a version: its new rows grouped by who and what brought them, and each group valued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import credit as rule
from ..errors import CannotTrain
from ..feature_space import FeatureSpace
from ..intervals import paired, plain
from ..refits import Refits, affordable
from ..store import Store
from ..store.drawn import Given
from ..types import Interval, Project, Study, Version
from . import sources

SEEDS = 5
"""Refits with and without a group where the estimator has chances of its own."""

NEIGHBOURHOOD = 20_000
"""Training rows among which neighbours are looked for at most, uniformly drawn."""

ASKED = 1_000
"""Locked rows that KNN-Shapley asks about at most: 1,000 of 20,000 rows take 3 s of CPU."""

SEVERAL = "several reviewers"
UNDRAWN = "no draw (bulk, or a chosen item)"
ADDED = "rows added with a label"

Progress = Callable[[float, str], None]
LoadModel = Callable[[Version], Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """New rows of a version, in groups. changed: positions of the new rows among all n.

    before: (n,) what the parent was taught about each row, None where it knew nothing of it. named: (division, name) ->
    positions.
    """

    changed: npt.NDArray[np.intp]
    before: npt.NDArray[np.object_]
    named: Mapping[tuple[rule.Division, str], npt.NDArray[np.intp]]


def credit(store: Store, project: Project, version: Version, now: float, progress: Progress, load: LoadModel) -> Study:
    """Trace the gain of a version over its parent back to its new rows, and keep it.

    load: gives a version's fitted model. What was taken back since the parent is in the gain and in no group; gains of
    groups need not add up to it, because two groups may teach the same.
    """
    if version.parent_id is None:
        why = f"Version {version.number} is the first of its line: there is no gain over a version before it."
        return store.studies.save(project.id, "credit", _without(version, why), version_id=version.id, now=now)
    parent = store.versions.get(version.parent_id)
    rng = np.random.default_rng(version.seed)
    locked = sources.judged(store, project, rng)
    refits, groups = sources.refits(store, project, version), grouped(store, project, version, parent)
    if why := _obstacle(version, parent, locked, groups):
        body = _without(version, why)
    else:
        found, method = _valued(store, project, version, locked, refits, groups, load, rng, progress)
        body = _body(version, parent, _gain(store, version, parent, locked), found, method)
    return store.studies.save(project.id, "credit", body, version_id=version.id, now=now)


def grouped(store: Store, project: Project, version: Version, parent: Version) -> Groups:
    """The rows that are new or have another label than in the parent, by batch, reviewer, strategy and class."""
    mine, old = store.versions.lineage(version.id), store.versions.lineage(parent.id)
    taught = dict(zip(old["ids"], old["labels"], strict=True)) if old else {}
    before = np.asarray([taught.get(item_id) for item_id in mine["ids"]], dtype=object)
    changed = np.flatnonzero(before != np.asarray(mine["labels"], dtype=object))
    labels = {mine["ids"][at]: mine["labels"][at] for at in changed}
    given = store.drawn.given(list(labels), version.feedback_upto)
    rounds = _rounds(store.versions.all(project.id), version)
    named: dict[tuple[rule.Division, str], list[int]] = {}
    for at in changed.tolist():
        item_id = mine["ids"][at]
        for key in _names([entry for entry in given.get(item_id, []) if entry.label == labels[item_id]], rounds):
            named.setdefault(key, []).append(at)
        named.setdefault(("class", labels[item_id]), []).append(at)
    return Groups(changed, before, {key: np.asarray(rows) for key, rows in sorted(named.items())})


def _names(entries: Sequence[Given], rounds: Sequence[tuple[int, str]]) -> list[tuple[rule.Division, str]]:
    """Batch, reviewer and strategy of a row. entries: those that gave its label, oldest first."""
    standing = [entry for entry in entries if entry.standing] or list(entries)
    if not standing:
        return [("batch", ADDED), ("reviewer", ADDED), ("strategy", ADDED)]
    people = {entry.reviewer for entry in standing}
    batch = next((name for upto, name in rounds if standing[0].id <= upto), rounds[-1][1])
    return [
        ("batch", batch),
        # Without one of two who agree the row would still be there: the credit belongs to neither alone.
        ("reviewer", people.pop() if len(people) == 1 else SEVERAL),
        ("strategy", standing[0].strategy or UNDRAWN),
    ]


def _rounds(versions: Sequence[Version], version: Version) -> list[tuple[int, str]]:
    """(newest entry, name) of every round of feedback up to a version, oldest first."""
    ends: dict[int, str] = {}
    for known in versions:
        if known.number <= version.number:
            ends.setdefault(known.feedback_upto, f"before version {known.number}")
    return sorted(ends.items())


def _valued(
    store: Store,
    project: Project,
    version: Version,
    locked: sources.Judged,
    refits: Refits,
    groups: Groups,
    load: LoadModel,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[list[rule.Credit], str]:
    """Each group's credit, and the method in words."""
    progress(0.02, "fitting once, to see how long it takes")
    everything = np.arange(len(refits.labels))
    first = refits.said(refits.fit(everything, version.seed), locked.X)
    distinct = len({rows.tobytes() for rows in groups.named.values()})
    if affordable(refits.fit_s, 1 + distinct):
        is_random = bool((first != refits.said(refits.fit(everything, version.seed + 1), locked.X)).any())
        seeds = SEEDS if is_random else 1
        if affordable(refits.fit_s, seeds * (1 + distinct)):
            found = _by_refits(locked, refits, groups, [version.seed + n for n in range(seeds)], progress)
            times = f", {seeds} times with different seeds" if seeds > 1 else ""
            return found, f"Trained again without each group{times}, and compared on {len(locked.ids):,} locked rows."
    found = _by_neighbours(store, project, version, locked, refits, groups, load, rng, progress)
    return found, (
        f"A refit takes {refits.fit_s:,.0f} s, so groups are valued by nearest neighbours instead (KNN-Shapley, k = "
        f"{rule.NEIGHBOURS}): what their rows add to the right answers about {min(len(locked.ids), ASKED):,} locked "
        "rows."
    )


def _by_refits(
    locked: sources.Judged, refits: Refits, groups: Groups, seeds: Sequence[int], progress: Progress
) -> list[rule.Credit]:
    everything = np.arange(len(refits.labels))
    right: dict[bytes, npt.NDArray[np.bool_] | None] = {}

    def without(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_] | None:
        # Groups of the same rows, such as the one reviewer of the one batch, are refitted once.
        if rows.tobytes() not in right:
            progress(0.05 + 0.9 * len(right) / (len(groups.named) + 1), f"training without {len(rows):,} rows")
            labels = refits.labels.copy()
            labels[rows] = groups.before[rows]
            known = everything[labels != None]  # noqa: E711  # elementwise
            try:
                said = [refits.said(refits.fit(known, seed, labels), locked.X) for seed in seeds]
                right[rows.tobytes()] = np.stack([answer == locked.truth for answer in said])
            except CannotTrain:
                right[rows.tobytes()] = None
        return right[rows.tobytes()]

    full = without(everything[:0])
    tested = {key: without(rows) for key, rows in groups.named.items()}
    return _credits(
        groups,
        {key: rule.left_out(full, rest) for key, rest in tested.items() if full is not None and rest is not None},
    )


def _by_neighbours(
    store: Store,
    project: Project,
    version: Version,
    locked: sources.Judged,
    refits: Refits,
    groups: Groups,
    load: LoadModel,
    rng: np.random.Generator,
    progress: Progress,
) -> list[rule.Credit]:
    progress(0.4, "looking for the neighbours of the locked rows")
    ids = store.versions.lineage(version.id)["ids"]
    n = len(ids)
    drawn = np.sort(rng.choice(n, size=min(n, NEIGHBOURHOOD), replace=False))
    asked = np.sort(rng.choice(len(locked.ids), size=min(len(locked.ids), ASKED), replace=False))
    space = FeatureSpace(store, project, load(version), [ids[at] for at in drawn])
    member = np.zeros((n, len(groups.named)), dtype=bool)
    for column, rows in enumerate(groups.named.values()):
        member[rows, column] = True
    values = rule.shapley(
        space.of([ids[at] for at in drawn]),
        refits.labels[drawn],
        space.of([locked.ids[at] for at in asked]),
        locked.truth[asked],
        member[drawn],
    )
    return _credits(groups, {key: rule.shared(values[:, column]) for column, key in enumerate(groups.named)})


def _credits(groups: Groups, tested: Mapping[tuple[rule.Division, str], tuple[Interval, float]]) -> list[rule.Credit]:
    same = {rows.tobytes(): n for n, rows in enumerate(groups.named.values())}
    found = [rule.Credit(by, name, len(groups.named[by, name]), *known) for (by, name), known in tested.items()]
    return rule.decided(found, [same[groups.named[key].tobytes()] for key in tested])


def _gain(store: Store, version: Version, parent: Version, locked: sources.Judged) -> Interval:
    change = sources.right(store, version.id, locked) - sources.right(store, parent.id, locked)
    return paired(change[~np.isnan(change)])


def _obstacle(version: Version, parent: Version, locked: sources.Judged, groups: Groups) -> str:
    if len(locked.ids) < sources.LEAST_JUDGED:
        return sources.too_few(locked)
    if not len(groups.changed):
        return f"Version {version.number} learned from no row that version {parent.number} did not know."
    return ""


def _without(version: Version, why: str) -> dict[str, Any]:
    return {"version": version.number, "why_not": why, "credits": []}


def _body(
    version: Version, parent: Version, gain: Interval, found: Sequence[rule.Credit], method: str
) -> dict[str, Any]:
    numbers = f"{100 * gain.value:+.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f}, n = {gain.n:,})"
    told = "" if gain.n and (gain.low > 0 or gain.high < 0) else ", not distinguishable from zero"
    headline = (
        f"Version {version.number} against version {parent.number} on the locked rows: {numbers}{told}."
        if gain.n
        else f"Version {version.number} and version {parent.number} were never judged on the same locked rows."
    )
    return {
        "version": version.number,
        "parent": parent.number,
        "gain": plain(gain),
        "method": method,
        "headline": headline,
        "sentences": rule.sentences(found),
        "credits": [rule.row(each) for each in found],
    }
