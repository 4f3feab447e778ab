"""Parameters of a model that is a network: what its training takes, and what its factory takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

TRAINING = ("epochs", "batch_size", "learning_rate", "random_state")
"""What every network's training takes; everything else is its factory's."""


def settings_of(factory: Callable[..., Any], seed: int, params: Mapping[str, Any], *given: str) -> dict[str, Any]:
    """Arguments of a network's estimator. given: what the factory is called with beside width and outputs.

    Raises TypeError for what neither takes.
    """
    options = {name: value for name, value in params.items() if name not in TRAINING}
    signature(factory).bind(1, 1, **dict.fromkeys(given), **options)
    return {"random_state": seed, **{name: params[name] for name in TRAINING if name in params}, "options": options}
