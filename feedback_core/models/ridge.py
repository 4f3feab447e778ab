"""Ridge regression on scaled inputs: the quick default for numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "ridge",
    title="Ridge regression",
    help="quick and linear, good on text and few rows",
    tasks=("regression",),
    explain="linear",
)
def ridge(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """L2-regularised least squares; params are scikit-learn's."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline

    model = Ridge(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema)), ("model", model)])
