"""Label sets that hold the right label with a stated probability, however wrong the model's probabilities are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

COVERAGE = 0.95
"""Share of sets that hold the right label."""


def cut(own: npt.NDArray[np.float64], coverage: float = COVERAGE) -> float | None:
    """Least probability of a label in the set; None with too few rows to say.

    own: (n,) probability of the right label, of rows the model never learned from and that nobody chose: calibrated on
    corrections, sets grow to several labels and cover too much. Source: Sadinle et al. (2019), split conformal.
    """
    n = len(own)
    rank = math.floor((n + 1) * (1 - coverage))
    return float(np.sort(own)[rank - 1]) if rank else None


def label_set(proba: npt.NDArray[np.floating], least: float) -> npt.NDArray[np.intp]:
    """Columns of the labels in the set of one row, most probable first; never empty. proba: (k,)."""
    order = np.argsort(-proba, kind="stable")
    kept = order[proba[order] >= least]
    return kept if len(kept) else order[:1]
