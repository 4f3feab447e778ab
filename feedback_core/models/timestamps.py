"""Points in time become features: where the clock, the week and the year stand, and how much time has passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
YEAR_S = 365.2425 * DAY_S

_MONDAY_S = -3 * DAY_S
"""1970 began on a Thursday; the Monday before it, in seconds since the epoch."""

_CYCLES = (("hour", DAY_S, 0.0), ("weekday", WEEK_S, _MONDAY_S), ("month", YEAR_S, 0.0))
"""Name, length and start of each cycle, in seconds (UTC)."""

PARTS = (*(f"{name}_{wave}" for name, _, _ in _CYCLES for wave in ("sin", "cos")), "years", "missing")


class Calendar(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Eight features a column of seconds since the epoch: sine and cosine of the hour of day, the day of the week and
    the time of year, so that 23:59 lies beside 00:00; years since the middle of what was learned; and whether it is
    missing, when the others are 0.
    """

    def fit(self, X: Any, _y: Any = None) -> Calendar:
        """X: (n, t) seconds, NaN where missing."""
        moments = _seconds(X)
        known = [column[~np.isnan(column)] for column in moments.T]
        self.middle_s_ = np.array([column.mean() if len(column) else 0.0 for column in known])
        self.feature_names_in_ = np.asarray(getattr(X, "columns", [f"x{n}" for n in range(moments.shape[1])]), object)
        self.n_features_in_ = moments.shape[1]
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Features (n, 8 t), the eight of the first column first."""
        moments = _seconds(X)
        blocks = [_features(column, middle) for column, middle in zip(moments.T, self.middle_s_, strict=True)]
        return np.concatenate(blocks, axis=1)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> npt.NDArray[np.object_]:
        names = self.feature_names_in_ if input_features is None else input_features
        return np.asarray([f"{name}_{part}" for name in names for part in PARTS], object)


def _seconds(X: Any) -> npt.NDArray[np.float64]:
    return np.asarray(X, dtype=float)


def _features(moments: npt.NDArray[np.float64], middle: float) -> npt.NDArray[np.float64]:
    waves = []
    for _, length, start in _CYCLES:
        angle = 2 * np.pi * np.mod(moments - start, length) / length
        waves += [np.sin(angle), np.cos(angle)]
    block = np.column_stack([*waves, (moments - middle) / YEAR_S, np.isnan(moments)])
    return np.asarray(np.nan_to_num(block), dtype=float)
