"""A committee beside a fitted model: its own trees, or quick refits on resampled labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

TREES = 30
"""Trees of a forest that vote; all hundred would cost as much as the prediction itself."""

MEMBERS = 5
LEARN_FROM = 1_000
"""Rows each refit learns from at most, so that a committee never costs more than a retrain."""

BOOSTS = 30
"""Rounds of a boosted member, which is to disagree, not to win."""


class Committee:
    """Votes (n, c): the share of members that name each class the model knows."""

    def __init__(self, model: Any, prepared: Any, labels: npt.NDArray[np.object_], rng: np.random.Generator) -> None:
        """model: fitted. prepared (l, w), labels (l,): what it has learned from, for models without trees."""
        from sklearn.ensemble._forest import ForestClassifier

        self._classes = list(model.classes_)
        self._is_forest = isinstance(model, ForestClassifier)
        self._members = list(model.estimators_[:TREES]) if self._is_forest else _refits(model, prepared, labels, rng)

    def votes(self, prepared: Any) -> npt.NDArray[np.float32]:
        """Share of the members for each class, shape (n, c)."""
        n, position = prepared.shape[0], {label: at for at, label in enumerate(self._classes)}
        counts = np.zeros((n, len(self._classes)), dtype=np.float32)
        rows = np.arange(n)
        X = prepared.astype(np.float32) if self._is_forest else prepared  # trees read float32 and would each convert
        with threadpool_limits(1):
            for member in self._members:
                said = member.predict(X)
                # A forest's trees know classes by number.
                counts[rows, said.astype(int) if self._is_forest else [position[label] for label in said]] += 1
        return np.asarray(counts / np.float32(len(self._members)))


def _refits(model: Any, prepared: Any, labels: npt.NDArray[np.object_], rng: np.random.Generator) -> list[Any]:
    from sklearn.base import clone

    members = []
    for _ in range(MEMBERS):
        member = clone(model)
        params = member.get_params()
        if "random_state" in params:
            member.set_params(random_state=int(rng.integers(2**31)))
        if "max_leaf_nodes" in params and "max_iter" in params:
            member.set_params(max_iter=min(BOOSTS, params["max_iter"]))
        rows = _resample(labels, rng)
        with threadpool_limits(1):
            members.append(member.fit(prepared[rows], labels[rows]))
    return members


def _resample(labels: npt.NDArray[np.object_], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A bootstrap within each class, so that every member knows every class."""
    share = min(1.0, LEARN_FROM / len(labels))
    drawn = []
    for label in sorted(set(labels)):
        rows = np.flatnonzero(labels == label)
        drawn.append(rng.choice(rows, size=max(2, round(share * len(rows)))))
    return np.concatenate(drawn)
