"""Histogram gradient boosting: the strongest on tables of some thousand rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder("hist_gradient_boosting")
def hist_gradient_boosting(schema: Schema, seed: int, params: Mapping[str, Any]) -> Any:
    """scikit-learn's LightGBM-like boosting; params are scikit-learn's."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

    model = HistGradientBoostingClassifier(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, scale=False, dense=True)), ("model", model)])
