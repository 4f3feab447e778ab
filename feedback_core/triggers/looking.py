"""Looks at the newest inputs, one a window, kept until the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from ..store import Store
from ..types import Project, Schema, TriggerState, Version
from .calming import Calm, calm, is_news
from .drift import WINDOW, ColumnDrift, compare, look_level, moved

HOUR_S, DAY_S = 3_600.0, 86_400.0

REFERENCE = 1_000
"""Base rows the newest items are compared with; more would prove what LEAST_EFFECT says does not matter."""

MOST_AT_ONCE = 5_000
"""New items counted in one tick."""


def look(store: Store, project: Project, state: TriggerState, last: Version, now: float) -> None:
    """Count the items that came in since the newest version, and compare a window of them when one is full.

    They are compared with what that version could know: the first with base rows, a later one with the newest items of
    its time. A drift that a retrain has answered is thus not found again.
    """
    known = dict(state.drift)
    if known.get("version_id") != last.id:
        start = store.triggers.item_at(last.created_at)
        known = {"version_id": last.id, "start": start, "upto": start, "seen": 0, "looked": 0, "look": 0, "drifts": []}
    new = store.triggers.items_between(project.id, known["upto"], 2**62, MOST_AT_ONCE)
    seen = known["seen"] + len(new)
    found: dict[str, Any] = {"seen": seen, "upto": new[-1][0] if new else known["upto"]}
    alerts: list[dict[str, Any]] = []
    if seen - known["looked"] >= WINDOW:
        newest = store.triggers.items_between(project.id, known["start"], 2**62, WINDOW)
        drifts = compare(
            columns(_reference(store, project, known, last), project.schema),
            columns([b for _, b in newest], project.schema),
        )
        found |= {"look": known["look"] + 1, "looked": seen, "drifts": [asdict(row) for row in drifts]}
        alerts = [
            _alert(drift, last, known["look"] + 1, project.settings.drift_significance)
            | {"after": newest[0][0] - 1, "upto": newest[-1][0]}
            for drift in _news(store, project, drifts, known["look"] + 1, last)
        ]
    if known | found != state.drift:
        store.triggers.save_drift(project.id, known | found, alerts, now)


def columns(inputs: Sequence[str], schema: Schema) -> dict[str, list[Any]]:
    """Values of the columns that can be compared: numbers, categories, and the hour and the weekday of times (UTC)."""
    rows, found = [orjson.loads(body) for body in inputs], dict[str, list[Any]]()
    for place, column in enumerate(schema.columns if rows else ()):
        values = [row[place] for row in rows]
        if column.kind in ("number", "category"):
            found[column.name] = values
        elif column.kind == "timestamp":
            # Of itself time moves always: what can drift is when in the day and the week rows come.
            found[f"{column.name}: hour"] = [None if at is None else at % DAY_S / HOUR_S for at in values]
            found[f"{column.name}: weekday"] = [None if at is None else str((at // DAY_S + 3) % 7) for at in values]
    return found


def _news(store: Store, project: Project, drifts: Sequence[ColumnDrift], look: int, last: Version) -> list[ColumnDrift]:
    """The drifts that are told as alerts."""
    known = calm(store.drift_alerts.answered(project.id), last.id)
    found = moved(drifts, look, project.settings.drift_significance, known)
    return [drift for drift in found if is_news(drift.effect, known.get(drift.kind, Calm()))]


def _alert(drift: ColumnDrift, last: Version, look: int, significance: float) -> dict[str, Any]:
    # repr: the place of a number is told to people and compared with values again, to the last bit.
    place = drift.place if isinstance(drift.place, str) or drift.place is None else repr(drift.place)
    return asdict(drift) | {
        "version": last.id, "place": place, "look": look, "level": look_level(look, significance)
    }  # fmt: skip


def _reference(store: Store, project: Project, known: Mapping[str, Any], last: Version) -> list[str]:
    # A window of them only: with older ones among them, a drift that the version has answered would look new.
    before = [body for _, body in store.triggers.items_between(project.id, 0, known["start"], WINDOW)]
    if last.parent_id is not None and len(before) >= WINDOW:
        return before
    return store.triggers.base_inputs(project.id, REFERENCE) or before
