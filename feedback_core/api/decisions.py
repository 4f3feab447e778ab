"""Routes that decide: the same rules as on the page, refused with the same words."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from .. import decisions, exchange
from . import shapes
from .evidence import told
from .opening import Id, OpenStore, of_version
from .people import Who, acting

router = APIRouter(prefix="/versions/{version_id}")


@router.post("/judge", response_model=shapes.Report)
def judge(version_id: Id, _decision: shapes.Decision, store: OpenStore, _who: Who) -> dict[str, Any]:
    """Compare a version with the champion once more; every judgement is one look at the locked rows."""
    return told(store, decisions.judge(*of_version(store, version_id)))


@router.post("/promote", response_model=shapes.Version)
def promote(version_id: Id, decision: shapes.Decision, store: OpenStore, who: Who) -> dict[str, Any]:
    """Make a judged version the champion; against the gate's advice a reason is required."""
    return exchange.version(
        decisions.promote(*of_version(store, version_id), acting(decision.by, who), decision.reason)
    )


@router.post("/refuse", response_model=shapes.Version)
def refuse(version_id: Id, decision: shapes.Decision, store: OpenStore, who: Who) -> dict[str, Any]:
    """Keep the champion and close the case of a judged version."""
    return exchange.version(decisions.refuse(*of_version(store, version_id), acting(decision.by, who), decision.reason))


@router.post("/rollback", response_model=shapes.Version)
def rollback(version_id: Id, decision: shapes.Rollback, store: OpenStore, who: Who) -> dict[str, Any]:
    """Bring an earlier champion back; a reason is required."""
    back = decisions.rollback(
        *of_version(store, version_id), acting(decision.by, who), decision.reason, decision.suspect
    )
    return exchange.version(back.version)
