"""Facts about feedback entries that rank them for a second look, gathered chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from . import fitting, trust
from .beliefs import Beliefs, beliefs
from .errors import CannotTrain
from .prioritize.novelty import distance
from .store import Store
from .store.ranks import BATCH, PARTS
from .surroundings import Surroundings
from .types import Project, RankRun

CHUNK = 20_000
"""Entries decoded at a time: 100 MB for a hundred features."""

NEAR = 1_000
"""Labelled rows, uniformly drawn, against which the distance is measured."""

FOLDS = 5

LEARN_FROM = 20_000
"""Rows each refit learns from at most, so that the refits together cost about as much as one retrain."""

VERDICTS = ("confirm", "correct", "flag")
"""Verdicts that are ranked; a skip says nothing to look at."""

Progress = Callable[[float, str], None]
Lineage = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts beside what identifies each entry: ids, versions and the person who gave it, all (n,)."""

    facts: trust.Entries
    ids: npt.NDArray[np.int64]
    versions: npt.NDArray[np.int64]
    """Version whose prediction the reviewer saw, 0 for none."""
    people: list[str]
    """Names by number."""
    verdicts: npt.NDArray[np.int8]
    """Numbers in VERDICTS."""
    told: Beliefs
    """Of the targets by the numbers that stand for them in `facts`."""


def rank(store: Store, project: Project, model: Any, lineage: Lineage, now: float, progress: Progress) -> int:
    """Rank every standing or rejected entry and store the ranks; gives how many there are.

    model, lineage: the serving model and what it has learned from; None and empty before the first version. A million
    entries of five numbers and a text took 160 s of CPU (58 of them to store the ranks) and 0.5 GB.
    """
    newest, last = store.feedback.latest(project.id, 1), store.ranks.run(project.id)
    found = gather(store, project, model, lineage, progress)
    upto = newest[0].id if newest else 0
    entries = int((found.facts.gold < 0).sum())
    run = RankRun(last.run + 1 if last else 1, entries, without_model(found), upto, now)
    rows, stored = rows_of(found), 0
    while batch := list(islice(rows, BATCH)):
        store.ranks.save(project.id, run.run, batch)
        stored += len(batch)
        progress(0.7 + 0.3 * stored / run.entries, f"{stored:,} of {run.entries:,} ranks stored")
    store.ranks.finish(project.id, run)
    return run.entries


def gather(store: Store, project: Project, model: Any, lineage: Lineage, progress: Progress) -> Gathered:
    """Everything known about the standing and rejected entries of a project.

    model, lineage: as for `rank`. Memory: about 100 bytes an entry, and one chunk of inputs.
    """
    found = _said(store, project)
    if not len(found.ids):
        return found
    progress(0.1, f"{len(found.ids):,} entries read")
    found = replace(found, facts=_judged(store, project, found, progress))
    if model is not None and lineage.get("ids"):
        found = replace(found, facts=_placed(store, project, model, lineage, found.facts, progress))
    return found


def rows_of(found: Gathered) -> Iterator[tuple[Any, ...]]:
    """Ranks as the store keeps them: entry, person, verdict, score, then each part, None where it cannot be told.

    Answers to questions with a known answer tell how far their reviewer can be trusted; they label nothing to doubt.
    """
    parts = trust.parts(found.facts)
    columns = [parts[name] for name in PARTS]
    scores = trust.score(parts)
    for n in np.flatnonzero(found.facts.gold < 0):
        told = (None if np.isnan(column[n]) else float(column[n]) for column in columns)
        person, verdict = found.people[found.facts.reviewers[n]], VERDICTS[found.verdicts[n]]
        yield (int(found.ids[n]), person, verdict, float(scores[n]), *told)


def without_model(found: Gathered) -> int:
    """Entries with a label that no model could judge without having learned from their item."""
    return int((np.isnan(found.facts.given) & (found.facts.labels >= 0) & (found.facts.gold < 0)).sum())


def _said(store: Store, project: Project) -> Gathered:
    """Who said what, and how probable it was to the version they saw."""
    told, people = beliefs(project), dict[str, int]()
    chunks = [_columns(rows, told, people) for rows in store.ranks.facts(project.id)] or [_columns([], told, {})]
    joined = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    ids, versions, verdicts = (joined.pop(name) for name in ("ids", "versions", "verdicts"))
    unknown = np.full(len(ids), np.nan)
    return Gathered(
        trust.Entries(**joined, size=unknown, distance=unknown), ids, versions, list(people), verdicts, told
    )


def _columns(rows: list[dict[str, Any]], told: Beliefs, people: dict[str, int]) -> dict[str, Any]:
    def numbers(values: Iterable[int]) -> npt.NDArray[np.int64]:
        return np.fromiter(values, dtype=np.int64, count=len(rows))

    labels = numbers(told.number(row["target"]) for row in rows)
    given, error = _believed([row["proba"] for row in rows], labels, told)
    return {
        "ids": numbers(row["id"] for row in rows),
        "versions": numbers(row["version_id"] or 0 for row in rows),
        "verdicts": numbers(VERDICTS.index(row["verdict"]) for row in rows).astype(np.int8),
        "items": numbers(row["item_id"] for row in rows),
        "reviewers": numbers(people.setdefault(row["reviewer"], len(people)) for row in rows),
        "labels": labels,
        "standing": numbers(row["state"] == "accepted" for row in rows).astype(bool),
        "gold": numbers(told.number(row["gold"]) for row in rows),
        "given": given,
        "error": error,
    }


