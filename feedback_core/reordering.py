"""What other weights would put first, before anybody saves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import tasks
from .errors import Refused
from .footing import footing
from .loop import Loop
from .prioritize import Pool, blend
from .scoring import class_share
from .surroundings import Surroundings
from .types import Job, Version

EXACT = 20_000
"""Open items ranked anew; of more, the top of the present order and a uniform sample of the rest."""

TOP = 2_000
"""Places of the present order that are known when there are more than EXACT open items."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the first items under the new weights. before: its place now, counted from 1, None when beyond TOP."""

    item_id: int
    before: int | None
    priority: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first items under other weights. ranked: items compared, of `open` in all."""

    places: tuple[Place, ...]
    ranked: int
    open: int


@dataclass(frozen=True, slots=True)
class _Candidates:
    ids: tuple[int, ...]
    proba: npt.NDArray[np.float32]
    place: Mapping[int, int]
    stands_for: npt.NDArray[np.float64] | None
    """Open items each row stands for: itself alone in the present top, more in the sample; None for itself alone."""
    open: int


def preview(loop: Loop, weights: Mapping[str, float], first: int = 20) -> Preview:
    """The items that these weights would ask about first, each with its place in the queue now.

    Raises Refused while no version has ranked anything.
    """
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        raise Refused("No model has ranked the items yet: train the first version on the Retrain page.")
    key = (loop.store.url, loop.project.id, loop.store.predictions.run_facts(champion.id))
    counts = loop.store.tallies.of(loop.project.id, "items")
    known = loop.cache.get(("queue", *key, counts.get("pool/open", 0)), lambda: _candidates(loop, champion))
    if not known.ids:
        return Preview((), 0, known.open)
    names, parts = blend(_pool(loop, champion, known), weights, loop.queue_batch())
    total = parts.sum(axis=1, dtype=float)
    order = np.lexsort((np.asarray(known.ids), -total))[:first]
    places = tuple(
        Place(
            known.ids[n],
            known.place.get(known.ids[n]),
            float(total[n]),
            dict(zip(names, parts[n].tolist(), strict=True)),
        )
        for n in order.tolist()
    )
    return Preview(places, len(known.ids), known.open)


def previous_weights(loop: Loop) -> dict[str, float] | None:
    """The weights before the last change of weights; None when they were never changed."""
    for event in loop.store.events.latest(loop.project.id, 200):
        if event.kind != "settings changed":
            continue
        before = event.details.get("before", {}).get("weights")
        if before and before != event.details["settings"]["weights"]:
            return dict(before)
    return None


def save(loop: Loop, weights: Mapping[str, float], by: str) -> Job:
    """Make these the project's weights and ask the worker to reorder the queue by them."""
    chosen = {name: weight for name, weight in weights.items() if weight > 0}
    return loop.reweigh(chosen, by)


def _candidates(loop: Loop, champion: Version) -> _Candidates:
    items = loop.store.items
    counts = loop.store.tallies.of(loop.project.id, "items")
    n_open = counts.get("pool/open", 0)
    top = items.first_ids(loop.project.id, EXACT if n_open <= EXACT else TOP)
    drawn: tuple[int, ...] = ()
    if n_open > EXACT:
        every = np.asarray(items.open_ids(loop.project.id))
        drawn = tuple(np.random.default_rng(champion.seed).choice(every, size=EXACT - TOP, replace=False).tolist())
    ids, proba = loop.store.predictions.proba_of(champion.id, sorted({*top, *drawn}))
    # Labels that came into the project after this version are impossible to it.
    proba = np.pad(proba, ((0, 0), (0, len(tasks.of(loop.project).columns(loop.project)) - proba.shape[1])))
    place = {item_id: n for n, item_id in enumerate(top, 1)}
    return _Candidates(ids, proba, place, _stands_for(ids, place, n_open) if drawn else None, n_open)


def _stands_for(ids: tuple[int, ...], place: Mapping[int, int], n_open: int) -> npt.NDArray[np.float64]:
    known = np.asarray([item_id in place for item_id in ids])
    rest = max(int((~known).sum()), 1)
    return np.where(known, 1.0, (n_open - int(known.sum())) / rest)


def _pool(loop: Loop, champion: Version, known: _Candidates) -> Pool:
    lineage = footing(loop.store, loop.project, champion)
    rng = np.random.default_rng(champion.seed)
    every = np.ones(len(known.ids), dtype=bool)
    model = loop.cache.get(("model", loop.store.url, champion.id), lambda: loop.model(champion))
    around = Surroundings(loop.store, loop.project, model, lineage, known.ids, every, rng)
    share = class_share(lineage["labels"], loop.project.labels)
    seen = len(lineage["labels"]) if champion.lineage_known else None
    proba = tasks.of(loop.project).unsure(known.proba)
    return Pool(proba, share, rng, None, seen, around.look, stands_for=known.stands_for)
