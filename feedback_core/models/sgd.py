"""A linear model by stochastic gradient descent: it goes on learning row by row, which real time needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder

ALPHA = 1e-3
"""L2 penalty. Learning 150 shifted rows one by one, old / new accuracy went from 0.924 / 0.362 to 0.908 / 0.411 with
1e-4 and from 0.940 / 0.378 to 0.936 / 0.410 with this (python -m benchmarks.realtime). Weights averaged over the whole
history moved by less than a point: a single row then no longer counts, so they are not averaged."""


@builder("sgd")
def sgd(schema: Schema, seed: int, params: Mapping[str, Any]) -> Any:
    """Logistic loss, one class against the rest; params are scikit-learn's."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import Pipeline

    model = SGDClassifier(**{"loss": "log_loss", "alpha": ALPHA, "random_state": seed, **params})
    return Pipeline([("prepare", preprocessor(schema)), ("model", model)])
