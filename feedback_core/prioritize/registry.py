"""Priority strategies by name: what is known about n predictions -> a raw score per item, higher = ask sooner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..registry import Registry


@dataclass(frozen=True, slots=True)
class Pool:
    """Predictions to rank.

    proba: (n, k). class_share: (k,) share of each class among the training labels. rng: for strategies that draw.
    is_open: (n,) items nobody has decided on, None for all.
    """

    proba: npt.NDArray[np.floating]
    class_share: npt.NDArray[np.floating]
    rng: np.random.Generator
    is_open: npt.NDArray[np.bool_] | None = None


Strategy = Callable[[Pool], npt.NDArray[np.floating]]

STRATEGIES: Registry[Strategy] = Registry("strategy")
strategy = STRATEGIES.register
