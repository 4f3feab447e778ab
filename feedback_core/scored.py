"""Predictions of one version for many items, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions of one version for n items: proba (n, k), confidence (n,), priority (n,), parts (n, p)."""

    ids: Sequence[int]
    labels: Sequence[str]
    proba: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float64]
    priority: npt.NDArray[np.float64] | None = None
    parts: npt.NDArray[np.float32] | None = None

    def part(self, start: int, stop: int) -> Scored:
        """The rows from start up to stop."""
        return Scored(
            self.ids[start:stop],
            self.labels[start:stop],
            self.proba[start:stop],
            self.confidence[start:stop],
            None if self.priority is None else self.priority[start:stop],
            None if self.parts is None else self.parts[start:stop],
        )

    def rows(self, version_id: int) -> Iterable[tuple[object, ...]]:
        n = len(self.ids)
        proba = [row.tobytes() for row in np.ascontiguousarray(self.proba, dtype="<f4")]
        parts: Iterable[bytes | None] = (
            [None] * n
            if self.parts is None
            else [row.tobytes() for row in np.ascontiguousarray(self.parts, dtype="<f4")]
        )
        priority: Iterable[float | None] = [None] * n if self.priority is None else self.priority.tolist()
        versions = [version_id] * n
        return zip(self.ids, versions, self.labels, proba, self.confidence.tolist(), priority, parts, strict=True)
