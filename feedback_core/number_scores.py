"""How far off a version is that predicts numbers, on rows it never saw: every number with its interval and its n."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .intervals import mean, mean_error, plain, wilson

Floats = npt.NDArray[np.float64]


def number_scores(truth: Floats, value: Floats, tolerance: float) -> dict[str, Any]:
    """Every score of one version on one set of rows, as plain JSON values, all but the shares in the numbers' unit.

    truth, value: (n,). error: mean absolute error. bias: mean of prediction minus truth. middle: median absolute
    error. q99: absolute error that one row in a hundred exceeds. within: share of rows off by at most the tolerance.
    explained: share of the variance that is explained, R squared, None where there is no variance.
    """
    off = value - truth
    wrong = np.abs(off)
    total = float(((truth - truth.mean()) ** 2).sum()) if len(truth) else 0.0
    return {
        "error": plain(mean_error(wrong)),
        "bias": plain(mean(off)),
        "middle": float(np.median(wrong)) if len(wrong) else None,
        "q99": float(np.quantile(wrong, 0.99)) if len(wrong) else None,
        "within": plain(wilson(int((wrong <= tolerance).sum()), len(wrong))),
        "explained": 1 - float((off**2).sum()) / total if total else None,
    }
