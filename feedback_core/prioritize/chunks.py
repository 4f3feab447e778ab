"""Row-wise rules over many rows in pieces that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

CELLS = 2**17
"""Cells per piece: half a megabyte of float32, so temporary memory is that of one piece whatever the number of rows.
Margin on 1M x 10 took 17 ms so, 22 ms in pieces a quarter as large, and the same in larger ones."""


def by_chunks(
    rule: Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]], rows: npt.NDArray[np.floating], width: int = 0
) -> npt.NDArray[np.float32]:
    """rule: (m, d) -> (m,), applied piece by piece to rows (n, d). width: cells the rule needs a row, d if 0."""
    step = max(1, CELLS // max(width or rows.shape[1], 1))
    out = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), step):
        out[start : start + step] = rule(rows[start : start + step])
    return out
