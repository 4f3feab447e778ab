"""Stored predictions as a model: what a version that lives elsewhere has said about an item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake, tasks
from .errors import Refused
from .footing import footing, pool_start
from .models import BUILDERS
from .models.stand_in import StandIn
from .store import Store
from .training import drop_wordless
from .types import Project, Schema, Version

CHUNK = 5_000
"""Items looked up in one short transaction."""

FITTED_ON = 2_000
"""Rows that the scaling of inputs is fitted to, uniformly drawn."""

Proba = npt.NDArray[np.float64]
Ask = Callable[[Sequence[str | bytes]], Proba]
"""Inputs as stored -> class probabilities (n, k), from where the model lives. Raises Unreachable."""


class Recorded:
    """A version whose predictions are stored; what is not stored it asks for, or leaves open."""

    def __init__(self, store: Store, project: Project, version: Version, ask: Ask | None = None) -> None:
        """ask: where further predictions come from; None where nobody can be asked."""
        self._store, self._project, self._version, self._ask = store, project, version, ask
        self.classes_ = np.asarray(project.labels, dtype=object)

    def proba_of(self, inputs: Sequence[str | bytes], ids: Sequence[int], labels: Sequence[str]) -> Proba:
        """Probabilities (n, k) in the order of labels, NaN rows where there is no prediction and nobody to ask; of
        numbers value and spread (n, 2), and labels are the names of these two.

        ids: (n,) items, or empty: then the input decides. Of an item without a prediction of its own the one of an
        equal input counts, because a model says the same about the same input.
        """
        found = np.full((len(inputs), len(labels)), np.nan)
        for start in range(0, len(inputs), CHUNK):
            piece = slice(start, start + CHUNK)
            found[piece] = self._stored(inputs[piece], ids[piece], len(labels))
        open_rows = np.flatnonzero(np.isnan(found[:, 0]))
        if self._ask is not None:
            for start in range(0, len(open_rows), CHUNK):
                rows = open_rows[start : start + CHUNK].tolist()
                found[rows] = self._ask([inputs[n] for n in rows])
                self._keep([ids[n] for n in rows] if len(ids) else [], found[rows], labels)
        return found

    def predict_proba(self, X: Any) -> Proba:
        """Probabilities (n, k) of a decoded frame. Raises Refused where nobody can be asked about new inputs."""
        if self._ask is None:
            raise Refused(
                f"Version {self._version.number} is stored predictions alone: it can say nothing about other inputs."
            )
        return self._ask(_encoded(X, self._project.schema))

    @cached_property
    def named_steps(self) -> dict[str, Any]:
        """Scaling of the inputs, fitted here: for novelty and neighbours, which need no model."""
        ids = footing(self._store, self._project, self._version)["ids"]
        return {"prepare": scaling(self._store, self._project, ids), "model": StandIn(self._project.labels)}

    def _keep(self, ids: Sequence[int], said: Proba, labels: Sequence[str]) -> None:
        # At once: it judges later too, and who is broken off goes on from there.
        if ids:
            known = self._project.labels and tuple(labels)  # which may have grown since this was made
            scored = tasks.scored(ids, said, replace(self._project, labels=known))
            self._store.predictions.save(self._version.id, scored)

    def _stored(self, inputs: Sequence[str | bytes], ids: Sequence[int], k: int) -> Proba:
        by_id = self._store.predictions.proba_by_item(self._version.id, ids) if len(ids) else {}
        blobs: list[bytes | None] = [by_id.get(item_id) for item_id in ids] if len(ids) else [None] * len(inputs)
        bare = [n for n, blob in enumerate(blobs) if blob is None]
        if bare:
            hashes = {n: intake.input_hash(_bytes(inputs[n])) for n in bare}
            known = self._store.predictions.proba_by_input(
                self._project.id, self._version.id, sorted(set(hashes.values()))
            )
            for n, digest in hashes.items():
                blobs[n] = known.get(digest)
        rows = np.full((len(blobs), k), np.nan)
        for n, blob in enumerate(blobs):
            if blob is not None:
                said = np.frombuffer(blob, dtype="<f4")
                # A label that came into the project after this prediction was impossible to it.
                rows[n] = np.pad(said, (0, k - len(said)))
        return rows


def scaling(store: Store, project: Project, ids: Sequence[int]) -> Any:
    """A preprocessor of a project's columns, fitted to at most FITTED_ON of these items, or of the pool without any."""
    unfitted = BUILDERS["logistic_regression"](project.schema, 0, {})
    known = ids or pool_start(store, project)
    drawn = np.random.default_rng(0).choice(len(known), size=min(len(known), FITTED_ON), replace=False)
    X = intake.decode(store.items.inputs([known[n] for n in np.sort(drawn).tolist()]), project.schema)
    drop_wordless(unfitted, X)
    return unfitted.named_steps["prepare"].fit(X)


def _encoded(X: Any, schema: Schema) -> list[bytes]:
    """Inputs as stored from a decoded frame."""
    rows = X[intake.feature_names(schema)].itertuples(index=False, name=None)
    return [intake.encode_one(_values(row, schema), schema) for row in rows]


def _values(row: Sequence[Any], schema: Schema) -> list[Any]:
    cells = iter(row)
    return [
        [float(next(cells)) for _ in range(prod(column.shape))] if column.shape else _cell(next(cells))
        for column in schema.columns
    ]


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _bytes(body: str | bytes) -> bytes:
    return body if isinstance(body, bytes) else body.encode()
