"""Models: one file per framework or estimator, found by name."""

from . import (
    anomaly,
    hist_gradient_boosting,
    keras,
    lightgbm,
    logistic_regression,
    onnx_model,
    own_estimator,
    random_forest,
    ridge,
    river,
    sgd,
    torch,
    xgboost,
)
from .registry import BUILDERS, Builder, available, builder, choices, for_task, spoken, title

__all__ = [
    "BUILDERS",
    "Builder",
    "anomaly",
    "available",
    "builder",
    "choices",
    "for_task",
    "hist_gradient_boosting",
    "keras",
    "lightgbm",
    "logistic_regression",
    "onnx_model",
    "own_estimator",
    "random_forest",
    "ridge",
    "river",
    "sgd",
    "spoken",
    "title",
    "torch",
    "xgboost",
]
