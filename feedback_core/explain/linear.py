"""Linear models: a coefficient times how far the input is from the average row, which is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def is_linear(model: Any) -> bool:
    """Whether a fitted classifier's score is its coefficients times the input."""
    return hasattr(model, "coef_") and hasattr(model, "intercept_") and hasattr(model, "decision_function")


class Linear:
    """Log-odds of each class as a sum over features."""

    def __init__(self, model: Any, background: Any) -> None:
        """background: (m, w) prepared rows, whose mean is what features are compared with."""
        weights, intercept = np.asarray(model.coef_, float), np.asarray(model.intercept_, float)
        binary = len(weights) == 1
        self._weights = np.concatenate([-weights, weights]) if binary else weights
        self._intercept = np.concatenate([-intercept, intercept]) if binary else intercept
        self._centre = np.asarray(background.mean(axis=0), float).ravel()
        self._base = self._weights @ self._centre + self._intercept

    def base(self, k: int) -> float:
        """Log-odds of class k for the average row."""
        return float(self._base[k])

    def features(self, prepared: Any, k: int) -> Floats:
        """What each feature adds to the log-odds of class k, (n, w). prepared: (n, w)."""
        rows = np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, float)
        return np.asarray((rows - self._centre) * self._weights[k])
