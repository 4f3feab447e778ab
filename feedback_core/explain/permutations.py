"""Shapley values of any function by permutations: players join one by one, in an order and in its reverse.

Source: Castro, Gomez and Tejada (2009); orders in pairs with their reverse: Mitchell et al. (2022).
Whatever the orders, the values sum to the output minus the base, because each order's steps do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

PAIRS = 25
"""Correlation with exact values 0.94 to 0.99 at 20 to 50 features, 4 to 50 ms (python -m benchmarks.explain)."""

CELLS = 2**22
"""Cells of mixtures made at a time."""


@dataclass(frozen=True, slots=True)
class Shares:
    """values: (p,) what each player adds; base: mean output of the backgrounds; samples: mixtures asked about."""

    values: npt.NDArray[np.float64]
    base: float
    output: float
    samples: int


def shapley(
    players: int,
    ask: Callable[[Mask, npt.NDArray[np.intp]], Floats],
    rng: np.random.Generator,
    *,
    pairs: int = PAIRS,
    most: int = 5_000,
    backgrounds: int = PAIRS,
) -> Shares:
    """Estimate each player's share.

    ask: (own (m, p), background (m,)) -> outputs (m,), where `own` says which players keep their own value, the others
    taking that of the numbered background. most: mixtures asked about at most, where more than two pairs fit.
    """
    pairs = max(2, min(pairs, most // (2 * (players + 1))))
    drawn = rng.permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
    rank = np.argsort(np.concatenate([drawn, drawn[:, ::-1]]), axis=1)
    # Each pair shares a background: the difference of two orders is then not one of two backgrounds.
    source = np.tile(np.arange(pairs) % backgrounds, 2)
    outputs = np.concatenate([_asked(rank[some], source[some], ask) for some in _pieces(len(rank), players)])
    steps = np.take_along_axis(np.diff(outputs, axis=1), rank, axis=1)
    return Shares(steps.mean(axis=0), float(outputs[:, 0].mean()), float(outputs[:, -1].mean()), outputs.size)


def _asked(rank: npt.NDArray[np.intp], source: npt.NDArray[np.intp], ask: Callable[..., Floats]) -> Floats:
    """Outputs (orders, players + 1) as the players join."""
    joined = np.arange(rank.shape[1] + 1)
    own = rank[:, None, :] < joined[:, None]
    flat = own.reshape(-1, rank.shape[1])
    return np.asarray(ask(flat, np.repeat(source, len(joined))), float).reshape(len(rank), len(joined))


def _pieces(orders: int, players: int) -> list[slice]:
    step = max(1, CELLS // (players * (players + 1)))
    return [slice(start, start + step) for start in range(0, orders, step)]
