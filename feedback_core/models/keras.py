"""Keras 3: a network of ours, and any `keras.Model` that is registered under a name; on PyTorch or TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..types import Schema
from .factories import KERAS_MODELS, Factory
from .networks import settings_of
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.keras"


def keras_network(name: str, *, title: str, help: str = "") -> Callable[[Factory], Factory]:
    """Decorator that files a factory of Keras models under a name, and with it a model of that name.

    The model takes float32 rows (n, width) and gives (n, outputs): a logit for each class, or one number. Layers of
    the caller's own need `keras.saving.register_keras_serializable`. Seed its initializers with `seed`.
    """

    def add(factory: Factory) -> Factory:
        KERAS_MODELS.register(name)(factory)

        @builder(
            name,
            title=title,
            help=help,
            framework="Keras",
            extra="keras",
            package="keras",
            tasks=("classification", "regression"),
            increments=True,
            artifact="skops + .keras in safe mode",
            trusted=(f"{_HOME}.KerasClassifier", f"{_HOME}.KerasRegressor"),
        )
        def build(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
            from sklearn.pipeline import Pipeline

            from .estimators.keras import KerasClassifier, KerasRegressor

            network = KerasRegressor if task == "regression" else KerasClassifier
            model = network(name, **settings_of(factory, seed, params, "seed"))
            return Pipeline([("prepare", preprocessor(schema)), ("model", model)])

        return factory

    return add


@keras_network("keras_mlp", title="Keras network", help="one hidden layer; goes on learning row by row")
def mlp(width: int, outputs: int, seed: int, hidden: int = 64, dropout: float = 0.0) -> Any:
    """One hidden layer. hidden: its neurons. dropout: share of them that is silent in each step."""
    import keras

    start = keras.initializers.GlorotUniform
    return keras.Sequential(
        [
            keras.Input((width,)),
            keras.layers.Dense(hidden, activation="relu", kernel_initializer=start(seed)),
            keras.layers.Dropout(dropout, seed=seed),
            keras.layers.Dense(outputs, kernel_initializer=start(seed + 1)),
        ]
    )
