"""Models: one file per framework or estimator, found by name."""

from . import hist_gradient_boosting, logistic_regression, own_estimator, random_forest, ridge, sgd
from .registry import BUILDERS, Builder, available, builder, choices, for_task, spoken, title

__all__ = [
    "BUILDERS",
    "Builder",
    "available",
    "builder",
    "choices",
    "for_task",
    "hist_gradient_boosting",
    "logistic_regression",
    "own_estimator",
    "random_forest",
    "ridge",
    "sgd",
    "spoken",
    "title",
]
