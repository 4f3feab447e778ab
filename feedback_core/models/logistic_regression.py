"""Logistic regression on scaled inputs: the quick, calibrated default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "logistic_regression",
    title="Logistic regression",
    help="quick, calibrated, good on text and few rows",
    explain="linear",
)
def logistic_regression(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """L2-regularised multinomial logistic regression; params are scikit-learn's."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    model = LogisticRegression(**{"max_iter": 2_000, "random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema)), ("model", model)])
