"""Shapley values that boosting libraries compute themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OwnValues = Callable[[Any, int], Floats]
"""(prepared row (1, w), k) -> what each feature adds to the log-odds of class k, or to a number, and last the base,
(w + 1,)."""


def own_values_of(step: Any) -> OwnValues | None:
    """The values of a fitted LightGBM or XGBoost model, None for anything else."""
    native = getattr(step, "native_", None) or getattr(step, "booster_", None)
    if native is None and hasattr(step, "get_booster"):
        native = step.get_booster()
    give = {"lightgbm": _lightgbm, "xgboost": _xgboost}.get(type(native).__module__.split(".")[0])
    if give is None:
        return None
    if hasattr(step, "classes_"):
        return lambda row, k: _of_class(give(native, row), row.shape[1], k)
    return lambda row, _k: _of_number(give(native, row), step)


def _lightgbm(native: Any, row: Any) -> Any:
    # For sparse rows it would give a list of sparse matrices, one a class.
    dense = row.toarray() if hasattr(row, "toarray") else row
    return native.predict(dense, pred_contrib=True, num_threads=1)


def _xgboost(native: Any, row: Any) -> Any:
    from xgboost import DMatrix

    return native.predict(DMatrix(row, nthread=1), pred_contribs=True, validate_features=False)


def _of_number(values: Any, step: Any) -> Floats:
    """The values in the unit of the target, which a model of ours has learned in units of its spread."""
    found = np.asarray(values, float).ravel() * getattr(step, "scale_", 1.0)
    found[-1] += getattr(step, "centre_", 0.0)
    return found


def _of_class(values: Any, width: int, k: int) -> Floats:
    """The log-odds of one class: of two, a library gives one margin, or both, whose difference they are."""
    each = np.asarray(values, float).reshape(-1, width + 1)
    if len(each) == 2:
        return np.asarray(each[k] - each[1 - k])
    return np.asarray(each[k] if len(each) > 1 else each[0] if k else -each[0])
