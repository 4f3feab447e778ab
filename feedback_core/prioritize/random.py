"""No preference: the baseline every other strategy has to beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .registry import Pool, strategy


@strategy("random")
def random(pool: Pool) -> npt.NDArray[np.floating]:
    """Uniform random scores, shape (n,), in [0, 1), from the pool's own generator."""
    return pool.rng.random(len(pool.proba))
