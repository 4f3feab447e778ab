"""The rows that a version's features, neighbours and novelty are measured by."""

from __future__ import annotations

from typing import Any

import numpy as np

from .store import Store
from .types import Project, Version

SAMPLE = 500
"""Items of the pool that stand in where nothing is labelled: their spread is known to about 3 %."""


def footing(store: Store, project: Project, version: Version) -> dict[str, list[Any]]:
    """ids, labels and weights of the rows a version has learned from; where nobody knows them, of those that a version
    trained here and now would learn from."""
    lineage = store.versions.lineage(version.id)
    if version.lineage_known:
        return lineage
    rows = store.items.training_rows(project.id)
    return {"ids": list(rows.ids), "labels": list(rows.labels), "weights": [1.0] * len(rows.ids)}


def pool_start(store: Store, project: Project) -> list[int]:
    """Ids of the first items of the pool, at most SAMPLE."""
    return list(next(store.items.pool_chunks(project.id, SAMPLE), ((), (), ()))[0])


def finite(prepared: Any) -> Any:
    """Prepared rows (n, w) with 0 for what is missing: a model from elsewhere may take gaps that distances cannot."""
    if hasattr(prepared, "toarray"):
        return prepared
    rows = np.asarray(prepared)
    if rows.dtype == object:
        rows = rows.astype(float)
    return prepared if np.isfinite(rows).all() else np.nan_to_num(rows, posinf=0.0, neginf=0.0)
