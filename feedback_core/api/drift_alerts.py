"""Routes about drift alerts: what was told about the inputs, and the answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from .. import drift_alerts, exchange
from ..review import MAX_NOTE
from ..types import DriftAlert, DriftAnswer, DriftDirection
from . import work_shapes as shapes
from .opening import MOST, Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter(prefix="/projects/{project_id}/drift-alerts")


class Alert(BaseModel):
    """A column of the newest items that no longer looks as in what a version could know."""

    id: int
    project_id: int
    version_id: int
    column_name: str
    direction: DriftDirection
    place: str | None = Field(description="Where the gap is widest: a number as text, or a category.")
    measure: str
    effect: float
    p: float = Field(description="Corrected for all columns.")
    level: float = Field(description="What p was held against.")
    share_before: float
    share_now: float
    look: int
    after: int
    upto: int = Field(description="The items compared lie between these ids.")
    created_at: str
    seen_at: str
    answer: DriftAnswer | None
    answered_by: str
    answered_at: str | None
    note: str
    sentence: str
    calm: str = Field(description="What dismissals of its kind ask for from now on; empty without any.")


class Alerts(BaseModel):
    items: list[Alert]
    next: int | None = Field(description="Give this as `before` for the next page; null on the last.")


class Answered(BaseModel):
    alert: Alert
    job: int | None = Field(default=None, description="Id of the retrain that was asked for.")
    session: int | None = Field(default=None, description="Id of the review session with the shifted rows.")


class Answer(shapes.Act):
    note: str = Field(default="", max_length=MAX_NOTE)


class Accept(Answer):
    then: Literal["retrain", "review", "nothing"] = Field(
        default="nothing", description="Ask for a new version, or put the open shifted rows up for review."
    )


@router.get("", response_model=Alerts, dependencies=[may("see")])
def list_drift_alerts(
    project_id: Id,
    store: OpenStore,
    open_only: bool = False,
    before: Annotated[int, Query(ge=1, le=MOST, description="`next` of the page before.")] = MOST,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> dict[str, Any]:
    """The newest alerts first."""
    found = drift_alerts.page(of_project(store, project_id), before=before, limit=limit + 1, open_only=open_only)
    items = [exchange.drift_alert(each.alert, each.sentence, each.calm) for each in found[:limit]]
    return {"items": items, "next": found[limit - 1].alert.id if len(found) > limit else None}


@router.post("/{alert_id}/accept", response_model=Answered, dependencies=[may("drift alerts")])
def accept_drift_alert(project_id: Id, alert_id: Id, answer: Accept, store: OpenStore, who: Who) -> dict[str, Any]:
    """Say that a drift matters, and ask for what follows."""
    loop = of_project(store, project_id)
    found = drift_alerts.accept(loop, alert_id, acting(answer.by, who), answer.then, answer.note)
    session = found.session.id if found.session else None
    return _told(found.alert) | {"job": found.job.id if found.job else None, "session": session}


@router.post("/{alert_id}/dismiss", response_model=Answered, dependencies=[may("drift alerts")])
def dismiss_drift_alert(project_id: Id, alert_id: Id, answer: Answer, store: OpenStore, who: Who) -> dict[str, Any]:
    """Say that a drift does not matter: its kind has to be clearer to be told again."""
    loop = of_project(store, project_id)
    return _told(drift_alerts.dismiss(loop, alert_id, acting(answer.by, who), answer.note))


@router.post("/{alert_id}/undo", response_model=Answered, dependencies=[may("drift alerts")])
def undo_drift_answer(project_id: Id, alert_id: Id, act: shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take the answer to an alert back."""
    return _told(drift_alerts.undo(of_project(store, project_id), alert_id, acting(act.by, who)))


def _told(alert: DriftAlert) -> dict[str, Any]:
    return {"alert": exchange.drift_alert(alert)}
