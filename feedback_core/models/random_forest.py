"""Random forest: strong on mixed columns without tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder("random_forest")
def random_forest(schema: Schema, seed: int, params: Mapping[str, Any]) -> Any:
    """100 trees by default; params are scikit-learn's."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import Pipeline

    model = RandomForestClassifier(**{"n_estimators": 100, "random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False)), ("model", model)])
