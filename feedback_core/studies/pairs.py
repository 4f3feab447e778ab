"""A version beside its parent: the rows both are asked about, and how much each column counts for either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import intake, tasks
from ..explain import BACKGROUND, Explainer, outputs_of
from ..explain.curves import grid, partial_effect
from ..intervals import mean, paired, plain
from ..models import explained_by
from ..sampling import pool_sample
from ..store import Store
from ..types import Project, Version
from . import sources

ROWS = 200
"""Rows that effects are measured on, half of them locked and half of the pool: 200 take 2 to 20 s of CPU."""

ANSWERS = 2_000
"""Pool rows that are looked through for answers that changed, besides the locked ones."""

TOP = 3
"""Columns whose curves are drawn."""

LISTED = 50
"""Changed rows that are named one by one."""

Progress = Callable[[float, str], None]
LoadModel = Callable[[Version], Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """A version and its parent, loaded."""

    store: Store
    project: Project
    version: Version
    parent: Version
    models: tuple[Any, Any]
    """Of the parent and of the version."""
    progress: Progress


@dataclass(frozen=True, slots=True)
class Looked:
    """Rows that both versions are asked about: ids (n,), the frame (n, ...), and positions of those to take apart."""

    ids: tuple[int, ...]
    rows: Any
    chosen: npt.NDArray[np.intp]


def looked_at(pair: Pair, rng: np.random.Generator) -> Looked:
    """Locked rows and a sample of the pool."""
    locked = sources.judged(pair.store, pair.project, rng)
    pool = pool_sample(pair.store, pair.project, ANSWERS, rng).ids
    ids = (*locked.ids, *pool)
    rows = intake.decode(sources.inputs(pair.store, list(ids)), pair.project.schema)
    pair.progress(0.05, f"asking both versions about {len(ids):,} rows")
    return Looked(ids, rows, _chosen(len(locked.ids), len(pool), rng))


def numbers(pair: Pair, rows: Any) -> list[Floats]:
    """What the parent and the version say of rows, in the numbers of the task, (n, c) each."""
    return [tasks.of(pair.project).numbers(model, rows, pair.project) for model in pair.models]


def columns_moved(pair: Pair, rows: Any, said: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
    """One entry a column, the largest change first: how much it counts for what the version says, before and after.

    said: (n,) what the version says of the rows. With the unit of the amounts.
    """
    explainers = _explainers(pair, sorted(set(said)))
    sizes = []
    for which, ready in enumerate(explainers):
        own = []
        for n, label in enumerate(said):
            if n % 20 == 0:
                pair.progress(0.1 + 0.3 * which + 0.3 * n / len(rows), "taking predictions apart")
            own.append([abs(e.amount) for e in ready.explain(rows.iloc[[n]], label, details=False).effects])
        sizes.append(np.asarray(own))
    unit = explainers[1].unit(said[0]) if len(said) else outputs_of(pair.project).unit
    gaps = [(paired if unit == "probability" else mean)(column) for column in (sizes[1] - sizes[0]).T]
    before, after = sizes[0].mean(axis=0), sizes[1].mean(axis=0)
    found = [
        {"column": name, "before": before[n], "after": after[n], "change": plain(gaps[n])}
        | {"clear": bool(gaps[n].low > 0 or gaps[n].high < 0)}
        for n, name in enumerate(pair.project.schema.names)
    ]
    return sorted(found, key=lambda row: -abs(row["after"] - row["before"])), unit


def curves(pair: Pair, rows: Any, ranked: Sequence[str], label: str) -> list[dict[str, Any]]:
    """What both versions say of a label, or the number they say, along the columns that moved most."""
    known = {column.name: column for column in pair.project.schema.columns if column.kind in ("number", "category")}
    said, found = outputs_of(pair.project), []
    for name in [each for each in ranked if each in known][:TOP]:
        pair.progress(0.72, f"following {name}")
        values = grid(known[name], rows[name])
        if len(values) > 1:
            asks = [partial(said.of, model, label=label) for model in pair.models]
            sides = [partial_effect(ask, rows, name, values) for ask in asks]
            found.append({"column": name, "kind": known[name].kind, "values": values, "label": label}
                         | {"before": sides[0].tolist(), "after": sides[1].tolist()})  # fmt: skip
    return found


def named(pair: Pair, ids: Sequence[int]) -> dict[int, str]:
    """The keys of items that may be named: what is still to be decided blind is left out."""
    outlines = pair.store.items.outlines(list(ids))
    return pair.store.items.keys([item_id for item_id in ids if not outlines[item_id].blind])


def _chosen(locked: int, pool: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Positions of rows to explain: half locked, half of the pool where both have enough."""
    of_locked = min(locked, max(ROWS // 2, ROWS - pool))
    of_pool = min(pool, ROWS - of_locked)
    first = rng.choice(locked, of_locked, replace=False) if locked else np.zeros(0, int)
    second = locked + rng.choice(pool, of_pool, replace=False) if pool else np.zeros(0, int)
    return np.asarray(np.sort(np.concatenate([first, second])), dtype=np.intp)


def _explainers(pair: Pair, labels: Sequence[str]) -> list[Explainer]:
    """Both versions, explained in one unit: where they are measured in different ones, both are asked instead."""
    both = [_explainer(pair, which, explained_by(of.estimator)) for which, of in enumerate((pair.parent, pair.version))]
    if len({each.unit(label) for each in both for label in labels}) <= 1:
        return both
    return [_explainer(pair, which, "sampled") for which in range(2)]


def _explainer(pair: Pair, which: int, way: Any) -> Explainer:
    # One background for both, what the new version has learned: else a move of the average would seem one of a column.
    ids = pair.store.backgrounds.of(pair.version.id).ids or pair.store.versions.taught(pair.version.id)[0]
    drawn = np.random.default_rng(pair.version.seed).choice(len(ids), min(len(ids), BACKGROUND), replace=False)
    rows = intake.decode(sources.inputs(pair.store, [int(ids[n]) for n in drawn]), pair.project.schema)
    return Explainer(pair.models[which], pair.project.schema, outputs_of(pair.project), rows, pair.version.seed, way)
