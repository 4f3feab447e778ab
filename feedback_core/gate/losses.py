"""What a wrong answer costs: every row the same, every class the same, or as a project's cost matrix says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Costs = Mapping[str, Mapping[str, float]]
"""truth -> prediction -> cost; what is missing costs 0 where the two agree and 1 where they do not."""


@dataclass(frozen=True)
class Loss:
    """The loss of one row. weights: of a mistake by class, for balanced accuracy. costs: for the cost metric."""

    metric: str = "accuracy"
    weights: Mapping[str, float] = field(default_factory=dict)
    costs: Costs = field(default_factory=dict)

    def of(self, truth: Sequence[str], said: Sequence[str]) -> npt.NDArray[np.float64]:
        """Loss of each row, shape (n,)."""
        t, s = column(truth), column(said)
        wrong = np.asarray(t != s, dtype=float)
        if self.metric == "accuracy":
            return wrong
        if self.metric == "balanced accuracy":
            weights = np.asarray([self.weights.get(label, 0.0) for label in t], dtype=float)
            return np.asarray(wrong * weights)
        return np.asarray([cost(self.costs, a, b) for a, b in zip(t, s, strict=True)], dtype=float)

    def most(self, truth: Iterable[str], labels: Iterable[str]) -> float:
        """The largest loss a row can have where these classes are true and these labels may be said."""
        return max(self._losses(truth, labels), default=1.0)

    def equal(self, truth: Iterable[str], labels: Iterable[str]) -> bool:
        """Whether every mistake on such rows counts the same: two losses are possible, and signs alone decide."""
        return len({round(loss, 12) for loss in self._losses(truth, labels)} | {0.0}) <= 2

    def _losses(self, truth: Iterable[str], labels: Iterable[str]) -> set[float]:
        """Losses that are possible, those of a right answer included."""
        if self.metric == "accuracy":
            return {0.0, 1.0}
        if self.metric == "balanced accuracy":
            return {0.0} | {self.weights.get(label, 0.0) for label in set(truth)}
        said = set(labels)
        return {cost(self.costs, a, b) for a in set(truth) for b in said}


def column(labels: Sequence[str] | npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Labels as an array, shape (n,), to be compared with another."""
    # list(): a string is a sequence of labels too, and NumPy would take it for a single one. Arrays need no copy.
    return np.asarray(labels if isinstance(labels, np.ndarray) else list(labels), dtype=object)


def cost(costs: Costs, truth: str, said: str) -> float:
    """Cost of one answer."""
    return float(costs.get(truth, {}).get(said, 0.0 if truth == said else 1.0))


def loss_of(metric: str, costs: Costs, truth: Sequence[str]) -> Loss:
    """The loss of a metric on rows of this truth.

    Balanced accuracy weighs a mistake by n / (k * rows of its class), so that the mean loss is the mean over the k
    classes that occur; on equally frequent classes it is accuracy.
    """
    if metric != "balanced accuracy":
        return Loss(metric, costs=costs)
    rows = Counter(truth)
    return Loss(metric, {label: len(truth) / (len(rows) * n) for label, n in rows.items()})
