"""A scikit-learn estimator that the caller brings, kept as its import path and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import InvalidInput
from ..types import Schema
from .preprocessing import preprocessor
from .registry import builder


@builder(
    "own_estimator",
    title="An estimator of scikit-learn, from Python",
    tasks=("classification", "regression"),
    increments=None,
    weights=None,
    offered=False,
)
def own_estimator(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    """The estimator class named in `params["path"]`, with the other params, on unscaled inputs."""
    from sklearn.pipeline import Pipeline

    rest = dict(params)
    model = _class(str(rest.pop("path", "")))(**rest)
    if "random_state" in model.get_params() and "random_state" not in rest:
        model.set_params(random_state=seed)
    return Pipeline([("prepare", preprocessor(schema, scale=False)), ("model", model)])


def recipe(estimator: Any) -> dict[str, Any]:
    """Params from which `own_estimator` builds an equal one; only what differs from the defaults.

    Raises InvalidInput for a class of another library and for one without probabilities.
    """
    kind = type(estimator)
    path = f"{kind.__module__}.{kind.__qualname__}"
    _class(path)
    if not hasattr(estimator, "predict_proba"):
        raise InvalidInput(f"{kind.__qualname__} gives no probabilities to rank the queue by: use one with them.")
    defaults = kind().get_params()
    changed = {name: value for name, value in estimator.get_params().items() if value != defaults[name]}
    return {"path": path} | changed


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    # Importing runs code: only the installed library's own classes may be named by a database row.
    if not module.startswith("sklearn."):
        raise InvalidInput(f"path={path!r} is not a scikit-learn class: register a builder for it instead.")
    return getattr(import_module(module), name)
