"""What of a model's output is explained: the probability of a label, or the number it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..training import aligned_proba, threads
from ..types import Project
from .explanation import Unit

Floats = npt.NDArray[np.float64]


class Outputs(Protocol):
    """One kind of output of a fitted model."""

    @property
    def unit(self) -> Unit: ...

    @property
    def measure(self) -> str: ...

    @property
    def method(self) -> str:
        """What a model must have to be asked."""

    def position(self, model: Any, label: str) -> int | None:
        """Where the model keeps what it says of a label; None where it has not learned it."""

    def of(self, model: Any, rows: Any, label: str) -> Floats:
        """What the model says of rows, (n,)."""


@dataclass(frozen=True, slots=True)
class Classes:
    """Probabilities of the project's labels."""

    labels: tuple[str, ...]
    unit: Unit = "probability"
    measure: str = ""
    method: str = "predict_proba"

    def position(self, model: Any, label: str) -> int | None:
        known = [str(each) for each in model.classes_]
        return known.index(label) if label in known else None

    def of(self, model: Any, rows: Any, label: str) -> Floats:
        return np.asarray(aligned_proba(model, rows, self.labels)[:, self.labels.index(label)])


@dataclass(frozen=True, slots=True)
class Number:
    """A number, in its measure; whatever it is, it is what the model says."""

    measure: str = ""
    unit: Unit = "number"
    method: str = "predict"

    def position(self, model: Any, label: str) -> int | None:  # noqa: ARG002  # there is one number
        return 0

    def of(self, model: Any, rows: Any, label: str) -> Floats:  # noqa: ARG002
        with threads(rows.shape[0]):
            return np.asarray(model.predict(rows), dtype=float).ravel()


def outputs_of(project: Project) -> Outputs:
    """What of the models of a project is explained."""
    return Number(project.settings.unit) if project.task == "regression" else Classes(project.labels)
