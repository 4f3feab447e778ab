"""Spread of the probability over all classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy
from .spread import spread


@strategy("entropy")
def entropy(pool: Pool) -> npt.NDArray[np.floating]:
    """Shannon entropy as a share of its maximum, shape (n,), in [0, 1].

    Falls below random on sets with many classes: it also rises for probability spread over hopeless ones.
    """
    return spread(pool.proba)
