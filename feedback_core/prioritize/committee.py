"""Disagreement of a committee: the trees of a forest, or refits on resampled labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy
from .spread import spread


@strategy("committee", "votes")
def committee(pool: Pool) -> npt.NDArray[np.floating]:
    """Vote entropy as a share of its maximum, shape (n,), in [0, 1]; 0 when all members agree.

    Source: Dagan and Engelson (1995).
    """
    return spread(pool.fact("votes"))
