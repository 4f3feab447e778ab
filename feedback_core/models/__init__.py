"""Models: one file per framework or estimator, found by name."""

from . import hist_gradient_boosting, logistic_regression, own_estimator, random_forest, sgd
from .registry import BUILDERS, Builder

__all__ = [
    "BUILDERS",
    "Builder",
    "hist_gradient_boosting",
    "logistic_regression",
    "own_estimator",
    "random_forest",
    "sgd",
]
