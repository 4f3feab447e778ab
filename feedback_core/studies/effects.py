"""What moved between a version and its parent: effects of columns, answers, and the corrections that pulled them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import intake, training
from ..errors import Refused
from ..explain import BACKGROUND, Explainer
from ..explain.curves import grid, partial_effect
from ..intervals import paired, plain
from ..models import BUILDERS
from ..sampling import pool_sample
from ..scoring import top_labels
from ..store import Store
from ..types import Project, Study, Version
from . import sources
from .pulling import Case, pulled

ROWS = 200
"""Rows that effects are measured on, half of them locked and half of the pool: 200 take 2 to 20 s of CPU."""

ANSWERS = 2_000
"""Pool rows that are looked through for answers that changed, besides the locked ones."""

TOP = 3
"""Columns whose curves are drawn."""

LISTED = 50
"""Changed rows that are named one by one."""

TASK = "classification"

Progress = Callable[[float, str], None]
LoadModel = Callable[[Version], Any]


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


def effects(store: Store, project: Project, version: Version, now: float, progress: Progress, load: LoadModel) -> Study:
    """Compare a version with its parent on the same rows, and keep what moved.

    load: gives a version's fitted model. Raises Refused for a version not judged yet, the first of its line, and a
    project that is not about classes.
    """
    sources.must_be_judged(store, version)
    if project.task != TASK:
        raise Refused(f"{project.name} is about {project.task}: only versions that tell classes apart are explained.")
    if version.parent_id is None:
        raise Refused(f"Version {version.number} is the first of its line: there is nothing that it has moved from.")
    parent = store.versions.get(version.parent_id)
    pair = Pair(store, project, version, parent, (load(parent), load(version)), progress)
    body = _body(pair, np.random.default_rng(version.seed))
    return store.studies.save(project.id, "effects", body, version_id=version.id, now=now)


def _body(pair: Pair, rng: np.random.Generator) -> dict[str, Any]:
    locked = sources.judged(pair.store, pair.project, rng)
    pool = list(pool_sample(pair.store, pair.project, ANSWERS, rng).ids)
    ids = [*locked.ids, *pool]
    rows = intake.decode(sources.inputs(pair.store, ids), pair.project.schema)
    pair.progress(0.05, f"asking both versions about {len(ids):,} rows")
    proba = [training.aligned_proba(model, rows, pair.project.labels) for model in pair.models]
    said = [np.asarray(top_labels(each, pair.project.labels), dtype=object) for each in proba]
    chosen = _chosen(len(locked.ids), len(pool), rng)
    some, label = rows.iloc[chosen], _label(proba, pair.project.labels)
    moved, unit = _moved(pair, some, said[1][chosen])
    changed = np.flatnonzero(said[0] != said[1])
    case = Case(pair.store, pair.project, pair.version, pair.parent, pair.models[1], pair.progress)
    return {
        "version": pair.version.number,
        "parent": pair.parent.number,
        "rows": len(chosen),
        "unit": unit,
        "moved": moved,
        "label": label,
        "curves": _curves(pair, some, [row["column"] for row in moved], label),
        "looked_at": len(ids),
        "changed": _changed(pair, ids, changed, said),
        "pulled": pulled(case, [ids[at] for at in changed], said[0][changed], said[1][changed], rng),
    }


def _chosen(locked: int, pool: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Positions of rows to explain: half locked, half of the pool where both have enough."""
    of_locked = min(locked, max(ROWS // 2, ROWS - pool))
    of_pool = min(pool, ROWS - of_locked)
    first = rng.choice(locked, of_locked, replace=False) if locked else np.zeros(0, int)
    second = locked + rng.choice(pool, of_pool, replace=False) if pool else np.zeros(0, int)
    return np.asarray(np.sort(np.concatenate([first, second])), dtype=np.intp)


def _label(proba: Sequence[npt.NDArray[np.float64]], labels: Sequence[str]) -> str:
    """The label whose probability moved most; of two, the second."""
    if len(labels) == 2:
        return labels[1]
    return labels[int(np.abs(proba[1] - proba[0]).mean(axis=0).argmax())]


def _moved(pair: Pair, rows: Any, said: npt.NDArray[np.object_]) -> tuple[list[dict[str, Any]], str]:
    """One entry a column, the largest change first: how much it counts for what the version says, before and after."""
    explainers = _explainers(pair, sorted(set(said.tolist())))
    sizes = []
    for which, ready in enumerate(explainers):
        own = []
        for n, label in enumerate(said.tolist()):
            if n % 20 == 0:
                pair.progress(0.1 + 0.3 * which + 0.3 * n / len(rows), "taking predictions apart")
            own.append([abs(e.amount) for e in ready.explain(rows.iloc[[n]], label, details=False).effects])
        sizes.append(np.asarray(own))
    gaps = [paired(column) for column in (sizes[1] - sizes[0]).T]
    before, after = sizes[0].mean(axis=0), sizes[1].mean(axis=0)
    found = [
        {"column": name, "before": before[n], "after": after[n], "change": plain(gaps[n])}
        | {"clear": bool(gaps[n].low > 0 or gaps[n].high < 0)}
        for n, name in enumerate(pair.project.schema.names)
    ]
    ranked = sorted(found, key=lambda row: -abs(row["after"] - row["before"]))
    return ranked, explainers[1].unit(str(said[0])) if len(said) else "probability"


def _explainers(pair: Pair, labels: Sequence[str]) -> list[Explainer]:
    """Both versions, explained in one unit: where they are measured in different ones, both are asked instead."""
    both = [
        _explainer(pair, which, BUILDERS[of.estimator].explain) for which, of in enumerate((pair.parent, pair.version))
    ]
    if len({each.unit(label) for each in both for label in labels}) <= 1:
        return both
    return [_explainer(pair, which, "sampled") for which in range(2)]


def _explainer(pair: Pair, which: int, way: Any) -> Explainer:
    # One background for both, what the new version has learned: else a move of the average would seem one of a column.
    ids, _ = pair.store.versions.taught(pair.version.id)
    drawn = np.random.default_rng(pair.version.seed).choice(len(ids), min(len(ids), BACKGROUND), replace=False)
    rows = intake.decode(sources.inputs(pair.store, [int(ids[n]) for n in drawn]), pair.project.schema)
    return Explainer(pair.models[which], pair.project.schema, pair.project.labels, rows, pair.version.seed, way)


def _curves(pair: Pair, rows: Any, ranked: Sequence[str], label: str) -> list[dict[str, Any]]:
    """The probability of a label along the columns that moved most, by both versions."""
    known = {column.name: column for column in pair.project.schema.columns if column.kind in ("number", "category")}
    k, found = pair.project.labels.index(label), []
    for name in [each for each in ranked if each in known][:TOP]:
        pair.progress(0.72, f"following {name}")
        values = grid(known[name], rows[name])
        if len(values) > 1:
            sides = [partial_effect(model, rows, pair.project.labels, name, values)[:, k] for model in pair.models]
            found.append({"column": name, "kind": known[name].kind, "values": values, "label": label}
                         | {"before": sides[0].tolist(), "after": sides[1].tolist()})  # fmt: skip
    return found


def _changed(pair: Pair, ids: Sequence[int], changed: npt.NDArray[np.intp], said: Sequence[Any]) -> dict[str, Any]:
    flows = Counter(zip(said[0][changed].tolist(), said[1][changed].tolist(), strict=True))
    outlines = pair.store.items.outlines([ids[at] for at in changed])
    # What is still to be decided blind is counted, and not named.
    named = [at for at in changed.tolist() if not outlines[ids[at]].blind][:LISTED]
    keys = pair.store.items.keys([ids[at] for at in named])
    return {
        "n": len(changed),
        "flows": [{"before": before, "after": after, "n": n} for (before, after), n in flows.most_common()],
        "items": [{"key": keys[ids[at]], "before": said[0][at], "after": said[1][at]} for at in named],
    }
