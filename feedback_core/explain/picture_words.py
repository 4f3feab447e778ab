"""Where in a picture lies what moves a prediction most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEAST_SHARE = 0.2
"""Of the strongest ninth, below which another is not worth naming."""

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")


def sentence(heat: Sequence[Sequence[float]], label: str) -> str:
    """Such as "The upper left of the picture pushes most towards 7; the middle pushes most away from it."."""
    ninths = _ninths(np.asarray(heat, dtype=float))
    most = float(np.abs(ninths).max())
    towards, away = (_place(side * ninths, most) for side in (1, -1))
    if not towards and not away:
        return f"No part of the picture moves this prediction: {label} is as likely as for any other."
    if not towards:
        return f"The {away} of the picture pushes most away from {label}."
    said = f"The {towards} of the picture pushes most towards {label}"
    return f"{said}; the {away} pushes most away from it." if away else f"{said}."


def _ninths(heat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums over a grid of three by three; a smaller map keeps its cells."""
    down, across = (np.arange(size) * min(3, size) // size for size in heat.shape)
    sums = np.zeros((3, 3))
    np.add.at(sums, (down[:, None], across[None, :]), heat)
    return sums


def _place(sums: npt.NDArray[np.float64], most: float) -> str:
    """The name of the largest ninth; empty where it is nothing beside the strongest."""
    at = int(sums.argmax())
    if sums.flat[at] < LEAST_SHARE * most or sums.flat[at] <= 0:
        return ""
    row, column = ROWS[at // 3], COLUMNS[at % 3]
    if row == column:
        return "middle"
    return f"{row} {column}" if "middle" not in (row, column) else f"{row if column == 'middle' else column} part"
