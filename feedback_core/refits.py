"""Refits of one recipe on parts of its training rows, judged on rows that stay the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import intake, tasks
from .types import Project

BUDGET_S = 60.0
"""CPU seconds that all refits of a study may take; beyond it something cheaper takes their place."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is fitted, apart from rows and seed."""

    estimator: str
    params: Mapping[str, Any]


class Refits:
    """Training rows decoded once, to be refitted on in parts."""

    def __init__(
        self,
        project: Project,
        recipe: Recipe,
        inputs: Sequence[str],
        labels: Sequence[str] | npt.NDArray[np.object_],
        weights: Sequence[float] | npt.NDArray[np.float64],
        *,
        timer: Callable[[], float] = time.process_time,
    ) -> None:
        """inputs, labels, weights: (n,) training rows. timer: seconds; of CPU, since other work shares the machine."""
        self._project, self._recipe, self._timer = project, recipe, timer
        self.labels = np.asarray(labels, dtype=object)
        self._X, self._weights = intake.decode(inputs, project.schema), np.asarray(weights, dtype=float)
        self.fit_s = 0.0
        """Seconds of the last fit."""

    def like(
        self, recipe: Recipe, labels: Sequence[str] | npt.NDArray[np.object_], weights: npt.NDArray[np.float64]
    ) -> Refits:
        """The same rows under another recipe, with other labels and weights."""
        other = copy(self)
        other._recipe, other._weights = recipe, weights
        other.labels = np.asarray(labels, dtype=object)
        return other

    def fit(self, rows: npt.NDArray[np.intp], seed: int, labels: npt.NDArray[np.object_] | None = None) -> Any:
        """A model of the rows at these positions. labels: (n,) in place of the rows' own. Raises CannotTrain."""
        recipe = (self._recipe.estimator, self._recipe.params, seed)
        unfitted = tasks.unfitted(self._project.task, self._project.schema, *recipe)
        taught = (self.labels if labels is None else labels)[rows].tolist()
        start = self._timer()
        model = tasks.of(self._project).fit(unfitted, self._X.iloc[rows], taught, self._weights[rows])
        self.fit_s = self._timer() - start
        return model

    def said(self, model: Any, X: Any) -> npt.NDArray[np.object_]:
        """The model's label for each row of a decoded frame."""
        task = tasks.of(self._project)
        return np.asarray(task.targets(task.numbers(model, X, self._project), self._project), dtype=object)

    def own(self, rows: npt.NDArray[np.intp]) -> Any:
        """The decoded frame of training rows at these positions."""
        return self._X.iloc[rows]


def affordable(fit_s: float, fits: int) -> bool:
    """Whether so many fits stay within the budget."""
    return fit_s * fits <= BUDGET_S
