"""skorch nets as classifiers and regressors, written as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..factories import NETS
from ..registry import BUILDERS
from . import tensors
from .base import Array, FrameworkEstimator, FrameworkRegressor, UnweightedClassifier
from .network import dense
from .torch import seeded


class _Skorch(FrameworkEstimator):
    """native_: an initialised net, which is trained as it says itself; skorch takes no weights without a loss for them.

    skorch wants rows in single precision, classes as whole numbers, and numbers as a column.
    """

    packages = ("torch", "skorch", "safetensors")

    def __init__(self, net: str, options: Mapping[str, Any] | None = None, random_state: int = 0) -> None:
        self.net = net
        self.options = options
        self.random_state = random_state

    def _begin(self, width: int, outputs: int) -> None:
        BUILDERS[self.net].require()
        with seeded(self.random_state):
            self.native_ = NETS[self.net](width, max(1, outputs), **(self.options or {})).initialize()

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        y = target.astype(np.int64) if self.outputs_ else target.astype(np.float32).reshape(-1, 1)
        with seeded(self.random_state):
            self.native_.partial_fit(dense(X), y, **({"epochs": 1} if further else {}))

    def _say(self, X: Any) -> Array:
        net = self.native_
        said: Array = net.predict_proba(dense(X)) if self.outputs_ else net.predict(dense(X))
        return said

    def write_native(self, folder: Path) -> None:
        tensors.write(folder, self.native_.module_, self.native_.optimizer_)

    def read_native(self, folder: Path) -> None:
        self._begin(self.n_features_in_, self.outputs_)
        tensors.read(folder, self.native_.module_, self.native_.optimizer_)


class SkorchClassifier(_Skorch, UnweightedClassifier):
    """A `NeuralNetClassifier`."""


class SkorchRegressor(_Skorch, FrameworkRegressor):
    """A `NeuralNetRegressor`."""

    def fit(self, X: Any, y: Any) -> Any:  # type: ignore[override]
        """Learn rows from nothing."""
        return super().fit(X, y)
