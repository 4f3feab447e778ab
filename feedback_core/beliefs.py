"""How probable a model's numbers make what a reviewer said, and how far they are from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from . import multilabel
from .types import Project

Floats = npt.NDArray[np.floating[Any]]


class Beliefs(Protocol):
    """Targets by number, -1 for none or an unknown one, and what numbers of a model say about them."""

    def number(self, target: str | None) -> int:
        """The number of a target."""

    def of(self, proba: Floats, number: int) -> tuple[float, float]:
        """Probability of a target by one row of numbers, (c,), and the distance |p - y| from its own row y."""

    def of_rows(self, proba: Floats, numbers: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """The same of rows (n, c), both (n,)."""


class OfClasses:
    """Targets are the columns of the numbers."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._place = {label: n for n, label in enumerate(labels)}

    def number(self, target: str | None) -> int:
        return -1 if target is None else self._place.get(target, -1)

    def of(self, proba: Floats, number: int) -> tuple[float, float]:
        # A label that came into the project after this version was impossible to it.
        given = float(proba[number]) if number < len(proba) else 0.0
        # |p - onehot|^2 = |p|^2 - 2 p_given + 1; a rounding below zero is zero.
        return given, math.sqrt(max(float(proba @ proba) - 2 * given + 1, 0.0))

    def of_rows(self, proba: Floats, numbers: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        given = proba[np.arange(len(numbers)), numbers]
        return given, np.sqrt(np.maximum((proba * proba).sum(axis=1) - 2 * given + 1, 0))


class OfSets:
    """Targets are sets of labels, numbered as they come; columns are probabilities of labels by themselves."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels, self._place, self._rows = labels, dict[str, int](), list[npt.NDArray[np.bool_]]()

    def number(self, target: str | None) -> int:
        if target is None:
            return -1
        if target not in self._place:
            self._place[target] = len(self._rows)
            self._rows.append(multilabel.indicator([target], self._labels)[0])
        return self._place[target]

    def of(self, proba: Floats, number: int) -> tuple[float, float]:
        bears, known = self._rows[number], len(proba)
        own = bears[:known]
        given = 0.0 if bears[known:].any() else float(np.where(own, proba, 1 - proba).prod())
        return given, math.sqrt(float(((proba - own) ** 2).sum()) + float(bears[known:].sum()))

    def of_rows(self, proba: Floats, numbers: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        said = [self.of(row, number) for row, number in zip(proba, numbers.tolist(), strict=True)]
        return np.asarray([given for given, _ in said]), np.asarray([error for _, error in said])


def beliefs(project: Project) -> Beliefs:
    """Those of a project's targets."""
    return OfSets(project.labels) if project.task == "multilabel" else OfClasses(project.labels)
