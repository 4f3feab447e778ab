"""skorch: nets that the caller has put together, registered under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from ..types import Schema
from .factories import NETS, Factory
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.skorch"


def skorch_net(name: str, *, title: str, help: str = "", task: str = "classification") -> Callable[[Factory], Factory]:
    """Decorator that files a factory of skorch nets under a name, and with it a model of that name for one task."""

    def add(factory: Factory) -> Factory:
        NETS.register(name)(factory)
        kind = "SkorchRegressor" if task == "regression" else "SkorchClassifier"

        @builder(
            name,
            title=title,
            help=help,
            framework="PyTorch",
            extra="skorch",
            package="skorch",
            tasks=(task,),
            increments=task != "regression",
            weights=False,
            artifact="skops + safetensors",
            trusted=(f"{_HOME}.{kind}",),
        )
        def build(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
            from sklearn.pipeline import Pipeline

            from .estimators import skorch

            options = {name: value for name, value in params.items() if name != "random_state"}
            signature(factory).bind(1, 1, **options)
            own = {"random_state": params.get("random_state", seed), "options": options}
            return Pipeline([("prepare", preprocessor(schema)), ("model", getattr(skorch, kind)(name, **own))])

        return factory

    return add
