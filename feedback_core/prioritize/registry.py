"""Priority strategies by name: what is known about n predictions -> a raw score per item, higher = ask sooner."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..registry import Registry

Array = npt.NDArray[np.floating]
Rows = npt.NDArray[np.intp]
Need = Literal["features", "labelled", "sample", "votes"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What costs more than probabilities, of m rows; None when nobody asked for it.

    features: (m, f) comparable numbers. labelled: (l, f) features of the rows the model has learned from. sample:
    (s, f) features of a uniform sample of the open items. votes: (m, c) share of a committee that names each class.
    """

    features: Array | None = None
    labelled: Array | None = None
    sample: Array | None = None
    votes: Array | None = None


Look = Callable[[Rows, frozenset[Need]], Facts]
"""Finds the named facts about some rows of a pool; called at most once a blend."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Predictions to rank.

    proba: (n, k). class_share: (k,) share of each class among the training labels. rng: for strategies that draw.
    is_open: (n,) items nobody has decided on, None for all. known: labels the model has learned from, None for plenty.
    look: where `blend` finds facts that a strategy needs. stands_for: (n,) items each row stands for in the
    ranking, None for one each; more than one for rows of a sample.
    """

    proba: Array
    class_share: Array
    rng: np.random.Generator
    is_open: npt.NDArray[np.bool_] | None = None
    known: int | None = None
    look: Look | None = None
    facts: Facts = field(default_factory=Facts)
    stands_for: Array | None = None

    def fact(self, need: Need) -> Array:
        """One of the facts. Raises InvalidInput when the pool was built without."""
        found: Array | None = getattr(self.facts, need)
        if found is None:
            raise InvalidInput(f"This pool has no {need}: name them under @strategy(..., {need!r}) and give it a look.")
        return found

    def at(self, rows: Rows, needs: frozenset[Need]) -> Pool:
        """Some rows alone, with the facts about them."""
        # Without a look the pool may hold the facts already.
        facts = self.look(rows, needs) if self.look else _facts_at(self.facts, rows)
        is_open = None if self.is_open is None else self.is_open[rows]
        stands_for = None if self.stands_for is None else self.stands_for[rows]
        return Pool(self.proba[rows], self.class_share, self.rng, is_open, self.known, None, facts, stands_for)


def _facts_at(facts: Facts, rows: Rows) -> Facts:
    features = None if facts.features is None else facts.features[rows]
    return Facts(features, facts.labelled, facts.sample, None if facts.votes is None else facts.votes[rows])


@dataclass(frozen=True, slots=True)
class Strategy:
    """A rule (Pool) -> (n,) in [0, 1] and the facts it reads beside the probabilities."""

    rule: Callable[[Pool], Array]
    needs: frozenset[Need]

    @property
    def what(self) -> str:
        """What it puts first, in one sentence: that of the file it stands in."""
        return (sys.modules[self.rule.__module__].__doc__ or "").split("\n")[0]

    def __call__(self, pool: Pool) -> Array:
        return self.rule(pool)


STRATEGIES: Registry[Strategy] = Registry("strategy")


def strategy(name: str, *needs: Need) -> Callable[[Callable[[Pool], Array]], Callable[[Pool], Array]]:
    """Decorator that files a rule under a name, with the facts it needs; nothing else is looked up for it."""

    def add(rule: Callable[[Pool], Array]) -> Callable[[Pool], Array]:
        STRATEGIES.register(name)(Strategy(rule, frozenset(needs)))
        return rule

    return add
