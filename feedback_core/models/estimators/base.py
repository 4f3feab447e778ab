"""What estimators of other frameworks share: labels by number and back, weights, one width, a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ...errors import InvalidInput

Array = npt.NDArray[Any]


class FrameworkEstimator(BaseEstimator):
    """An estimator whose fitted part, `native_`, belongs to another framework; a subclass supplies the four methods
    below. Rows are (n, d), dense or sparse; weights (n,)."""

    packages: tuple[str, ...] = ()
    native_: Any = None
    n_features_in_: int
    outputs_: int

    def _begin(self, width: int, outputs: int) -> None:
        """Set `native_` to what has learned nothing: `outputs` classes, or one number a row where it is 0."""
        raise NotImplementedError

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        """Learn numbers of classes, or floats. further: a few rows more, not all of them."""
        raise NotImplementedError

    def _say(self, X: Any) -> Array:
        """Probabilities (n, outputs), or numbers (n,)."""
        raise NotImplementedError

    def write_native(self, folder: Path) -> None:
        """Write `native_` beside model.skops."""
        raise NotImplementedError

    def read_native(self, folder: Path) -> None:
        """Read it back."""
        raise NotImplementedError

    def _taught(self, X: Any, target: Array, sample_weight: Array | None, outputs: int, further: bool = False) -> Any:
        if not further or self.native_ is None:
            self.n_features_in_, self.outputs_ = X.shape[1], outputs
            self._begin(X.shape[1], outputs)
        weights = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self._learn(self._checked(X), target, weights, further)
        return self

    def _checked(self, X: Any) -> Any:
        if self.native_ is None:
            raise InvalidInput(f"{type(self).__name__} has not been fitted: call fit first.")
        if X.shape[1] != self.n_features_in_:
            raise InvalidInput(f"X has {X.shape[1]} columns, and the model has learned from {self.n_features_in_}.")
        return X


class FrameworkClassifier(ClassifierMixin, FrameworkEstimator):
    """Classes in sorted order; probabilities in double precision that add up to 1."""

    def fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> Any:
        """Learn rows from nothing. y: (n,) labels."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        return self._taught(X, codes, sample_weight, len(self.classes_))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, k), columns as `classes_`."""
        said = np.asarray(self._say(self._checked(X)), dtype=float)
        return np.asarray(said / said.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> Array:
        """The most probable label of each row."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _further(self, X: Any, y: Any, classes: Any, sample_weight: Array | None) -> Any:
        """One step more, `partial_fit` of those that have one. classes: all labels, needed where none was learned."""
        if self.native_ is None:
            self.classes_ = np.unique(np.asarray(y if classes is None else classes))
        y = np.asarray(y)
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if len(unknown := y[self.classes_[codes] != y]):
            raise InvalidInput(f"y has {unknown[0]!r}, which is none of the model's classes: fit it anew.")
        return self._taught(X, codes, sample_weight, len(self.classes_), further=True)


class FrameworkRegressor(RegressorMixin, FrameworkEstimator):
    """Numbers; learned in units of their own spread, so that their size does not matter."""

    def fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> Any:
        """Learn rows from nothing. y: (n,) numbers."""
        y = np.asarray(y, dtype=float)
        self.centre_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        return self._taught(X, (y - self.centre_) / self.scale_, sample_weight, 0)

    def predict(self, X: Any) -> Array:
        """A number for each row."""
        return np.asarray(self._say(self._checked(X)), dtype=float).ravel() * self.scale_ + self.centre_

    def _further(self, X: Any, y: Any, sample_weight: Array | None) -> Any:
        y = np.asarray(y, dtype=float)
        if self.native_ is None:
            self.centre_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        return self._taught(X, (y - self.centre_) / self.scale_, sample_weight, 0, further=True)
