"""From class probabilities to labels, confidences and queue places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .scored import Scored
from .types import Split


def splits(labels: Sequence[str | None], held_out: npt.NDArray[np.bool_]) -> list[Split]:
    """Where each row belongs: unlabelled to the pool, labelled to the holdout or the training base."""
    return [
        "pool" if label is None else "holdout" if locked else "train"
        for label, locked in zip(labels, held_out.tolist(), strict=True)
    ]


def top_labels(proba: npt.NDArray[np.floating], labels: Sequence[str]) -> list[str]:
    """The most probable label per row of proba (n, k); the first one on ties."""
    return [labels[k] for k in proba.argmax(axis=1)] if len(proba) else []


def plain(ids: Sequence[int], proba: npt.NDArray[np.floating], labels: Sequence[str]) -> Scored:
    """Predictions without a priority, for rows that are never asked about."""
    return Scored(ids, top_labels(proba, labels), proba.astype(np.float32), proba.max(axis=1).astype(float))


def class_share(trained_on: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Share of each label among the training rows, shape (k,); 0 for labels it has not seen."""
    counts = Counter(trained_on)
    return np.asarray([counts[label] / max(len(trained_on), 1) for label in labels])


def ranked(
    ids: Sequence[int], proba: npt.NDArray[np.floating], labels: Sequence[str], parts: npt.NDArray[np.float32]
) -> Scored:
    """Predictions of classes with a priority: the sum of its parts (n, p)."""
    return with_parts(plain(ids, proba, labels), parts)


def with_parts(said: Scored, parts: npt.NDArray[np.float32]) -> Scored:
    """Predictions with a priority: the sum of its parts (n, p)."""
    return replace(said, priority=np.minimum(parts.sum(axis=1).astype(float), 1.0), parts=parts)