def _believed(
    blobs: Sequence[bytes | None], labels: npt.NDArray[np.int64], told: Beliefs
) -> tuple[trust.Floats, trust.Floats]:
    """What each stored prediction says about the given label, NaN where there is none."""
    given, error = np.full(len(blobs), np.nan), np.full(len(blobs), np.nan)
    for n, blob in enumerate(blobs):
        if blob is not None and labels[n] >= 0:
            given[n], error[n] = told.of(np.frombuffer(blob, dtype="<f4"), int(labels[n]))
    return given, error


def _judged(store: Store, project: Project, found: Gathered, progress: Progress) -> trust.Entries:
    """The probabilities, out of fold where no version that knew nothing of the item has given one."""
    facts = found.facts
    given, error = facts.given.copy(), facts.error.copy()
    seen = _seen_before(store, project, found)
    given[seen] = error[seen] = np.nan
    missing = np.flatnonzero(np.isnan(given) & (facts.labels >= 0))
    if len(missing):
        progress(0.2, f"{len(missing):,} entries have no prediction from before: refitting {FOLDS} times")
        for rows, proba in _out_of_fold(store, project, facts.items, missing):
            given[rows], error[rows] = found.told.of_rows(proba, facts.labels[rows])
    return replace(facts, given=given, error=error)


def _seen_before(store: Store, project: Project, found: Gathered) -> npt.NDArray[np.bool_]:
    """Entries whose version had learned from an earlier entry about the same item: it judges its own lesson."""
    upto = {version.id: version.feedback_upto for version in store.versions.all(project.id)}
    known, code = np.unique(found.versions, return_inverse=True)
    learned = np.asarray([upto.get(int(version), 0) for version in known])[code]
    _, item = np.unique(found.facts.items, return_inverse=True)
    first = np.full(item.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, item, np.where(found.facts.labels >= 0, found.ids, np.iinfo(np.int64).max))
    return np.asarray(first[item] <= learned)


def _out_of_fold(
    store: Store, project: Project, items: npt.NDArray[np.int64], missing: npt.NDArray[np.intp]
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]]:
    """Positions of entries with the class probabilities (n, k) of a model that has not seen their item.

    Folds go by item. Nothing for a fold whose rest is too small to learn from.
    """
    settings, rows = project.settings, store.items.training_rows(project.id)
    ids, labels = np.asarray(rows.ids, dtype=np.int64), np.asarray(rows.labels, dtype=object)
    rng = np.random.default_rng(settings.seed)
    for fold in range(FOLDS):
        wanted = missing[items[missing] % FOLDS == fold]
        others = np.flatnonzero(ids % FOLDS != fold)
        if not len(wanted):
            continue
        others = np.sort(rng.choice(others, size=min(len(others), LEARN_FROM), replace=False))
        recipe = (project.schema, settings.estimator, settings.params, settings.seed)
        inputs = [rows.inputs[n] for n in others]
        try:
            model = fitting.fit(*recipe, inputs, labels[others].tolist(), np.ones(len(others)), task=project.task)
        except CannotTrain:
            continue
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            yield part, fitting.proba(model, store.items.inputs(items[part].tolist()), project)


def _placed(
    store: Store, project: Project, model: Any, lineage: Lineage, facts: trust.Entries, progress: Progress
) -> trust.Entries:
    """Lengths of the features and distances to labelled rows.

    Two samples of labelled rows: an entry whose item is in the first is measured against the second, so that no item
    is near itself.
    """
    rng = np.random.default_rng(project.settings.seed)
    drawn = rng.permutation(len(lineage["ids"]))[: 2 * NEAR]
    samples = [_part(lineage, drawn[::2]), _part(lineage, drawn[1::2])]
    size, away = np.empty(len(facts.items)), np.empty(len(facts.items))
    for start in range(0, len(size), CHUNK):
        items = facts.items[start : start + CHUNK]
        within = np.isin(items, samples[0]["ids"])
        for sample, chosen in ((samples[0], ~within), (samples[1], within)):
            if chosen.any():
                rows = start + np.flatnonzero(chosen)
                size[rows], away[rows] = _measured(store, project, model, sample, items[chosen], rng)
        progress(0.3 + 0.4 * min(start + CHUNK, len(size)) / len(size), "distances to what is labelled")
    return replace(facts, size=size, distance=away)


def _measured(
    store: Store,
    project: Project,
    model: Any,
    sample: Lineage,
    items: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    around = Surroundings(store, project, model, sample, items.tolist(), np.ones(len(items), dtype=bool), rng)
    facts = around.look(np.arange(len(items)), frozenset({"features", "labelled"}))
    assert facts.features is not None
    assert facts.labelled is not None
    return np.sqrt(1 + (facts.features**2).sum(axis=1)), distance(facts.features, facts.labelled)


def _part(lineage: Lineage, rows: npt.NDArray[np.intp]) -> Lineage:
    return {name: [lineage[name][n] for n in np.sort(rows)] for name in ("ids", "labels")}
