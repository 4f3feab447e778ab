"""Random forest: strong on mixed columns without tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "random_forest",
    title="Random forest",
    help="strong on mixed columns without tuning",
    tasks=("classification", "regression"),
    explain="tree",
)
def random_forest(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """100 trees by default; params are scikit-learn's."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import Pipeline

    forest = RandomForestRegressor if task == "regression" else RandomForestClassifier
    model = forest(**{"n_estimators": 100, "random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False)), ("model", model)])
