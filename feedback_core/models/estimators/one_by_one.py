"""Learners that take one row at a time, as in River, as a classifier that takes many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ..factories import LEARNERS
from ..registry import BUILDERS
from .base import Array, FrameworkClassifier, UnweightedClassifier

FILE = "learner.json"

Row = dict[int, float]


class OneByOneClassifier(UnweightedClassifier):
    """A learner that is shown each row in turn; `fit` shuffles them and shows them `epochs` times."""

    def __init__(
        self, learner: str, options: Mapping[str, Any] | None = None, epochs: int = 3, random_state: int = 0
    ) -> None:
        self.learner = learner
        self.options = options
        self.epochs = epochs
        self.random_state = random_state

    @property
    def packages(self) -> tuple[str, ...]:  # type: ignore[override]
        """The package that the learner comes from."""
        return (BUILDERS[self.learner].package,)

    def _begin(self, width: int, outputs: int) -> None:
        BUILDERS[self.learner].require()
        self.native_ = LEARNERS[self.learner].make(outputs, **(self.options or {}))

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        rng = np.random.default_rng(self.random_state)
        weighted = LEARNERS[self.learner].weights
        for _ in range(1 if further else self.epochs):
            order = np.arange(len(target)) if further else rng.permutation(len(target))
            for row, label, weight in zip(
                rows_of(X[order]), target[order].tolist(), weights[order].tolist(), strict=True
            ):
                self.native_.learn_one(row, label, **({"w": weight} if weighted else {}))

    def _say(self, X: Any) -> Array:
        said = np.zeros((X.shape[0], self.outputs_))
        for place, row in enumerate(rows_of(X)):
            for label, share in self.native_.predict_proba_one(row).items():
                said[place, label] = share
        # What has learned nothing may give no probability at all.
        said[said.sum(axis=1) <= 0] = 1
        return said

    def write_native(self, folder: Path) -> None:
        (folder / FILE).write_bytes(orjson.dumps(LEARNERS[self.learner].dump(self.native_)))

    def read_native(self, folder: Path) -> None:
        self._begin(self.n_features_in_, self.outputs_)
        LEARNERS[self.learner].restore(self.native_, orjson.loads((folder / FILE).read_bytes()))


class WeightedOneByOneClassifier(OneByOneClassifier):
    """The same for learners that take a weight with each row."""

    def fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> Any:
        """Learn rows from nothing."""
        return FrameworkClassifier.fit(self, X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Array | None = None) -> Any:
        """Go on with these rows, once, in their order. classes: all labels, at the first call."""
        return self._further(X, y, classes, sample_weight)


class OneAgainstRest:
    """River's logistic regression for any number of classes: one model each, of two classes one in all."""

    def __init__(self, classes: int, learning_rate: float, l2: float) -> None:
        from river import linear_model, optim

        self.members = [
            linear_model.LogisticRegression(optim.SGD(learning_rate), l2=l2)
            for _ in range(1 if classes == 2 else classes)
        ]

    def learn_one(self, row: Row, label: int, w: float = 1.0) -> None:
        """Learn one row. label: 0..classes-1."""
        if len(self.members) == 1:
            self.members[0].learn_one(row, label == 1, w)
            return
        for own, member in enumerate(self.members):
            member.learn_one(row, own == label, w)

    def predict_proba_one(self, row: Row) -> dict[int, float]:
        """Probability of each class, before they are made to add up to 1."""
        said = [float(member.predict_proba_one(row)[True]) for member in self.members]
        return dict(enumerate([1 - said[0], said[0]] if len(said) == 1 else said))


def rows_of(X: Any) -> Iterator[Row]:
    """Each row as {column: value}; what is 0 is left out."""
    if hasattr(X, "tocsr"):
        whole = X.tocsr()
        for start, stop in zip(whole.indptr[:-1], whole.indptr[1:], strict=True):
            yield dict(zip(whole.indices[start:stop].tolist(), whole.data[start:stop].tolist(), strict=True))
        return
    for row in np.asarray(X, dtype=float):
        places = np.flatnonzero(row)
        yield dict(zip(places.tolist(), row[places].tolist(), strict=True))
