"""Which rows a step learns and how much each counts; pure, so that a stored order always gives the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..training import MASS_LIMITS

REPLAY = 3
"""Base rows learned again with each new one.

Without any, 150 one-sided corrections cost 25 points on the old data in one pass and 41 in five; with three to one they
cost 0.7 (python -m benchmarks.realtime).
"""

RESERVOIR = 5_000
"""Base rows that replay chooses from, drawn once: a million rows of twenty numbers would hold 160 MB."""


def reservoir(n: int, seed: int, size: int = RESERVOIR) -> npt.NDArray[np.intp]:
    """Places of at most `size` of n rows, each equally likely, in order."""
    if n <= size:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, 0]).choice(n, size, replace=False))


def replayed(size: int, seed: int, place: int, ratio: int = REPLAY) -> npt.NDArray[np.intp]:
    """Places in a reservoir of `size` that step number `place` learns again, (ratio,), drawn with replacement."""
    if not size:
        return np.zeros(0, dtype=np.intp)
    # The lesson's place alone decides, not how many steps were made at a time: an undo leaves the others as they are.
    return np.random.default_rng([seed, 1, place]).integers(size, size=ratio)


def weights(
    labels: Sequence[str], prior: Mapping[str, float], taught: Mapping[str, int], ratio: int = REPLAY
) -> npt.NDArray[np.float64]:
    """Weight per row of a step, (m,) within MASS_LIMITS.

    Reviewers see the hard classes more often than they occur, so each class is brought back to its share of the base
    rows. prior: that share. taught: lessons so far by label, this one included; each came with `ratio` rows of replay.
    """
    n = sum(taught.values())
    factors = []
    for label in labels:
        share = (ratio * n * prior.get(label, 0.0) + taught.get(label, 0)) / ((ratio + 1) * n)
        factors.append(prior.get(label, share) / share)
    return np.asarray(np.clip(factors, *MASS_LIMITS))


def kept(places: Sequence[int], every: int, newest: int = 5) -> list[int]:
    """Which copies of a model are kept of those made at some places, in order: one a doubling of the way back.

    every: lessons between two places; the last `newest` are all kept. An undo d lessons back then learns less than
    2 max(d, every) of them again, and of n lessons there are about newest + 2 log2(n / every) copies.
    """
    if not places:
        return []
    left = []
    for place in places:
        back = (places[-1] - place) // every
        # Each step is a multiple of the one before: what a later turn needs, none before it has thrown away.
        step = every * 2 ** max(0, (back // newest).bit_length())
        if back < newest or place % step == 0:
            left.append(place)
    return left


def common(before: Sequence[object], now: Sequence[object]) -> int:
    """How many of the first lessons are the same in both orders."""
    for place, (old, new) in enumerate(zip(before, now, strict=False)):
        if old != new:
            return place
    return min(len(before), len(now))
