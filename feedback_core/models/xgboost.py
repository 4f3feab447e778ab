"""XGBoost: boosted trees, deep by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.xgboost"


@builder(
    "xgboost",
    title="XGBoost",
    help="boosted trees, often the best on tables",
    framework="XGBoost",
    extra="xgboost",
    package="xgboost",
    tasks=("classification", "regression"),
    explain="tree",
    artifact="skops + XGBoost's JSON",
    trusted=(f"{_HOME}.XGBoostClassifier", f"{_HOME}.XGBoostRegressor"),
)
def xgboost(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """100 rounds by default; params are XGBoost's."""
    from sklearn.pipeline import Pipeline

    from .estimators.xgboost import XGBoostClassifier, XGBoostRegressor

    boosting = XGBoostRegressor if task == "regression" else XGBoostClassifier
    model = boosting(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False, dense=True)), ("model", model)])
