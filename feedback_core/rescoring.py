"""The whole pool predicted by one model, and the queue brought in the order of its priorities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import fitting, scoring, tasks, version_scores
from .calibration import tempered
from .footing import footing
from .prioritize import Pool, blend, histogram
from .store import Store
from .store.items import BATCH
from .surroundings import Surroundings
from .types import Progress, Project, Version


def rescore(
    store: Store,
    project: Project,
    version: Version,
    model: Any,
    batch: int,
    *,
    rng: np.random.Generator,
    clock: Callable[[], float],
    progress: Progress,
) -> int:
    """Store what a version says about every pool item, with its priority; gives their number.

    batch: rows at the top of the queue that differ from each other.
    """
    task = tasks.of(project)
    ids, is_open, numbers = _predicted(store, project, model, version_scores.temperature(version))
    if not ids:
        return 0
    progress(0.5, f"{len(ids):,} items predicted")
    lineage = footing(store, project, version)
    around = Surroundings(store, project, model, lineage, ids, is_open, rng)
    share = scoring.class_share(lineage["labels"], project.labels)
    # What a version from elsewhere has seen is not known: it is not taken for a beginner.
    known = len(lineage["labels"]) if version.lineage_known else None
    pool = Pool(task.unsure(numbers), share, rng, is_open, known, around.look)
    names, parts = blend(pool, tasks.weights(project), batch)
    scored = scoring.with_parts(tasks.scored(ids, numbers, project), parts)
    for start in range(0, len(ids), BATCH):
        store.predictions.save_current(version.id, scored.part(start, start + BATCH))
        progress(0.5 + 0.5 * min(start + BATCH, len(ids)) / len(ids), "queue reordered")
    spread = histogram(names, parts[is_open])
    store.predictions.save_run(version.id, len(ids), names, spread, project_id=project.id, now=clock())
    return len(ids)


def _predicted(
    store: Store, project: Project, model: Any, temperature: float
) -> tuple[list[int], npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Ids of the pool, whether each is open, and what the model says of it (n, c), calibrated."""
    ids: list[int] = []
    still_open: list[bool] = []
    chunks: list[npt.NDArray[np.float32]] = [np.zeros((0, len(tasks.of(project).columns(project))), dtype=np.float32)]
    for some, inputs, are_open in store.items.pool_chunks(project.id):
        ids += some
        still_open += are_open
        chunks.append(tempered(fitting.proba(model, inputs, project, some), temperature).astype(np.float32))
    numbers = np.concatenate(chunks)
    if not np.isnan(numbers[:, :1]).any():
        return ids, np.asarray(still_open, dtype=bool), numbers
    # Of items that stored predictions leave out nothing is known: they keep what they bear.
    told = np.flatnonzero(~np.isnan(numbers[:, 0]))
    return [ids[n] for n in told], np.asarray(still_open, dtype=bool)[told], numbers[told]
