"""What moved between two versions, as a page and a report show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import tasks
from ..errors import NotFound
from ..movement import notes, scale_of, told
from ..store import Store
from ..types import Project, Study, Version


@dataclass(frozen=True, slots=True)
class EffectsView:
    """sentences: what moved, in words. notes: how it was measured. moved: columns column, before, after, low, high and
    clear, the largest change first; unit: theirs, and measure, of a number. curves: one a column. labels: the new
    labels that pulled the changed items. empty: what to press when there is nothing to show.
    """

    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    moved: Mapping[str, list[Any]] = field(default_factory=dict)
    unit: str = ""
    measure: str = ""
    curves: tuple[Mapping[str, Any], ...] = ()
    labels: tuple[Mapping[str, Any], ...] = ()
    versions: tuple[int, int] = (0, 0)
    empty: str = ""


def to_compare(store: Store, project: Project, version: Version) -> bool:
    """Whether what moved in a version is to be told without anybody asking, and is not told yet."""
    wanted = project.settings.explain_versions and comparable(store, project, version)
    return wanted and store.studies.newest(project.id, "effects", version.id) is None


def comparable(store: Store, project: Project, version: Version) -> bool:
    """Whether what moved in a version can be told: it has a parent, and both are here.

    A model that lives elsewhere cannot be asked about other rows than those it has spoken of.
    """
    if "what moved" not in tasks.of(project).offers or version.parent_id is None:
        return False
    return bool(version.artifact and store.versions.get(version.parent_id).artifact)


def effects_of(store: Store, version: Version) -> Study:
    """The newest comparison of a version with its parent. Raises NotFound before there is one."""
    study = store.studies.newest(store.versions.project_of(version.id), "effects", version.id)
    if study is None:
        raise NotFound(
            f"What moved in version {version.number} is not known yet: ask for it on Retrain, or with what-moved."
        )
    return study


def effects_view(store: Store, version: Version) -> EffectsView:
    """The same as a page shows it."""
    try:
        return view(effects_of(store, version).body)
    except NotFound:
        return EffectsView(empty="The worker can say what this version goes by now, and which corrections pulled it.")


def view(body: Mapping[str, Any]) -> EffectsView:
    """A stored comparison in words and columns."""
    return EffectsView(
        tuple(told(body)),
        tuple(notes(body)),
        _columns(body),
        body["unit"],
        body.get("measure", ""),
        tuple(body["curves"]),
        tuple(body["pulled"].get("labels", ())),
        (body["parent"], body["version"]),
    )


def _columns(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows = body["moved"]
    scale = scale_of(body)
    return {
        "column": [row["column"] for row in rows],
        "before": [scale * row["before"] for row in rows],
        "after": [scale * row["after"] for row in rows],
        "low": [scale * row["change"]["low"] for row in rows],
        "high": [scale * row["change"]["high"] for row in rows],
        "clear": [row["clear"] for row in rows],
    }
