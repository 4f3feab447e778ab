"""The pool items most like one item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .feature_space import FeatureSpace
from .learned import learned_rows
from .loop import Loop
from .neighbours import nearest
from .sampling import Sample, pool_sample

EXACT = 20_000
"""Up to this many pool items all are compared; of more, those decided and a uniform sample of the open ones."""


@dataclass(frozen=True, slots=True)
class PoolPoints:
    """Pool items as points (n, f) in the feature space of the serving version."""

    space: FeatureSpace
    sample: Sample
    points: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alike:
    """Ids and distances of similar items, nearest first. searched: items compared, of pool in all."""

    ids: tuple[int, ...]
    distances: tuple[float, ...]
    searched: int
    pool: int


def similar(loop: Loop, item_id: int, k: int = 10) -> Alike | None:
    """The k pool items most like an item, never the item itself; None before the first version."""
    return similar_to(loop, [item_id], k).get(item_id)


def similar_to(loop: Loop, item_ids: Sequence[int], k: int = 10) -> dict[int, Alike]:
    """Item id -> the k pool items most like it, never the item itself; {} before the first version."""
    points = pool_points(loop)
    if points is None or not item_ids:
        return {}
    places, distances = nearest(points.points, points.space.of(item_ids), k + 1)
    ids, pool = points.sample.ids, points.sample.pool
    found = {}
    for item_id, own, far in zip(item_ids, places.tolist(), distances.tolist(), strict=True):
        others = [(ids[place], distance) for place, distance in zip(own, far, strict=True) if ids[place] != item_id][:k]
        found[item_id] = Alike(tuple(i for i, _ in others), tuple(d for _, d in others), len(ids), pool)
    return found


def pool_points(loop: Loop) -> PoolPoints | None:
    """The points of at most EXACT pool items, computed once for a version and a size of the pool."""
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        return None
    counts = loop.store.tallies.of(loop.project.id, "items")
    pool = sum(n for name, n in counts.items() if name.startswith("pool/"))

    def make() -> PoolPoints:
        rng = np.random.default_rng(champion.seed)
        sample = pool_sample(loop.store, loop.project, EXACT, rng, all_decided=True)
        space = learned_rows(loop, champion.id).space
        return PoolPoints(space, sample, space.of(sample.ids))

    return loop.cache.get(("pool points", loop.store.url, loop.project.id, champion.id, pool), make)
