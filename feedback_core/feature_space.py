"""Items as points: the features that one version sees, in which near means similar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake
from .footing import finite, pool_start
from .models.features import Features
from .neighbours import nearest
from .store import Store
from .types import Neighbour, Project

CHUNK = 20_000
"""Rows decoded at a time."""

LABELLED = 5_000
"""Rows of a version's training data, uniformly drawn, that neighbours are looked for among."""


class FeatureSpace:
    """Features of any item of a project, scaled to the rows that a version has learned from."""

    def __init__(self, store: Store, project: Project, model: Any, learned: Sequence[int]) -> None:
        """model: a fitted pipeline. learned: ids of rows it was fitted on."""
        self._store, self._project = store, project
        self._prepare = model.named_steps["prepare"]
        # Where nothing is labelled the pool gives the scale.
        prepared = self._prepared(learned or pool_start(store, project))
        self._features = Features(self._prepare, prepared)
        self._width = self._features.of(prepared[:1]).shape[1]

    def of(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Features (n, f) of items by id, in the order asked for."""
        none = np.zeros((0, self._width), dtype=np.float32)
        starts = range(0, len(ids), CHUNK)
        parts = [self._features.of(self._prepared(ids[start : start + CHUNK])) for start in starts]
        return np.concatenate([none, *parts])

    def _prepared(self, ids: Sequence[int]) -> Any:
        return finite(self._prepare.transform(intake.decode(self._store.items.inputs(ids), self._project.schema)))


@dataclass(frozen=True, slots=True)
class Learned:
    """A uniform sample of the rows a version has learned from, with their labels, as points (l, f)."""

    space: FeatureSpace
    ids: tuple[int, ...]
    labels: tuple[str, ...]
    points: npt.NDArray[np.float32]

    def nearest_to(self, item_ids: Sequence[int], k: int) -> dict[int, tuple[Neighbour, ...]]:
        """Item id -> the k rows of the sample most like it, nearest first; never the item itself."""
        if not item_ids:
            return {}
        # One more than asked for: the item may be in the sample.
        places, distances = nearest(self.points, self.space.of(item_ids), k + 1)
        return {
            item_id: tuple(
                Neighbour(self.ids[place], self.labels[place], distance)
                for place, distance in zip(own, far, strict=True)
                if self.ids[place] != item_id
            )[:k]
            for item_id, own, far in zip(item_ids, places.tolist(), distances.tolist(), strict=True)
        }


def learned_by(
    store: Store, project: Project, model: Any, lineage: dict[str, list[Any]], seed: int, background: Sequence[int] = ()
) -> Learned:
    """Points of at most LABELLED rows of a lineage, drawn uniformly. lineage: ids and labels the model learned from.

    background: rows it has learned from without their labels, which then say what near means.
    """
    known = len(lineage["ids"])
    drawn = np.random.default_rng(seed).choice(known, size=min(known, LABELLED), replace=False)
    chosen = np.sort(drawn).tolist()
    ids = tuple(lineage["ids"][n] for n in chosen)
    space = FeatureSpace(store, project, model, background or ids)
    return Learned(space, ids, tuple(lineage["labels"][n] for n in chosen), space.of(ids))
