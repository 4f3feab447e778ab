"""Items as points in which near means similar, without any label and any model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import intake
from ..models.features import WIDTH, Features
from ..models.preprocessing import preprocessor
from ..store import Store
from ..types import Project
from .units import Array

CHUNK = 20_000
"""Items decoded at a time."""


class Space:
    """Features of a project's items from its preprocessing alone, fitted to some of them.

    Numbers are standardised, categories one-hot, pixels scaled to at most 1. Where all columns are text, the words are
    reduced by latent semantic analysis (Deerwester et al., 1990) and every text has length 1.
    """

    def __init__(self, store: Store, project: Project, ids: Sequence[int], seed: int) -> None:
        """ids: items to fit on."""
        self._store, self._project = store, project
        self._prepare = preprocessor(project.schema, scale=True)
        frame = intake.decode(store.items.inputs(ids), project.schema)
        prepared = self._prepare.fit_transform(frame)
        only_text = len(project.schema.of_kind("text")) == len(project.schema.columns)
        if only_text and prepared.shape[1] > WIDTH and len(ids) > WIDTH:
            self._map: Any = _semantic(prepared, seed)
        else:
            self._map = Features(self._prepare, prepared)

    def of(self, ids: Sequence[int]) -> Array:
        """Points (n, f) of items by id, in the order asked for; f is at most WIDTH."""
        return np.concatenate([points for _, points in self.pieces(ids)])

    def pieces(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Array]]:
        """Ids and points, CHUNK at a time."""
        for start in range(0, max(len(ids), 1), CHUNK):
            wanted = ids[start : start + CHUNK]
            prepared = self._prepare.transform(intake.decode(self._store.items.inputs(wanted), self._project.schema))
            points = self._map.transform(prepared) if hasattr(self._map, "transform") else self._map.of(prepared)
            yield wanted, np.asarray(points, dtype=np.float64)


def _semantic(prepared: Any, seed: int) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    return make_pipeline(TruncatedSVD(WIDTH, random_state=seed), Normalizer()).fit(prepared)


def drawn(ids: Sequence[int], most: int, rng: np.random.Generator, always: Iterable[int] = ()) -> tuple[int, ...]:
    """At most `most` of the ids, uniformly drawn, and those of `always` besides; ascending."""
    chosen = ids if len(ids) <= most else rng.choice(np.asarray(ids), size=most, replace=False).tolist()
    return tuple(sorted({*chosen, *always}))
