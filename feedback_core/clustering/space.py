"""Items as points in which near means similar, without any label and any model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .. import intake
from ..feature_space import CHUNK, FeatureSpace
from ..models.preprocessing import preprocessor
from ..store import Store
from ..types import Project
from .units import Array


def space_of(store: Store, project: Project, ids: Sequence[int]) -> FeatureSpace:
    """Features of a project's items from its preprocessing alone, fitted to these items."""
    from sklearn.pipeline import Pipeline

    prepare = preprocessor(project.schema).fit(intake.decode(store.items.inputs(ids), project.schema))
    return FeatureSpace(store, project, Pipeline([("prepare", prepare)]), ids)


def pieces(space: FeatureSpace, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Array]]:
    """Ids and their points (n, f), CHUNK at a time."""
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        yield wanted, space.of(wanted).astype(np.float64)


def drawn(ids: Sequence[int], most: int, rng: np.random.Generator, always: Iterable[int] = ()) -> tuple[int, ...]:
    """At most `most` of the ids, uniformly drawn, and those of `always` besides; ascending."""
    chosen = ids if len(ids) <= most else rng.choice(np.asarray(ids), size=most, replace=False).tolist()
    return tuple(sorted({*chosen, *always}))
