"""What a model's surroundings say about pool rows: features, labelled neighbours, a sample, a committee's votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake
from .footing import finite
from .models.committee import Committee
from .models.features import Features
from .prioritize import Facts, Need
from .store import Store
from .types import Project

CHUNK = 20_000
"""Rows decoded at a time."""

LABELLED = 2_000
"""Labelled rows, uniformly drawn, against which novelty is measured."""

SAMPLE = 500
"""Open rows, uniformly drawn, against which density is measured; a mean over 500 is good to 4 % of its spread."""


class Surroundings:
    """Looks facts up in the store, only those asked for and only about the rows asked for."""

    def __init__(
        self,
        store: Store,
        project: Project,
        model: Any,
        lineage: dict[str, list[Any]],
        ids: Sequence[int],
        is_open: npt.NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> None:
        """lineage: ids and labels the model has learned from. ids, is_open: (n,) rows of the pool."""
        self._store, self._project, self._model, self._rng = store, project, model, rng
        self._ids, self._is_open = ids, is_open
        known = len(lineage["ids"])
        chosen = np.sort(rng.choice(known, size=min(known, LABELLED), replace=False))
        self._learned = [lineage["ids"][n] for n in chosen]
        self._labels = np.asarray([lineage["labels"][n] for n in chosen], dtype=object)

    def look(self, rows: npt.NDArray[np.intp], needs: frozenset[Need]) -> Facts:
        """Facts about the pool's rows at these positions; one reading of their inputs serves all needs."""
        if not needs:
            return Facts()
        learned = self._prepared(self._learned or self._sample())
        features = Features(self._model.named_steps["prepare"], learned)
        wants_votes = "votes" in needs
        committee = self._committee(learned) if wants_votes else None
        found: list[npt.NDArray[np.float32]] = []
        votes: list[npt.NDArray[np.float32]] = []
        for start in range(0, len(rows), CHUNK):
            prepared = self._prepared([self._ids[row] for row in rows[start : start + CHUNK]])
            if "features" in needs:
                found.append(features.of(prepared))
            if wants_votes:
                votes.append(
                    np.ones((prepared.shape[0], 1), np.float32) if not committee else committee.votes(prepared)
                )
        return Facts(
            features=np.concatenate(found) if found else None,
            labelled=features.of(learned)[: len(self._learned)] if "labelled" in needs else None,
            sample=features.of(self._prepared(self._sample())) if "sample" in needs else None,
            votes=np.concatenate(votes) if votes else None,
        )

    def _committee(self, learned: Any) -> Committee | None:
        """None where nothing is labelled that members could disagree about."""
        model = self._model.named_steps["model"]
        voter = getattr(model, "stand_in", model)
        # A model from elsewhere may know fewer labels than the project.
        known = np.flatnonzero(np.isin(self._labels, getattr(voter, "classes_", ())))
        if len(set(self._labels[known])) < 2:
            return None
        return Committee(voter, learned[known], self._labels[known], self._rng)

    def _sample(self) -> list[int]:
        among = np.flatnonzero(self._is_open) if self._is_open.any() else np.arange(len(self._ids))
        return [self._ids[row] for row in self._rng.choice(among, size=min(SAMPLE, len(among)), replace=False)]

    def _prepared(self, ids: Sequence[int]) -> Any:
        frame = intake.decode(self._store.items.inputs(ids), self._project.schema)
        return finite(self._model.named_steps["prepare"].transform(frame))
