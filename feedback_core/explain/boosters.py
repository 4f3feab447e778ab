"""Shapley values that boosting libraries compute themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OwnValues = Callable[[Any, int], Floats]
"""(prepared row (1, w), k) -> what each feature adds to the log-odds of class k and last the base, (w + 1,)."""


def own_values_of(step: Any) -> OwnValues | None:
    """The values of a fitted LightGBM or XGBoost classifier, None for anything else."""
    if hasattr(step, "booster_"):
        return lambda row, k: _of_class(_lightgbm(step, row), row.shape[1], k)
    if hasattr(step, "get_booster"):
        return lambda row, k: _of_class(_xgboost(step, row), row.shape[1], k)
    return None


def _lightgbm(step: Any, row: Any) -> Any:
    # For sparse rows it would give a list of sparse matrices, one a class.
    dense = row.toarray() if hasattr(row, "toarray") else row
    return step.booster_.predict(dense, pred_contrib=True, num_threads=1)


def _xgboost(step: Any, row: Any) -> Any:
    from xgboost import DMatrix

    return step.get_booster().predict(DMatrix(row, nthread=1), pred_contribs=True, validate_features=False)


def _of_class(values: Any, width: int, k: int) -> Floats:
    """The values of one class; of two classes a library gives those of the second."""
    each = np.asarray(values, float).reshape(-1, width + 1)
    return np.asarray(each[k] if len(each) > 1 else each[0] if k else -each[0])
