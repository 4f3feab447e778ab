"""What moved between two versions, as a page and a report show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..movement import notes, told
from ..store import Store
from ..types import Version


@dataclass(frozen=True, slots=True)
class EffectsView:
    """sentences: what moved, in words. notes: how it was measured. moved: columns column, before, after, low, high and
    clear, the largest change first; unit: theirs. curves: one a column. labels: the new labels that pulled the changed
    items. empty: what to press when there is nothing to show.
    """

    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    moved: Mapping[str, list[Any]] = field(default_factory=dict)
    unit: str = ""
    curves: tuple[Mapping[str, Any], ...] = ()
    labels: tuple[Mapping[str, Any], ...] = ()
    versions: tuple[int, int] = (0, 0)
    empty: str = ""


def effects_view(store: Store, version: Version) -> EffectsView:
    """The newest comparison of a version with its parent."""
    study = store.studies.newest(store.versions.project_of(version.id), "effects", version.id)
    if study is None:
        return EffectsView(empty="The worker can say what this version goes by now, and which corrections pulled it.")
    return view(study.body)


def view(body: Mapping[str, Any]) -> EffectsView:
    """A stored comparison in words and columns."""
    return EffectsView(
        tuple(told(body)),
        tuple(notes(body)),
        _columns(body),
        body["unit"],
        tuple(body["curves"]),
        tuple(body["pulled"].get("labels", ())),
        (body["parent"], body["version"]),
    )


def _columns(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows = body["moved"]
    scale = 1 if body["unit"] == "log-odds" else 100
    return {
        "column": [row["column"] for row in rows],
        "before": [scale * row["before"] for row in rows],
        "after": [scale * row["after"] for row in rows],
        "low": [scale * row["change"]["low"] for row in rows],
        "high": [scale * row["change"]["high"] for row in rows],
        "clear": [row["clear"] for row in rows],
    }
