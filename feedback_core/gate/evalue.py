"""Evidence that may be looked at after every row: the e-value of a stream of paired rows."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt


@cache
def _rule() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Nodes and weights of the average over bets; 400 give log e to 1e-9 up to 10,000 discordant rows.

    Made when it is first asked for: they take up to 1.2 CPU seconds, two BLAS threads spinning.
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    return nodes, weights


def log_e_value(gains: npt.NDArray[np.float64], most: float = 1.0) -> float:
    """Logarithm of the evidence against "no gain", valid whenever one stops: chance of ever reaching e is at most 1/e.

    gains: (n,), champion's loss minus challenger's. most: the largest loss a row can have, fixed beforehand. It is the
    wealth of somebody who bets every share from 0 to 1 of it, in equal parts, on a gain in each row. Where every row
    counts the same it is the mixture of Beta(1, 1) on theta in (1/2, 1):
    betaln(b+1, c+1) + log sf_Beta(b+1, c+1)(1/2) - log(1/2) + (b+c) log 2 for b rows gained and c lost.
    Source: Ville (1939); Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting (2024).
    """
    sizes, counts = np.unique(gains[gains != 0] / most, return_counts=True)
    return _log_wealth(sizes, counts)


def p_of_bet(gains: npt.NDArray[np.float64], most: float = 1.0) -> float:
    """One-sided p of "no gain on average" for rows that count differently: 1 / e, at most 1.

    gains: (n,), champion's loss minus challenger's. most: the largest loss a row can have, known before the rows were
    seen. Random signs would not do: they test that each single row is as likely gained as lost, and a version that
    gains on many cheap rows what it loses on a few dear ones is no better and yet fails that. Rows need not be alike:
    the product of their mean wealths is largest where all means are equal. Source: Markov's inequality on log_e_value.
    """
    return min(1.0, math.exp(-max(log_e_value(gains, most), 0.0)))


def _log_wealth(sizes: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> float:
    if not len(sizes):
        return 0.0
    # The wealth peaks sharply somewhere in (0, 1): the nodes are put where it is, the rest being negligible.
    low, high = _support(sizes, counts)
    nodes, weights = _rule()
    bets = low + (high - low) * (nodes + 1) / 2
    logs = (counts[:, None] * np.log1p(sizes[:, None] * bets)).sum(axis=0)
    peak = float(logs.max())
    return peak + math.log(float((weights * np.exp(logs - peak)).sum()) * (high - low) / 2)


def _support(sizes: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Where the wealth is within a factor e^-40 of its largest, in [0, 1]."""
    grid = np.linspace(0, 1, 2_001)
    with np.errstate(divide="ignore"):
        logs = (counts[:, None] * np.log1p(sizes[:, None] * grid)).sum(axis=0)
    near = np.flatnonzero(logs >= logs.max() - 40)
    return float(grid[max(near[0] - 1, 0)]), float(grid[min(near[-1] + 1, len(grid) - 1)])
