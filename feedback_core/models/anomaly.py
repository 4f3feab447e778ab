"""Detectors of anomalies that need no labels and learn from answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "feedback_iforest",
    title="Isolation forest with feedback",
    help="finds what is strange in the whole table; a good first choice",
    tasks=("anomaly",),
    explain="tree",
    trusted=("feedback_core.models.iforest_feedback.FeedbackIForest",),
)
def feedback_iforest(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """Isolation forest with leaves weighted by answers; params are those of FeedbackIForest."""
    from sklearn.pipeline import Pipeline

    from .iforest_feedback import FeedbackIForest

    model = FeedbackIForest(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, dense=True)), ("model", model)])


@builder(
    "feedback_neighbours",
    title="Nearest neighbours with feedback",
    help="finds what is strange among rows like it; slower",
    tasks=("anomaly",),
    explain="distance",
    trusted=("feedback_core.models.knn_feedback.FeedbackNeighbours",),
)
def feedback_neighbours(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """Distances to neighbours, bent by answers in the leaves of a forest; params are those of FeedbackNeighbours."""
    from sklearn.pipeline import Pipeline

    from .knn_feedback import FeedbackNeighbours

    model = FeedbackNeighbours(**{"random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema, dense=True)), ("model", model)])
