"""Linear models: a coefficient times how far the input is from the average row, which is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def is_linear(model: Any) -> bool:
    """Whether a fitted classifier's score, or the number a regressor says, is its coefficients times the input."""
    from sklearn.base import is_regressor

    read = hasattr(model, "coef_") and hasattr(model, "intercept_")
    return read and (hasattr(model, "decision_function") or is_regressor(model))


class Linear:
    """Log-odds of each class, or a number, as a sum over features."""

    def __init__(self, model: Any, background: Any) -> None:
        """background: (m, w) prepared rows, whose mean is what features are compared with."""
        weights, intercept = np.atleast_2d(np.asarray(model.coef_, float)), np.asarray(model.intercept_, float).ravel()
        binary = len(weights) == 1 and hasattr(model, "classes_")
        self._weights = np.concatenate([-weights, weights]) if binary else weights
        self._intercept = np.concatenate([-intercept, intercept]) if binary else intercept
        self._centre = np.asarray(background.mean(axis=0), float).ravel()
        self._base = self._weights @ self._centre + self._intercept

    def base(self, k: int) -> float:
        """What it says of class k for the average row; of a number, k is 0."""
        return float(self._base[k])

    def features(self, prepared: Any, k: int) -> Floats:
        """What each feature adds to that, (n, w). prepared: (n, w)."""
        rows = np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, float)
        return np.asarray((rows - self._centre) * self._weights[k])
