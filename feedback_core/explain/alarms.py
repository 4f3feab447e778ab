"""Detectors of anomalies, read: how much each value adds to what makes a row strange.

How strange a row is in the detector's own unit (how few splits isolate it, how far its neighbours lie) is a sum over
features, and exact. The score bends that unit, but never falls where it grows; so the sum is stretched by the slope
between a usual row and this one, which keeps every sign and share and adds up to the score (the rescale rule of
Shrikumar, Greenside and Kundaje, 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .explanation import Unit, Way
from .owners import Owners
from .tree_shapley import MOST_SLOTS, TreeShapley
from .trees import of_isolation

Floats = npt.NDArray[np.float64]

QUICK_SLOTS = 120_000
"""(leaf, column) pairs up to which a row takes about 5 ms: isolation trees are at most eight splits deep."""


class _Strange(Protocol):
    way: Way
    usual: float

    def columns(self, row: Floats) -> Floats: ...

    def features(self, row: Floats) -> Floats: ...

    def outlyingness(self, raw: float) -> float: ...

    @property
    def slots(self) -> int: ...


class AlarmReader:
    """One detector. The position of a label is not asked for: what is explained is always the alarm."""

    unit: Unit = "score"

    def __init__(self, detector: Any, strange: _Strange) -> None:
        self._detector, self._strange = detector, strange
        self.way: Way = strange.way

    def reads(self, _k: int) -> bool:
        return self._strange.slots <= MOST_SLOTS

    def quick(self, _k: int) -> bool:
        return self._strange.slots <= QUICK_SLOTS

    def base(self, _k: int) -> float:
        return self._score(self._strange.usual)

    def columns(self, prepared: Any, _k: int) -> Floats:
        return self._stretched(self._strange.columns(_row(prepared)))

    def features(self, prepared: Any, _k: int) -> Floats:
        return self._stretched(self._strange.features(_row(prepared)))

    def answers(self, prepared: Any) -> float:
        return float(self._detector.answered(_row(prepared)[None])[0])

    def _score(self, raw: float) -> float:
        return float(self._detector.unassisted(np.asarray([self._strange.outlyingness(raw)]))[0])

    def _stretched(self, amounts: Floats) -> Floats:
        usual, total = self._strange.usual, float(amounts.sum())
        if abs(total) < 1e-9:  # as strange as a usual row: the slope there
            total = 1e-6
        return amounts * (self._score(usual + total) - self._score(usual)) / total


class _Isolated:
    """How few splits isolate a row, by its trees."""

    way: Way = "tree"

    def __init__(self, forest: Any, owners: Owners, columns: int) -> None:
        trees, each = of_isolation(forest), np.arange(len(owners))
        self._by_column = TreeShapley(trees, 0, owners, columns)
        self._by_feature = TreeShapley(trees, 0, each, len(each))
        self.usual = self._by_column.base
        self.slots = self._by_column.slots

    def columns(self, row: Floats) -> Floats:
        return self._by_column.of(row)

    def features(self, row: Floats) -> Floats:
        return self._by_feature.of(row)

    def outlyingness(self, raw: float) -> float:
        return float(2.0**raw)


class _Apart:
    """How far a row's neighbours lie, against how far those of the background do."""

    way: Way = "distance"
    slots = 0

    def __init__(self, detector: Any, background: Any, owners: Owners, columns: int) -> None:
        self._parts: Callable[[Any], Floats] = detector.distance_parts
        self._owners, self._columns = owners, columns
        self._usual = self._parts(np.asarray(background, np.float32)).mean(axis=0)
        self.usual = float(self._usual.sum())

    def columns(self, row: Floats) -> Floats:
        return np.bincount(self._owners, self.features(row), self._columns).astype(float)

    def features(self, row: Floats) -> Floats:
        return np.asarray(self._parts(row[None].astype(np.float32))[0] - self._usual)

    def outlyingness(self, raw: float) -> float:
        return float(np.log1p(max(raw, 0.0)))


def alarm_reader(step: Any, background: Any, owners: Owners, columns: int) -> AlarmReader | None:
    """A detector that answers bend, ready to be read; None for any other model."""
    if hasattr(step, "distance_parts"):
        return AlarmReader(step, _Apart(step, background, owners, columns))
    return AlarmReader(step, _Isolated(step.forest_, owners, columns)) if hasattr(step, "forest_") else None


def _row(prepared: Any) -> Floats:
    return np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, float).ravel()
