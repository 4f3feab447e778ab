"""Predictions made elsewhere become a version: nothing but what it says about items is known of it, and enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .. import tasks
from ..errors import InvalidInput, NotFound, Refused
from ..store import Store
from ..types import Progress, Project, Version
from . import saying
from .bringing import NOTHING, described, takes_models
from .saying import Said

CHUNK = 5_000
"""Predictions of one transaction."""

SHOWN = 5
"""Unknown items that a message names."""

T = TypeVar("T")

MOST_NAME = 100
"""Characters of a version's name."""


def _silent(_share: float, _message: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rows of a kind that a version has a prediction of, out of all."""

    covered: int
    all: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Outcome of one upload. bare: predictions without probabilities, each counted with `assumed`; of numbers those
    without a spread, each counted with 0."""

    version: Version
    created: bool
    stored: int
    bare: int
    assumed: float | None
    locked: Coverage


def import_predictions(
    store: Store,
    project: Project,
    name: str,
    said: Sequence[Said],
    by: str,
    now: float,
    progress: Progress = _silent,
) -> Taken:
    """Store predictions under a version's name, all or none; more of them under the same name add to it.

    A prediction that was sent before is replaced while the version is undecided; once it has been judged, the locked
    rows keep what was judged. Raises InvalidInput, NotFound for unknown items, or Refused.
    """
    takes_models(project)
    name = checked_name(name)
    if not said:
        raise InvalidInput("There is no prediction: give at least one item with its label.")
    ids = _items(store, project, said)
    known = named(store, project, name)
    if known is not None and known.estimator != "predictions":
        raise Refused(f"{name!r} is version {known.number}, which is asked at its own address: choose another name.")
    numbers, bare, assumed = _numbers(store, project, ids, said)
    version = known or store.versions.create(
        project, described(store, project, "predictions", {"name": name}, by, now), NOTHING, ()
    )
    kept = _still_open(store, project, version, ids)
    if known is not None:
        # First: whoever is cut off in between must not leave predictions behind that count as older than they are.
        store.outside.may_know(version.id)
    for part in _parts(kept):
        store.predictions.save(version.id, tasks.scored([ids[n] for n in part], numbers[part], project))
        progress(0.9 * (part[-1] + 1) / len(said), f"{part[-1] + 1:,} of {len(said):,} predictions stored")
    store.events.append(
        project.id, now, by, "predictions imported", {"number": version.number, "name": name, "predictions": len(kept)}
    )
    return Taken(version, known is None, len(kept), int(bare.sum()), assumed, coverage(store, project, version))


def named(store: Store, project: Project, name: str) -> Version | None:
    """The version from elsewhere that bears a name."""
    found = (each for each in store.versions.all(project.id) if each.elsewhere and each.params.get("name") == name)
    return next(found, None)


def checked_name(name: str) -> str:
    """The name of a version as it is stored. Raises InvalidInput."""
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise InvalidInput(
            f"version={name[:80]!r}: name the version that said this in 1 to {MOST_NAME} characters, "
            "such as support-llm-2026-11."
        )
    return name


def coverage(store: Store, project: Project, version: Version) -> Coverage:
    """How many of the locked rows, which judge versions, it has a prediction of."""
    ids = store.items.locked_rows(project.id).ids
    return Coverage(sum(len(store.predictions.labels_of(version.id, part)) for part in _parts(ids)), len(ids))


def _items(store: Store, project: Project, said: Sequence[Said]) -> list[int]:
    """The item each prediction is about. Raises NotFound naming unknown ones, and InvalidInput for one named twice."""
    keys = sorted({each.item for each in said if isinstance(each.item, str)})
    placed = {key: at.id for part in _parts(keys) for key, at in store.listings.placed(project.id, part).items()}
    # A key of digits that is none may be an id: a CSV file has no other way to write one.
    numbers = {each.item for each in said if isinstance(each.item, int)}
    numbers |= {int(key) for key in keys if key not in placed and key.isascii() and key.isdigit() and len(key) < 19}
    there = {item.id for part in _parts(sorted(numbers)) for item in store.items.many(list(part), project.id)}
    found = [_found(each.item, placed, there) for each in said]
    if lost := [each.item for each, item_id in zip(said, found, strict=True) if item_id is None]:
        listed = ", ".join(map(repr, lost[:SHOWN]))
        raise NotFound(
            f"{len(lost):,} of {len(said):,} items are not in this project, such as {listed}: add their rows first, or "
            "use the keys of the export. No prediction was stored."
        )
    ids = [item_id for item_id in found if item_id is not None]
    first = {item_id: n for n, item_id in reversed(list(enumerate(ids)))}
    if len(first) < len(ids):
        twice = next(said[n] for n, item_id in enumerate(ids) if first[item_id] != n)
        raise InvalidInput(
            f"{twice.place}the item {twice.item!r} is there twice: send one prediction for each. "
            "No prediction was stored."
        )
    return ids


def _found(item: int | str, placed: Mapping[str, int], there: set[int]) -> int | None:
    if isinstance(item, str) and item in placed:
        return placed[item]
    number = int(item) if str(item).isascii() and str(item).isdigit() else 0
    return number if number in there else None


def _numbers(
    store: Store, project: Project, ids: Sequence[int], said: Sequence[Said]
) -> tuple[saying.Floats, np.ndarray, float | None]:
    """What is stored of each (n, c), which of them came without all of it (n,), and what those count with."""
    if project.task == "regression":
        return *saying.values_of(said), None
    labels = saying.labels_of(said, project.labels)
    proba, bare = saying.probabilities(said, labels, project.labels)
    assumed = _assumed(store, project, ids, labels, bare) if bare.any() else None
    if assumed is not None:
        saying.fill(proba, bare, labels, project.labels, assumed)
    return proba, bare, assumed


def _assumed(store: Store, project: Project, ids: Sequence[int], labels: Sequence[str], bare: np.ndarray) -> float:
    """The probability given to a label that came without one: how often such labels are right where it is known.

    Locked rows are left aside, as they judge.
    """
    asked = {ids[n]: labels[n] for n in np.flatnonzero(bare).tolist()}
    rows = store.items.training_rows(project.id)
    known = [(asked[item_id], truth) for item_id, truth in zip(rows.ids, rows.labels, strict=True) if item_id in asked]
    return saying.assumed(sum(one == other for one, other in known), len(known), len(project.labels))


def _still_open(store: Store, project: Project, version: Version, ids: Sequence[int]) -> list[int]:
    """Positions of predictions that may still be stored: what has been judged stays what was judged."""
    if store.versions.report_on(version.id) is None:
        return list(range(len(ids)))
    locked = set(store.items.locked_rows(project.id).ids)
    judged = {
        item
        for part in _parts([i for i in ids if i in locked])
        for item in store.predictions.labels_of(version.id, part)
    }
    return [n for n, item_id in enumerate(ids) if item_id not in judged]


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
