"""Keras models as classifiers and regressors, written as .keras files and read back in safe mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ... import environment
from ..factories import KERAS_MODELS
from ..registry import BUILDERS
from .base import Array, FrameworkClassifier, FrameworkRegressor
from .network import Network

FILE = "network.keras"


class _Keras(Network):
    """native_: a compiled model, its optimizer in it."""

    @property
    def packages(self) -> tuple[str, ...]:  # type: ignore[override]
        """Keras and what computes for it in this process."""
        return "keras", _keras().backend.backend()

    def _begin(self, width: int, outputs: int) -> None:
        BUILDERS[self.network].require()
        keras = _keras()
        model = KERAS_MODELS[self.network](width, max(1, outputs), self.random_state, **(self.options or {}))
        losses = keras.losses
        loss = losses.SparseCategoricalCrossentropy(from_logits=True) if outputs else losses.MeanSquaredError()
        model.compile(keras.optimizers.Adam(self.learning_rate), loss)
        self.native_ = model

    def _step(self, X: Array, target: Array, weights: Array) -> None:
        self.native_.train_on_batch(X, target, sample_weight=weights)

    def _scored(self, X: Array) -> Array:
        said = np.asarray(self.native_.predict_on_batch(X), dtype=float)
        if not self.outputs_:
            return said.ravel()
        said = np.exp(said - said.max(axis=1, keepdims=True))
        return np.asarray(said / said.sum(axis=1, keepdims=True))

    def write_native(self, folder: Path) -> None:
        self.native_.save(folder / FILE)

    def read_native(self, folder: Path) -> None:
        BUILDERS[self.network].require()
        # Safe mode takes no code from the file; layers it names have to be registered by code that runs here.
        self.native_ = _keras().saving.load_model(folder / FILE, safe_mode=True)


class KerasClassifier(_Keras, FrameworkClassifier):
    """A model that gives one logit a class."""

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Array | None = None) -> Any:
        """Go on with these rows: one pass. classes: all labels, at the first call."""
        return self._further(X, y, classes, sample_weight)


class KerasRegressor(_Keras, FrameworkRegressor):
    """A model that gives one number."""

    def partial_fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> Any:
        """Go on with these rows: one pass."""
        return self._further(X, y, sample_weight)


def _keras() -> Any:
    environment.choose_keras_backend()
    import keras

    return keras
