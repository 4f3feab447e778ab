"""What makes up for what a model from elsewhere lacks: something to fit, and sums of exactly 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SUM_WITHIN = 1e-3
"""By how much the probabilities of a row may miss 1: float32 sums over a thousand classes miss it by 1e-5."""


class StandIn:
    """The last step of a model from elsewhere: it names the classes, and says what a committee is fitted from."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.classes_ = np.asarray(labels, dtype=object)

    @property
    def stand_in(self) -> Any:
        """An unfitted classifier of the same labels."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(max_iter=500)
        model.classes_ = self.classes_
        return model


def summed_to_one(proba: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities (n, k) brought to a sum of 1 where they miss it by rounding; others are left to be refused."""
    sums = proba.sum(axis=1, keepdims=True)
    near = np.isfinite(sums) & (np.abs(sums - 1) <= SUM_WITHIN) & (proba.min(axis=1, keepdims=True) >= -SUM_WITHIN)
    kept = np.clip(proba, 0, None)
    return np.where(near, kept / np.where(near, kept.sum(axis=1, keepdims=True), 1), proba)
