"""Histogram gradient boosting: the strongest on tables of some thousand rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "hist_gradient_boosting",
    title="Histogram gradient boosting",
    help="strongest from some thousand rows",
    tasks=("classification", "regression"),
    explain="tree",
)
def hist_gradient_boosting(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """scikit-learn's LightGBM-like boosting; params are scikit-learn's."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    boosting = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = boosting(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False, dense=True)), ("model", model)])
