"""Models: one file per framework or estimator, found by name."""

from ..environment import model_modules
from . import (
    anomaly,
    cnn,
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
from .keras import keras_network
from .own_models import load_own
from .registry import BUILDERS, Builder, available, builder, choices, explained_by, for_task, spoken, title
from .river import stream_learner
from .skorch import skorch_net
from .torch import torch_network

__all__ = [
    "BUILDERS",
    "Builder",
    "anomaly",
    "available",
    "builder",
    "choices",
    "cnn",
    "explained_by",
    "for_task",
    "hist_gradient_boosting",
    "keras",
    "keras_network",
    "lightgbm",
    "logistic_regression",
    "onnx_model",
    "own_estimator",
    "random_forest",
    "ridge",
    "river",
    "sgd",
    "skorch_net",
    "spoken",
    "stream_learner",
    "title",
    "torch",
    "torch_network",
    "xgboost",
]

# Last, since what is imported registers itself through the names above.
load_own(model_modules())
