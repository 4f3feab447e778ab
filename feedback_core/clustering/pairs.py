"""Which pairs people are asked about: mostly at the border of two groups, a fixed share uniformly at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

import numpy as np

from ..errors import Refused
from ..loop import Loop
from ..types import Borderline, Cluster, Clustering, PairDraw
from .closure import Pair

AUDIT_SHARE = 0.1
"""Of the pairs drawn uniformly from all, to measure and never to teach."""

HAND = 12
"""Pairs in hand at a time: some seconds of the fastest typing."""

TRIES = 50
"""Draws of a uniform pair before one that the reviewer knows already is given up for this time."""


def hand(loop: Loop, reviewer: str, n: int = HAND, rng: np.random.Generator | None = None) -> list[PairDraw]:
    """The next pairs for a reviewer, kept as drawn; those in hand come first. Raises Refused without a clustering."""
    store, project_id = loop.store, loop.project.id
    champion = store.clusterings.champion(project_id)
    if champion is None:
        raise Refused("There are no groups yet: make the first ones on the Groups page.")
    held = store.cluster_feedback.hand(project_id, champion.id, reviewer, n)
    if len(held) >= n:
        return held[:n]
    asked = {(draw.item_a, draw.item_b) for draw in held} | _decided(loop, reviewer)
    drawing = _drawn(loop, champion, reviewer, asked, rng or np.random.default_rng())
    fresh = list(islice(drawing, n - len(held)))
    return held + store.cluster_feedback.draw(project_id, fresh, loop.clock())


def _decided(loop: Loop, reviewer: str) -> set[Pair]:
    entries = loop.store.cluster_feedback.standing(loop.project.id, reviewer=reviewer)
    return {(entry.item_a, entry.item_b) for entry in entries if entry.item_a is not None and entry.item_b is not None}


def _drawn(
    loop: Loop, champion: Clustering, reviewer: str, asked: set[Pair], rng: np.random.Generator
) -> Iterator[PairDraw]:
    """Pairs that are not among those asked, until one way of drawing finds no more."""
    clusters = loop.store.clusterings.clusters(champion.id)
    borders = loop.store.clusterings.borders(champion.id)
    while True:
        audit = bool(rng.random() < AUDIT_SHARE)
        at = item_at(loop, champion)
        pair = uniform(at, champion.items, asked, rng) if audit else border(borders, clusters, asked)
        if pair is None:
            return
        asked.add(pair)
        chance = 2 / (champion.items * (champion.items - 1)) if audit else 1.0
        yield PairDraw(0, champion.id, *pair, audit, chance, reviewer)


def item_at(loop: Loop, champion: Clustering) -> Callable[[int], int]:
    """The id of the item at each place, from 0 to items - 1, of a clustering."""
    key = ("clustered", loop.store.url, loop.project.id, champion.id)
    ids = loop.cache.get(key, lambda: loop.store.clusterings.assignment(champion.id).ids)
    return lambda place: int(ids[place])


def uniform(at: Callable[[int], int], n: int, asked: AbstractSet[Pair], rng: np.random.Generator) -> Pair | None:
    """One of all pairs of n items, each as likely as the other; None when those drawn were known already."""
    for _ in range(TRIES):
        one, other = rng.choice(n, size=2, replace=False).tolist() if n < 1_000 else rng.integers(n, size=2).tolist()
        pair = (min(at(one), at(other)), max(at(one), at(other)))
        if one != other and pair not in asked:
            return pair
    return None


def border(borders: Sequence[Borderline], clusters: Sequence[Cluster], asked: AbstractSet[Pair]) -> Pair | None:
    """The borderline item nearest to two groups and a typical item of the one or the other, in turn; None when all are
    known.

    An answer says which side of the border the item is on.
    """
    typical = {cluster.number: cluster.representatives for cluster in clusters}
    for rank in range(max((len(each) for each in typical.values()), default=0)):
        for n, each in enumerate(borders):
            side = each.own if (n + rank) % 2 else each.rival
            if rank >= len(typical.get(side, ())) or typical[side][rank] == each.item_id:
                continue
            pair = (min(each.item_id, typical[side][rank]), max(each.item_id, typical[side][rank]))
            if pair not in asked:
                return pair
    return None
