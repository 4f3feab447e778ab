"""Partial effect: what a model says on average when one column takes one value after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Column

POINTS = 12
"""Values of a number that a curve goes through, and categories it shows at most."""

TAILS = (0.05, 0.95)
"""Shares of the rows between which a curve is drawn: beyond them it rests on next to nothing."""


def grid(column: Column, values: Any) -> list[Any]:
    """Values of a number or category at which its effect is looked at. values: of the rows, decoded."""
    present = values.dropna()
    if column.kind == "category":
        return list(present.value_counts().index[:POINTS])
    return sorted(set(np.quantile(present, np.linspace(*TAILS, POINTS)).tolist())) if len(present) else []


def partial_effect(
    ask: Callable[[Any], npt.NDArray[np.float64]], rows: Any, column: str, values: list[Any]
) -> npt.NDArray[np.float64]:
    """What a model says on average at each value, (v,). ask: decoded rows -> (n,). rows: decoded, (n, ...).

    Source: Friedman (2001), partial dependence.
    """
    every = rows.iloc[np.tile(np.arange(len(rows)), len(values))].reset_index(drop=True)
    every[column] = np.repeat(np.asarray(values, dtype=rows[column].dtype), len(rows))
    return np.asarray(ask(every).reshape(len(values), len(rows)).mean(axis=1))
