"""Comparable numbers for each input, in which near means similar: for novelty, density and clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 64
"""Wider inputs are projected to this many features; distances keep their size within about 12 % (1 / sqrt(64))."""

REACH = 5.0
"""Numbers further out, in standard deviations, count as this far: one broken sensor is not worth a whole cluster."""


class Features:
    """Features (n, f) float32 of what a pipeline's `prepare` step gives, fitted to the rows it has learned from.

    Numbers are standardised, pixels scaled to at most 1, everything else is taken as it is; inputs wider than WIDTH
    are reduced by a Gaussian projection of fixed seed (Johnson and Lindenstrauss, 1984), sparse ones without
    ever being dense.
    """

    def __init__(self, prepare: Any, prepared: Any) -> None:
        width = prepared.shape[1]
        self._scale = np.ones(width, dtype=np.float32)
        self._centre = np.zeros(width, dtype=np.float32)
        self._numbers = np.zeros(width, dtype=bool)
        for name, part in getattr(prepare, "output_indices_", {}).items():
            if name not in ("number", "timestamp", "category", "image"):
                continue
            block = _dense(prepared[:, part])
            if name in ("number", "timestamp"):
                self._numbers[part] = True
                self._centre[part] = block.mean(axis=0)
                self._scale[part] = _safe(block.std(axis=0))
            elif name == "category":
                self._scale[part] = np.maximum(block.std(axis=0), 1)  # ordinal codes; one-hot columns stay
            elif name == "image":
                self._scale[part] = _safe(np.abs(block).max(initial=0.0))
        self._projection = None
        if width > WIDTH:
            draw = np.random.default_rng(0).standard_normal((width, WIDTH), dtype=np.float32)
            self._projection = draw / np.float32(np.sqrt(WIDTH)) / self._scale[:, None]

    def of(self, prepared: Any) -> npt.NDArray[np.float32]:
        """Features (n, f) of prepared rows (n, w), f <= WIDTH."""
        if self._projection is not None:
            return np.asarray(prepared @ self._projection, dtype=np.float32)
        rows = (_dense(prepared) - self._centre) / self._scale
        rows[:, self._numbers] = np.clip(rows[:, self._numbers], -REACH, REACH)
        return np.asarray(rows, dtype=np.float32)


def _dense(block: Any) -> npt.NDArray[np.float32]:
    return np.asarray(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float32)


def _safe(scale: Any) -> Any:
    return np.where(scale > 0, scale, 1)
