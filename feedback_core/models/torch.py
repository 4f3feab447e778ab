"""PyTorch: a network of ours, and any `nn.Module` that is registered under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..types import Schema
from .factories import MODULES, Factory
from .networks import settings_of
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.torch"


def torch_network(name: str, *, title: str, help: str = "") -> Callable[[Factory], Factory]:
    """Decorator that files a factory of modules under a name, and with it a model of that name.

    The module takes float32 rows (n, width) and gives (n, outputs): a logit for each class, or one number. It is named
    by code that runs here, never by a row of the database.
    """

    def add(factory: Factory) -> Factory:
        MODULES.register(name)(factory)

        @builder(
            name,
            title=title,
            help=help,
            framework="PyTorch",
            extra="torch",
            package="torch",
            tasks=("classification", "regression"),
            increments=True,
            artifact="skops + safetensors",
            trusted=(f"{_HOME}.TorchClassifier", f"{_HOME}.TorchRegressor"),
        )
        def build(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
            from sklearn.pipeline import Pipeline

            from .estimators.torch import TorchClassifier, TorchRegressor

            network = TorchRegressor if task == "regression" else TorchClassifier
            model = network(name, **settings_of(factory, seed, params))
            return Pipeline([("prepare", preprocessor(schema)), ("model", model)])

        return factory

    return add


@torch_network("torch_mlp", title="PyTorch network", help="one hidden layer; goes on learning row by row")
def mlp(width: int, outputs: int, hidden: int = 64, dropout: float = 0.0) -> Any:
    """One hidden layer. hidden: its neurons. dropout: share of them that is silent in each step."""
    from torch import nn

    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))
