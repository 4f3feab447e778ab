"""Stored rows become a fitted model: the one path that a retrain and the rebuild of a version share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake, training
from .models import BUILDERS
from .types import Schema


def fit(
    schema: Schema,
    estimator: str,
    params: Mapping[str, Any],
    seed: int,
    inputs: Sequence[str],
    labels: Sequence[str],
    weights: npt.NDArray[np.float64],
) -> Any:
    """A fitted pipeline, the same one for the same arguments and library versions.

    inputs, labels, weights: (n,), inputs as stored; their order matters. Raises CannotTrain.
    """
    unfitted = BUILDERS[estimator](schema, seed, params)
    return training.fit(unfitted, intake.decode(inputs, schema), labels, weights)
