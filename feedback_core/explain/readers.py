"""Models that can be read: what each feature or column adds follows from their coefficients or trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .alarms import alarm_reader
from .boosters import OwnValues, own_values_of
from .explanation import Unit, Way
from .linear import Linear, is_linear
from .owners import Owners
from .tree_shapley import MOST_SLOTS, QUICK_SLOTS, TreeShapley
from .trees import trees_of

Floats = npt.NDArray[np.float64]


class Reader(Protocol):
    """One fitted estimator, read. k: position in its `classes_`. A prepared row is (1, w)."""

    way: Way
    unit: Unit

    def reads(self, k: int) -> bool:
        """Whether a row takes no longer than a page may wait."""

    def quick(self, k: int) -> bool:
        """Whether forty rows take no longer than a hand of cards may."""

    def base(self, k: int) -> float: ...

    def columns(self, prepared: Any, k: int) -> Floats:
        """What each of the project's columns adds, (c,)."""

    def features(self, prepared: Any, k: int) -> Floats:
        """What each feature adds, (w,)."""

    def answers(self, prepared: Any) -> float:
        """What people's answers about rows like this one add beside its columns."""


def reader_of(way: Way, step: Any, background: Any, owners: Owners, columns: int) -> Reader | None:
    """How to read a fitted estimator; None for one that can only be asked.

    way: what the registry says of it. A model it calls linear or made of trees may still be none that is read here.
    background: (m, w) prepared rows. owners: (w,) position of the column behind each feature.
    """
    if hasattr(step, "members_"):
        each = [None if m is None else reader_of(way, m, background, owners, columns) for m in step.members_]
        known = [reader for reader in each if reader is not None]
        return _EachReader(each, known[0].way, known[0].unit) if known else None
    if (alarms := alarm_reader(step, background, owners, columns)) is not None:
        return alarms
    if way == "linear" and is_linear(step):
        return _LinearReader(step, background, owners, columns)
    if way == "tree" and (own := own_values_of(step)) is not None:
        return _OwnValuesReader(own, _unit(step, "log-odds"), owners, columns)
    return _TreeReader(step, owners, columns) if way == "tree" and trees_of(step) is not None else None


class _Read:
    """What most readers share: a row takes little time, and nothing counts beside its columns."""

    def reads(self, _k: int) -> bool:
        return True

    def quick(self, _k: int) -> bool:
        return True

    def answers(self, _prepared: Any) -> float:
        return 0.0


class _LinearReader(_Read):
    way: Way = "linear"

    def __init__(self, step: Any, background: Any, owners: Owners, columns: int) -> None:
        self._linear, self._owners, self._columns = Linear(step, background), owners, columns
        self.unit: Unit = _unit(step, "log-odds")

    def base(self, k: int) -> float:
        return self._linear.base(k)

    def columns(self, prepared: Any, k: int) -> Floats:
        return np.bincount(self._owners, self.features(prepared, k), self._columns).astype(float)

    def features(self, prepared: Any, k: int) -> Floats:
        return np.asarray(self._linear.features(prepared, k)[0])


class _EachReader:
    """A classifier for each of several labels; k says which label, and each of them tells it from the rest."""

    def __init__(self, each: Sequence[Reader | None], way: Way, unit: Unit) -> None:
        self._each, self.way, self.unit = each, way, unit

    def reads(self, k: int) -> bool:
        reader = self._each[k]
        return reader is not None and reader.reads(1)

    def quick(self, k: int) -> bool:
        return self._of(k).quick(1)

    def base(self, k: int) -> float:
        return self._of(k).base(1)

    def columns(self, prepared: Any, k: int) -> Floats:
        return self._of(k).columns(prepared, 1)

    def features(self, prepared: Any, k: int) -> Floats:
        return self._of(k).features(prepared, 1)

    def answers(self, _prepared: Any) -> float:
        return 0.0

    def _of(self, k: int) -> Reader:
        reader = self._each[k]
        assert reader is not None  # asked before whether it is read
        return reader


class _TreeReader(_Read):
    way: Way = "tree"

    def __init__(self, step: Any, owners: Owners, columns: int) -> None:
        trees = trees_of(step)
        assert trees is not None  # asked before
        self.unit: Unit = _unit(step, "probability" if trees.single else "log-odds")
        # Prepared when they are asked for: a label that nobody predicts needs no paths.
        self._by_column: Callable[[int], TreeShapley] = cache(lambda k: TreeShapley(trees, k, owners, columns))
        each = np.arange(len(owners))
        self._by_feature: Callable[[int], TreeShapley] = cache(lambda k: TreeShapley(trees, k, each, len(each)))

    def reads(self, k: int) -> bool:
        return self._by_column(k).slots <= MOST_SLOTS

    def quick(self, k: int) -> bool:
        return self._by_column(k).slots <= QUICK_SLOTS

    def base(self, k: int) -> float:
        return self._by_column(k).base

    def columns(self, prepared: Any, k: int) -> Floats:
        return self._by_column(k).of(_row(prepared))

    def features(self, prepared: Any, k: int) -> Floats:
        return self._by_feature(k).of(_row(prepared))


class _OwnValuesReader(_Read):
    way: Way = "tree"

    def __init__(self, own: OwnValues, unit: Unit, owners: Owners, columns: int) -> None:
        self._own, self.unit, self._owners, self._columns = own, unit, owners, columns
        self._base: Callable[[int], float] = cache(lambda k: float(own(np.zeros((1, len(owners))), k)[-1]))

    def base(self, k: int) -> float:
        return self._base(k)  # the same for every row

    def columns(self, prepared: Any, k: int) -> Floats:
        return np.bincount(self._owners, self.features(prepared, k), self._columns).astype(float)

    def features(self, prepared: Any, k: int) -> Floats:
        return self._own(prepared, k)[:-1]


def _unit(step: Any, of_classes: Unit) -> Unit:
    return of_classes if hasattr(step, "classes_") else "number"


def _row(prepared: Any) -> Floats:
    return np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, float).ravel()
