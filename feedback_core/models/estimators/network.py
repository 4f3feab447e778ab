"""What networks share, whichever framework makes them: batches, passes, and going on with a few rows more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .base import Array, FrameworkEstimator

SCORED = 4_096
"""Rows scored at a time: sparse rows are made dense, 20,000 words wide, only so many at once (330 MB)."""

MOST_VISITS = 3_000_000
"""Rows shown in all passes together: thirty passes over a million rows would take an hour, and three learn as much."""


class Network(FrameworkEstimator):
    """A network learned in mini-batches; a subclass makes it, makes one step, and scores one batch.

    network: the name it is registered under. options: what its factory takes beside width and outputs. epochs: passes
    over the rows. `partial_fit` goes on with the optimizer as it was left, one pass over the rows it is given.
    """

    def __init__(
        self,
        network: str,
        options: Mapping[str, Any] | None = None,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 0.003,
        random_state: int = 0,
    ) -> None:
        self.network = network
        self.options = options
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _step(self, X: Array, target: Array, weights: Array) -> None:
        """One step of the optimizer on a dense batch, float32."""
        raise NotImplementedError

    def _scored(self, X: Array) -> Array:
        """Probabilities, or numbers, of a dense batch, float32."""
        raise NotImplementedError

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        for rows in self._batches(len(target), further):
            self._step(dense(X[rows]), target[rows], weights[rows].astype(np.float32))

    def _say(self, X: Any) -> Array:
        parts = [self._scored(dense(X[start : start + SCORED])) for start in range(0, X.shape[0], SCORED)]
        return np.concatenate(parts) if parts else np.zeros((0, max(1, self.outputs_)))

    def _batches(self, n: int, further: bool) -> Iterator[Array]:
        rng = np.random.default_rng(self.random_state)
        passes = 1 if further else max(1, min(self.epochs, MOST_VISITS // n))
        for _ in range(passes):
            order = np.arange(n) if further else rng.permutation(n)
            yield from (order[start : start + self.batch_size] for start in range(0, n, self.batch_size))


def dense(rows: Any) -> Array:
    """Rows as a float32 array."""
    return np.ascontiguousarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=np.float32)
