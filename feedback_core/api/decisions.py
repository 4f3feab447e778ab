"""Routes that decide: the same rules as on the page, refused with the same words."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from .. import decisions, exchange
from . import shapes
from .evidence import told
from .opening import Id, OpenStore, of_project, of_version
from .people import Who, acting
from .permitting import may

router = APIRouter(prefix="/versions/{version_id}")
rulings = APIRouter(prefix="/projects/{project_id}/rulings")


@router.post("/judge", response_model=shapes.Report, dependencies=[may("judge")])
def judge(version_id: Id, decision: shapes.Decision, store: OpenStore, who: Who) -> dict[str, Any]:
    """Compare a version with the champion once more; every judgement is one look at the locked rows."""
    return told(store, decisions.judge(*of_version(store, version_id), acting(decision.by, who)))


@router.post("/promote", response_model=shapes.Version, dependencies=[may("promote")])
def promote(version_id: Id, decision: shapes.Decision, store: OpenStore, who: Who) -> dict[str, Any]:
    """Make a judged version the champion; against the gate's advice a reason is required."""
    return exchange.version(
        decisions.promote(*of_version(store, version_id), acting(decision.by, who), decision.reason)
    )


@router.post("/refuse", response_model=shapes.Version, dependencies=[may("refuse")])
def refuse(version_id: Id, decision: shapes.Decision, store: OpenStore, who: Who) -> dict[str, Any]:
    """Keep the champion and close the case of a judged version."""
    return exchange.version(decisions.refuse(*of_version(store, version_id), acting(decision.by, who), decision.reason))


@router.post("/rollback", response_model=shapes.RolledBack, dependencies=[may("rollback")])
def rollback(version_id: Id, decision: shapes.Rollback, store: OpenStore, who: Who) -> dict[str, Any]:
    """Bring an earlier champion back; a reason is required. `presses` undoes what it asks of the reviewers."""
    back = decisions.rollback(
        *of_version(store, version_id), acting(decision.by, who), decision.reason, decision.suspect
    )
    return exchange.rolled_back(back)


@rulings.post("/undo", response_model=shapes.Undone, dependencies=[may("rule")])
def undo_rulings(project_id: Id, undo: shapes.Undo, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take rulings back, such as the second opinions that a roll-back has asked for."""
    return {"entries": list(decisions.undo_rulings(of_project(store, project_id), undo.presses, acting(undo.by, who)))}
