"""What makes the networks and learners of frameworks, by name; a row of the database holds the name alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..registry import Registry

Factory = Callable[..., Any]
"""(width, outputs, **options) -> a network, unfitted."""

MODULES: Registry[Factory] = Registry("PyTorch network")
"""Each gives an `nn.Module`; a class of such modules is one."""

NETS: Registry[Factory] = Registry("skorch net")
"""Each gives a `skorch.NeuralNetClassifier`, or a `NeuralNetRegressor`."""

KERAS_MODELS: Registry[Factory] = Registry("Keras network")
"""Each gives a `keras.Model` and takes a `seed`, too."""


@dataclass(frozen=True, slots=True)
class Stream:
    """How a learner in River's style is made, and its state as JSON values and back.

    make: (classes, **options) -> what has `learn_one(row, label)`, with `w=` where it takes weights, and
    `predict_proba_one(row)`; rows are {column: value} without zeros, labels 0..classes-1. dump, restore: the safe file.
    """

    make: Callable[..., Any]
    dump: Callable[[Any], Any]
    restore: Callable[[Any, Any], None]
    weights: bool


LEARNERS: Registry[Stream] = Registry("learner")
