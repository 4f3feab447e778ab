"""Images on one scale for all their pixels, as networks want them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin


class Brightness(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Pixels less the mean of all, in units of their standard deviation: neighbours stay comparable, as a scale for
    each pixel would not leave them."""

    def fit(self, X: Any, _y: Any = None) -> Brightness:
        """X: (n, pixels) of one image column."""
        values = np.asarray(X, np.float32)
        self.feature_names_in_ = np.asarray(getattr(X, "columns", range(values.shape[1])), object)
        self.n_features_in_ = values.shape[1]
        self.mean_ = float(values.mean(dtype=float))
        self.spread_ = float(values.std(dtype=float)) or 1.0
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """The same shape, float32."""
        return (np.asarray(X, np.float32) - np.float32(self.mean_)) / np.float32(self.spread_)

    def get_feature_names_out(self, _input_features: Sequence[str] | None = None) -> npt.NDArray[np.object_]:
        return self.feature_names_in_
