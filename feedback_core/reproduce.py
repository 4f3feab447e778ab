"""A version is rebuilt from the database and compared, bit for bit, with the model that was stored."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import fitting, intake, provenance, realtime, tasks
from .errors import Refused
from .models import artifacts
from .store import Store
from .types import Project, Version

POOL_ROWS = 2_000
"""Pool rows compared beside all locked ones: enough to notice a change of a single training label."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Outcome of one rebuild.

    rows: compared, 0 when it could not be rebuilt. differing: rows whose probabilities are not the same bits.
    relabelled: rows with another top label. largest: greatest difference of a probability, None without rows.
    problems: what the database holds otherwise than when the version was trained. libraries: other versions now.
    """

    version: int
    same: bool
    rows: int
    differing: int
    relabelled: int
    largest: float | None
    largest_key: str | None
    problems: tuple[str, ...]
    libraries: tuple[str, ...]


def reproduce(store: Store, project: Project, version: Version) -> Rebuild:
    """Refit a version from its lineage and compare it with its stored model.

    Same means: every probability on the locked rows and on the first POOL_ROWS of the pool has the same bits, and the
    training rows are still what they were. Raises ArtifactError when the stored model cannot be loaded.
    """
    if version.elsewhere:
        raise Refused(f"Version {version.number} was trained elsewhere: only what is trained here can be rebuilt.")
    stored = artifacts.load(store.artifacts, version.artifact, version.sha256)
    lineage = store.versions.lineage(version.id)
    sources = store.items.sources(lineage.get("ids", []))
    libraries = other_libraries(version.environment, artifacts.environment(version.environment))
    problems = _problems(store, version, lineage, sources)
    background = store.backgrounds.of(version.id).ids
    if not (sources or background) or len(sources) < len(set(lineage["ids"])):
        return Rebuild(version.number, False, 0, 0, 0, None, None, problems, libraries)
    inputs = [sources[item_id][0] for item_id in lineage["ids"]]
    rebuilt = _reread(_rebuilt(store, project, version, lineage, inputs))
    ids, compared = _compared_rows(store, project)
    before, after = (fitting.proba(model, compared, project) for model in (stored, rebuilt))
    differing, said = (before != after).any(axis=1), tasks.of(project).targets
    gaps = np.abs(before - after).max(axis=1, initial=0.0)
    worst = int(gaps.argmax()) if len(ids) else None
    return Rebuild(
        version.number,
        not problems and not differing.any(),
        len(ids),
        int(differing.sum()),
        sum(then != now for then, now in zip(*(said(numbers, project) for numbers in (before, after)), strict=True)),
        None if worst is None else float(gaps[worst]),
        store.items.get(ids[worst]).key if worst is not None and gaps[worst] > 0 else None,
        problems,
        libraries,
    )


def other_libraries(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each library whose version is not what the model was trained with."""
    return tuple(
        f"{name} was {version}, is {now.get(name, 'not installed')}."
        for name, version in then.items()
        if now.get(name) != version
    )


def _rebuilt(
    store: Store, project: Project, version: Version, lineage: Mapping[str, list[Any]], inputs: Sequence[str]
) -> Any:
    if version.streamed:
        return realtime.rebuilt(store, project, version)
    weights = np.asarray(lineage["weights"], dtype=float)
    recipe = (project.schema, version.estimator, version.params, version.seed)
    background = store.backgrounds.inputs(store.backgrounds.of(version.id))
    return fitting.fit(*recipe, inputs, lineage["labels"], weights, task=project.task, background=background)


def _reread(model: Any) -> Any:
    # Through a file like the stored one: arrays in another memory layout may be summed in another order.
    with tempfile.TemporaryDirectory() as folder:
        artifact = artifacts.save(model, Path(folder), "rebuilt")
        return artifacts.load(Path(folder), artifact.name, artifact.sha256)


def _compared_rows(store: Store, project: Project) -> tuple[list[int], list[str]]:
    locked = store.items.locked_rows(project.id)
    ids, inputs, _ = next(store.items.pool_chunks(project.id, POOL_ROWS), ((), (), ()))
    return [*locked.ids, *ids], [*locked.inputs, *inputs]


def _problems(
    store: Store,
    version: Version,
    lineage: Mapping[str, list[Any]],
    sources: Mapping[int, tuple[str, str, str | None]],
) -> tuple[str, ...]:
    if not lineage:
        return ("The list of rows it was trained on is gone.",)
    pairs = list(zip(lineage["ids"], lineage["labels"], strict=True))
    gone = sum(item_id not in sources for item_id, _ in pairs)
    altered = sum(intake.input_hash(body.encode()) != digest for body, digest, _ in sources.values())
    relabelled = sum(item_id in sources and sources[item_id][2] not in (None, label) for item_id, label in pairs)
    report = store.versions.report_on(version.id)
    recorded = report.numbers.get("provenance", {}).get("training_rows") if report else None
    checks = (
        (gone, f"{gone:,} of the {len(pairs):,} rows it was trained on are gone."),
        (altered, f"{altered:,} training rows hold another input than when they were stored."),
        (relabelled, f"{relabelled:,} base rows have another label now than the one it learned."),
        (
            recorded not in (None, provenance.training_hash(store, version.id)),
            "The training rows, their inputs or labels are not those recorded with the verdict (SHA-256 differs).",
        ),
    )
    return tuple(sentence for holds, sentence in checks if holds)


def told(found: Rebuild) -> tuple[str, ...]:
    """The outcome in sentences: the verdict first, then what differs."""
    if found.same:
        first = f"Version {found.version} was rebuilt: the same probabilities, bit for bit, on {found.rows:,} rows."
    elif not found.rows:
        first = f"Version {found.version} cannot be rebuilt."
    else:
        first = (
            f"Version {found.version} was rebuilt and differs: other probabilities on {found.differing:,} of "
            f"{found.rows:,} rows, another label on {found.relabelled:,}."
        )
    largest = (
        (f"The largest difference of a probability is {found.largest:.3g}, at item {found.largest_key}.",)
        if found.largest
        else ()
    )
    return (first, *largest, *found.problems, *(f"Other library version: {each}" for each in found.libraries))
