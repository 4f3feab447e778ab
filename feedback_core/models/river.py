"""River: learners that take one row at a time, and any of that style that is registered under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from ..types import Schema
from .factories import LEARNERS, Stream
from .preprocessing import preprocessor
from .registry import builder

_HOME = "feedback_core.models.estimators.one_by_one"


def stream_learner(
    name: str,
    *,
    title: str,
    dump: Callable[[Any], Any],
    restore: Callable[[Any, Any], None],
    help: str = "",
    weights: bool = False,
    framework: str = "River",
    extra: str = "river",
    package: str = "river",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that files a factory of learners in River's style, and with it a model of that name."""

    def add(make: Callable[..., Any]) -> Callable[..., Any]:
        LEARNERS.register(name)(Stream(make, dump, restore, weights))

        @builder(
            name,
            title=title,
            help=help,
            framework=framework,
            extra=extra,
            package=package,
            increments=True,
            weights=weights,
            artifact="skops + JSON",
            trusted=(f"{_HOME}.{'Weighted' if weights else ''}OneByOneClassifier",),
        )
        def build(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
            from sklearn.pipeline import Pipeline

            from .estimators.one_by_one import OneByOneClassifier, WeightedOneByOneClassifier

            learner = WeightedOneByOneClassifier if weights else OneByOneClassifier
            options = {name: value for name, value in params.items() if name not in ("epochs", "random_state")}
            signature(make).bind(2, **options)
            own = {name: params[name] for name in ("epochs", "random_state") if name in params}
            model = learner(name, **{"random_state": seed, "options": options, **own})
            return Pipeline([("prepare", preprocessor(schema)), ("model", model)])

        return make

    return add


def _dump(learner: Any) -> Any:
    return [
        [list(map(list, one.weights.items())), one.intercept, one.optimizer.n_iterations] for one in learner.members
    ]


def _restore(learner: Any, state: Any) -> None:
    from river.utils import VectorDict

    for one, (weights, intercept, steps) in zip(learner.members, state, strict=True):
        one._weights = VectorDict(dict(weights), one.initializer)
        one.intercept = intercept
        one.optimizer.n_iterations = steps


@stream_learner(
    "river_logistic",
    title="River logistic regression",
    help="linear, learns row by row, never looks back",
    weights=True,
    dump=_dump,
    restore=_restore,
)
def river_logistic(classes: int, learning_rate: float = 0.03, l2: float = 0.0) -> Any:
    """River's logistic regression, one class against the rest."""
    from .estimators.one_by_one import OneAgainstRest

    return OneAgainstRest(classes, learning_rate, l2)
