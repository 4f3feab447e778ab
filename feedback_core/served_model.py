"""The project's champion as a scikit-learn user knows it: predict and predict_proba on rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import arrivals, intake
from .loop import Loop


class ServedModel:
    """An estimator's answers from the serving version; until there is one, from the model the caller brought."""

    def __init__(self, given: Any, loop: Callable[[], Loop | None], known: Mapping[str, Any]) -> None:
        """known: labels as the caller writes them, by their text; labels it lacks are given as text."""
        self._given, self._loop, self._known = given, loop, known

    def learn_base(self) -> None:
        """Fit the caller's model on the base rows that are not locked away, unless a version serves already."""
        loop = self._loop()
        if loop is None or loop.store.versions.champion(loop.project.id) is not None:
            return
        rows = loop.store.items.training_rows(loop.project.id)
        if len(set(rows.labels)) > 1:
            self._given.fit(intake.decode(rows.inputs, loop.project.schema).to_numpy(), self._as_given(rows.labels))

    def predict(self, X: Any) -> Any:
        """Labels as the caller writes them, shape (n,). X: (n, d)."""
        loop = self._serving_loop()
        if loop is None:
            return self._given.predict(X)
        serving = loop.serving()
        if not serving.version.artifact:  # it lives elsewhere, and what it has said is looked up by the input
            bodies = [intake.encode_one(row, loop.project.schema) for row in np.asarray(X, dtype=float).tolist()]
            return self._as_given(arrivals.predict(loop, "python", bodies, log=False).labels)
        return self._as_given(serving.model.predict(_frame(loop, X)))

    def predict_proba(self, X: Any) -> Any:
        """Probabilities, shape (n, k), in the order of `classes_`. X: (n, d)."""
        loop = self._serving_loop()
        return self._given.predict_proba(X) if loop is None else loop.serving().model.predict_proba(_frame(loop, X))

    @property
    def classes_(self) -> Any:
        loop = self._serving_loop()
        return self._given.classes_ if loop is None else self._as_given(loop.serving().model.classes_)

    def _serving_loop(self) -> Loop | None:
        loop = self._loop()
        return None if loop is None or loop.store.versions.champion(loop.project.id) is None else loop

    def _as_given(self, labels: Sequence[str]) -> Any:
        return np.array([self._known.get(str(label), str(label)) for label in labels])


def _frame(loop: Loop, X: Any) -> Any:
    rows = [intake.encode_one(row, loop.project.schema) for row in np.asarray(X, dtype=float).tolist()]
    return intake.decode(rows, loop.project.schema)
