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


@dataclass(frozen=True, slots=True)
class Case:
    """One version's new rows with everything they are valued by. load: gives a version's fitted model."""

    store: Store
    project: Project
    version: Version
    locked: sources.Judged
    refits: Refits
    groups: Groups
    load: LoadModel
    rng: np.random.Generator
    progress: Progress


def credit(store: Store, project: Project, version: Version, now: float, progress: Progress, load: LoadModel) -> Study:
    """Trace the gain of a version over its parent back to its new rows, and keep it.

    load: gives a version's fitted model. What was taken back since the parent is in the gain and in no group; gains of
    groups need not add up to it, because two groups may teach the same. Raises Refused for a version not judged yet.
    """
    sources.must_be_judged(store, version)
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
        found, method = _valued(Case(store, project, version, locked, refits, groups, load, rng, progress))
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


def _valued(case: Case) -> tuple[list[rule.Credit], str]:
    """Each group's credit, and the method in words."""
    fit_s = sources.retrain_s(case.store, case.project, case.version)
    if affordable(fit_s, 1):
        case.progress(0.02, "fitting once, to see how long it takes")
        seeds, fit_s = _seeds(case)
        if seeds:
            found = _by_refits(case, [case.version.seed + n for n in range(seeds)])
            shares = _shares(case)
            times = f", {seeds} times with different seeds" if seeds > 1 else ""
            method = f"Trained again without each group{times}, and compared on {len(case.locked.ids):,} locked rows."
            return _marked(found, shares), method
    shares = _shares(case)
    found = _credits(case.groups, {key: rule.shared(values) for key, values in shares.of.items()})
    return _marked(found, shares), (
        f"A refit takes {fit_s:,.0f} s, so groups are valued by nearest neighbours instead (KNN-Shapley, k = "
        f"{rule.NEIGHBOURS}): what their rows add to the right answers about "
        f"{min(len(case.locked.ids), ASKED):,} locked rows."
    )


def _seeds(case: Case) -> tuple[int, float]:
    """How many refits of each kind are affordable and needed, 0 when too dear; and the seconds of one."""
    distinct = len({rows.tobytes() for rows in case.groups.named.values()})
    first = _refitted(case, case.version.seed)
    fit_s = case.refits.fit_s
    if not affordable(fit_s, 1 + distinct):
        return 0, fit_s
    seeds = SEEDS if (first != _refitted(case, case.version.seed + 1)).any() else 1
    return (seeds if affordable(fit_s, seeds * (1 + distinct)) else 0), fit_s


def _refitted(case: Case, seed: int, without: Sequence[int] | npt.NDArray[np.intp] = ()) -> npt.NDArray[np.bool_]:
    """Which locked rows a refit gets right that knows of some rows only what the parent knew, (n,)."""
    labels = case.refits.labels.copy()
    rows = np.asarray(without, dtype=np.intp)
    labels[rows] = case.groups.before[rows]
    known = np.flatnonzero(labels != None)  # noqa: E711  # elementwise
    return np.asarray(case.refits.said(case.refits.fit(known, seed, labels), case.locked.X) == case.locked.truth)


def _by_refits(case: Case, seeds: Sequence[int]) -> list[rule.Credit]:
    full = np.stack([_refitted(case, seed) for seed in seeds])
    # Groups of the same rows, such as the one reviewer of the one batch, are refitted once.
    distinct = {rows.tobytes(): rows for rows in case.groups.named.values()}
    tested: dict[bytes, tuple[Interval, float]] = {}
    for done, (key, rows) in enumerate(distinct.items()):
        rest = []
        for seed in seeds:
            case.progress(0.05 + 0.8 * done / len(distinct), f"training without {len(rows):,} rows")
            try:
                rest.append(_refitted(case, seed, rows))
            except CannotTrain:
                break  # without them no model could be trained at all: there is no gain to compare
        else:
            tested[key] = rule.left_out(full, np.stack(rest))
    found = {name: tested[rows.tobytes()] for name, rows in case.groups.named.items() if rows.tobytes() in tested}
    return _credits(case.groups, found)


@dataclass(frozen=True, slots=True)
class Shares:
    """KNN-Shapley by (division, name) -> (q,), the rows of each that were looked at, and the value of all new rows."""

    of: Mapping[tuple[rule.Division, str], npt.NDArray[np.float64]]
    sizes: Mapping[tuple[rule.Division, str], int]
    everyone: npt.NDArray[np.float64]
    total: int


def _shares(case: Case) -> Shares:
    case.progress(0.9, "looking for the neighbours of the locked rows")
    ids = case.store.versions.lineage(case.version.id)["ids"]
    n = len(ids)
    drawn = np.sort(case.rng.choice(n, size=min(n, NEIGHBOURHOOD), replace=False))
    asked = np.sort(case.rng.choice(len(case.locked.ids), size=min(len(case.locked.ids), ASKED), replace=False))
    space = FeatureSpace(case.store, case.project, case.load(case.version), [ids[at] for at in drawn])
    member = np.zeros((n, len(case.groups.named) + 1), dtype=bool)
    for column, rows in enumerate((*case.groups.named.values(), case.groups.changed)):
        member[rows, column] = True
    values = rule.shapley(
        space.of([ids[at] for at in drawn]),
        case.refits.labels[drawn],
        space.of([case.locked.ids[at] for at in asked]),
        case.locked.truth[asked],
        member[drawn],
    )
    sizes = member[drawn].sum(axis=0).tolist()
    return Shares(
        {key: values[:, column] for column, key in enumerate(case.groups.named)},
        {key: sizes[column] for column, key in enumerate(case.groups.named)},
        values[:, -1],
        sizes[-1],
    )


def _marked(found: Sequence[rule.Credit], shares: Shares) -> list[rule.Credit]:
    """The credits, those of misleading reviewers marked."""
    people = [credit for credit in found if credit.by == "reviewer" and credit.name not in (ADDED, SEVERAL)]
    if not people:
        return list(found)
    keys = [(credit.by, credit.name) for credit in people]
    values = np.column_stack([shares.of[key] for key in keys])
    sizes = [shares.sizes[key] for key in keys]
    marked = {each.name: each for each in rule.misleading(people, values, sizes, shares.everyone, shares.total)}
    return [marked.get(credit.name, credit) if credit.by == "reviewer" else credit for credit in found]


def _credits(groups: Groups, tested: Mapping[tuple[rule.Division, str], tuple[Interval, float]]) -> list[rule.Credit]:
    found = [rule.Credit(by, name, len(groups.named[by, name]), *known) for (by, name), known in tested.items()]
    return rule.decided(found, _same(groups, list(tested)))


def _same(groups: Groups, keys: Sequence[tuple[rule.Division, str]]) -> list[int]:
    """A number for each set of rows: groups of the same rows are one question."""
    number: dict[bytes, int] = {}
    return [number.setdefault(groups.named[key].tobytes(), len(number)) for key in keys]


def _gain(store: Store, version: Version, parent: Version, locked: sources.Judged) -> Interval:
    change = sources.right(store, version.id, locked) - sources.right(store, parent.id, locked)
    return paired(change[~np.isnan(change)])


def _obstacle(version: Version, parent: Version, locked: sources.Judged, groups: Groups) -> str:
    if not parent.lineage_known:
        return (
            f"Version {parent.number} was trained elsewhere: what version {version.number} learned anew is not known."
        )
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
