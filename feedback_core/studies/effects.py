"""What moved between a version and its parent: effects of columns, answers, and the corrections that pulled them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Refused
from ..scoring import top_labels
from ..store import Store
from ..types import Project, Study, Version
from . import alarm_moves, number_moves, sources
from .pairs import LISTED, LoadModel, Looked, Pair, Progress, columns_moved, curves, looked_at, named, numbers
from .pulling import Case, pulled

Body = Callable[[Pair, Looked, np.random.Generator], dict[str, Any]]


def effects(store: Store, project: Project, version: Version, now: float, progress: Progress, load: LoadModel) -> Study:
    """Compare a version with its parent on the same rows, and keep what moved.

    load: gives a version's fitted model. Raises Refused for a version not judged yet, the first of its line, and a
    project that predicts neither classes nor numbers nor alarms.
    """
    sources.must_be_judged(store, version)
    if project.task not in _BODIES:
        raise Refused(f"{project.name} is about {project.task}: what moved in such a version is not told.")
    if version.parent_id is None:
        raise Refused(f"Version {version.number} is the first of its line: there is nothing that it has moved from.")
    parent = store.versions.get(version.parent_id)
    for each in (version, parent):
        if not each.artifact:
            raise Refused(
                f"Version {each.number} lives elsewhere; only what it says is known here, not what it goes by."
            )
    pair = Pair(store, project, version, parent, (load(parent), load(version)), progress)
    rng = np.random.default_rng(version.seed)
    seen = looked_at(pair, rng)
    body = {"version": version.number, "parent": parent.number, "task": project.task, "rows": len(seen.chosen)}
    body |= {"looked_at": len(seen.ids)} | _BODIES[project.task](pair, seen, rng)
    return store.studies.save(project.id, "effects", body, version_id=version.id, now=now)


def _of_classes(pair: Pair, seen: Looked, rng: np.random.Generator) -> dict[str, Any]:
    proba = numbers(pair, seen.rows)
    said = [np.asarray(top_labels(each, pair.project.labels), dtype=object) for each in proba]
    some, label = seen.rows.iloc[seen.chosen], _label(proba, pair.project.labels)
    moved, unit = columns_moved(pair, some, said[1][seen.chosen].tolist())
    changed = np.flatnonzero(said[0] != said[1])
    case = Case(pair.store, pair.project, pair.version, pair.parent, pair.models[1], pair.progress)
    return {
        "unit": unit,
        "moved": moved,
        "label": label,
        "curves": curves(pair, some, [row["column"] for row in moved], label),
        "changed": _changed(pair, seen.ids, changed, said),
        "pulled": pulled(case, [seen.ids[at] for at in changed], said[0][changed], said[1][changed], rng),
    }


def _label(proba: Sequence[npt.NDArray[np.float64]], labels: Sequence[str]) -> str:
    """The label whose probability moved most; of two, the second."""
    if len(labels) == 2:
        return labels[1]
    return labels[int(np.abs(proba[1] - proba[0]).mean(axis=0).argmax())]


def _changed(pair: Pair, ids: Sequence[int], changed: npt.NDArray[np.intp], said: Sequence[Any]) -> dict[str, Any]:
    flows = Counter(zip(said[0][changed].tolist(), said[1][changed].tolist(), strict=True))
    keys = named(pair, [ids[at] for at in changed])
    told = [at for at in changed.tolist() if ids[at] in keys][:LISTED]
    return {
        "n": len(changed),
        "flows": [{"before": before, "after": after, "n": n} for (before, after), n in flows.most_common()],
        "items": [{"key": keys[ids[at]], "before": said[0][at], "after": said[1][at]} for at in told],
    }


_BODIES: Mapping[str, Body] = {
    "classification": _of_classes,
    "regression": number_moves.body,
    "anomaly": alarm_moves.body,
}
