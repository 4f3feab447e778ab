"""Predicted numbers that may be far off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .margin import margin
from .registry import Pool, strategy


@strategy("width")
def width(pool: Pool) -> npt.NDArray[np.floating]:
    """How wide the interval of a predicted number is among all open ones, as a rank, shape (n,), in [0, 1].

    Reads the two columns that the task of predicting a number puts in place of class probabilities.
    """
    return margin(pool)
