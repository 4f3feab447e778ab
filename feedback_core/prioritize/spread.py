"""Shannon entropy of shares, the formula that entropy and committee have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .chunks import by_chunks


def spread(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Entropy of each row (n, c) as a share of its maximum, shape (n,), in [0, 1]."""
    return by_chunks(_entropy, shares)


def _entropy(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    clipped = np.clip(shares, 1e-12, 1)
    total = -(clipped * np.log(clipped)).sum(axis=1) / np.log(max(shares.shape[1], 2))
    return np.asarray(np.clip(total, 0, 1))
