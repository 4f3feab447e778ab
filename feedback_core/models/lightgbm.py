"""LightGBM: boosted trees that stay quick on many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.lightgbm"


@builder(
    "lightgbm",
    title="LightGBM",
    help="boosted trees, quick on many rows",
    framework="LightGBM",
    extra="lightgbm",
    package="lightgbm",
    tasks=("classification", "regression"),
    explain="tree",
    artifact="skops + LightGBM's text",
    trusted=(f"{_HOME}.LightGBMClassifier", f"{_HOME}.LightGBMRegressor"),
)
def lightgbm(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """100 rounds by default; params are LightGBM's."""
    from sklearn.pipeline import Pipeline

    from .estimators.lightgbm import LightGBMClassifier, LightGBMRegressor

    boosting = LightGBMRegressor if task == "regression" else LightGBMClassifier
    model = boosting(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False, dense=True)), ("model", model)])
