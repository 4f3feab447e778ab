"""Answers to drift alerts as page, command line and REST give them, and what an accepted one asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import review
from .errors import InvalidInput, NotFound, Refused
from .loop import Loop
from .triggers import calming, drift, gather, looking
from .types import DriftAlert, Job, ReviewSession
from .wording import counted

Then = Literal["retrain", "review", "nothing"]
"""What an accepted alert asks for: a new version, a review of the rows that have shifted, or nothing yet."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted alert with the job or the review session it has asked for."""

    alert: DriftAlert
    job: Job | None = None
    session: ReviewSession | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as people read it. calm: what dismissals of its kind ask for from now on; empty without any."""

    alert: DriftAlert
    sentence: str
    proof: str
    calm: str


def page(loop: Loop, *, before: int = 2**62, limit: int = 50, open_only: bool = False) -> list[Seen]:
    """The newest alerts first. before: only those older than this one."""
    store, project = loop.store, loop.project
    found = store.drift_alerts.page(project.id, before=before, limit=limit, open_only=open_only)
    last = gather.last_retrained(store.versions.all(project.id))
    known = calming.calm(store.drift_alerts.answered(project.id), last.id if last else 0)
    return [_seen(alert, known, project.settings.drift_significance) for alert in found]


def accept(loop: Loop, alert_id: int, by: str, then: Then = "nothing", note: str = "") -> Accepted:
    """Say that a drift matters: its kind is told as readily as any again, and what `then` names is asked for.

    Raises Refused where the alert is answered already, nothing could be learned, or no shifted row waits for review.
    """
    alert = _open(loop, alert_id)
    if then not in ("retrain", "review", "nothing"):
        raise InvalidInput(f"then={then!r} is not known: use retrain, review or nothing.")
    # Asked for first, and both are harmless twice: whoever is cut off in between finds the alert still open.
    job = loop.request_retrain(by, f"drift of {alert.column_name} accepted") if then == "retrain" else None
    session = _review(loop, alert, by) if then == "review" else None
    stored = loop.store.drift_alerts.answer(alert.id, "accept", by, loop.clock(), review.checked_reason(note))
    return Accepted(stored, job, session)


def dismiss(loop: Loop, alert_id: int, by: str, note: str = "") -> DriftAlert:
    """Say that a drift does not matter: its kind has to be clearer to be told again, and asks for no retrain."""
    alert = _open(loop, alert_id)
    return loop.store.drift_alerts.answer(alert.id, "dismiss", by, loop.clock(), review.checked_reason(note))


def undo(loop: Loop, alert_id: int, by: str) -> DriftAlert:
    """Take the answer to an alert back; what it has asked for stays asked for."""
    return loop.store.drift_alerts.undo(_own(loop, alert_id).id, by, loop.clock())


def shifted(loop: Loop, alert: DriftAlert) -> list[int]:
    """Open items among those compared whose value lies on the side that has grown, the newest first."""
    store, project = loop.store, loop.project
    rows = store.triggers.items_between(project.id, alert.after, alert.upto, drift.WINDOW)
    values: Sequence[Any] = looking.columns([body for _, body in rows], project.schema).get(alert.column_name, ())
    pairs = zip(rows, values, strict=False)
    ids = [item_id for (item_id, _), value in pairs if drift.shifted(value, alert.direction, alert.place)]
    outlines = store.items.outlines(ids)
    return [item_id for item_id in reversed(ids) if outlines[item_id].state == "open"]


def _review(loop: Loop, alert: DriftAlert, by: str) -> ReviewSession:
    ids = shifted(loop, alert)
    if not ids:
        raise Refused("No shifted row waits for review any more: ask for a retrain, or accept it as it is.")
    return loop.open_session(ids, f"Drift in {alert.column_name}"[:80], by)


def _seen(alert: DriftAlert, known: dict[calming.Kind, calming.Calm], significance: float) -> Seen:
    calm = known.get(calming.kind_of(alert.column_name, alert.direction, alert.place), calming.Calm())
    said = drift.told(alert.direction, alert.place, alert.share_before, alert.share_now)
    proof = (
        f"{alert.measure} {alert.effect:.2f}, p = {alert.p:.1g} at look {alert.look}, which asked for {alert.level:.1g}"
    )
    return Seen(alert, f"{alert.column_name}: {said}", proof, _calmed(calm, significance))


def _calmed(calm: calming.Calm, significance: float) -> str:
    if not calm.dismissals:
        return ""
    p, _ = calming.needed(calm, significance)
    grown = (
        f", and about the present version a distance of {calming.GROWN * calm.dismissed:.2f}" if calm.dismissed else ""
    )
    times = counted(calm.dismissals, "time")
    proof = f"{100 * p:.2g} % in place of {100 * significance:.2g} %"
    return f"Dismissed {times}: another alert of this kind takes proof at {proof}{grown}."


def _own(loop: Loop, alert_id: int) -> DriftAlert:
    alert = loop.store.drift_alerts.get(alert_id)
    if alert.project_id != loop.project.id:
        raise NotFound(f"There is no drift alert {alert_id} in {loop.project.name}.")
    return alert


def _open(loop: Loop, alert_id: int) -> DriftAlert:
    alert = _own(loop, alert_id)
    if alert.answer is not None:
        raise Refused(f"{alert.answered_by} has answered this alert already: take that back first.")
    return alert
