"""Routes about versions and the evidence on them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from .. import exchange, movement, studies
from ..store import Store
from ..types import FlipKind, GateReport, LockedSample
from ..wording import iso
from . import shapes, work_shapes
from .opening import MOST, Id, OpenStore, of_version
from .people import Who, acting
from .permitting import may
from .projects import PAGE_HEADERS

router = APIRouter()


@router.get("/versions/{version_id}", response_model=shapes.Version, dependencies=[may("see")])
def get_version(version_id: Id, store: OpenStore) -> dict[str, Any]:
    """One version with its scores and what a rebuild needs."""
    return exchange.version(store.versions.get(version_id))


@router.get("/versions/{version_id}/report", response_model=shapes.Report, dependencies=[may("see")])
def get_report(version_id: Id, store: OpenStore) -> dict[str, Any]:
    """The newest gate report about a version."""
    return told(store, newest(store, version_id))


@router.get("/versions/{version_id}/report.html", response_class=HTMLResponse, dependencies=[may("see")])
def get_report_page(version_id: Id, store: OpenStore) -> HTMLResponse:
    """The refinement report of a version's newest verdict as one page that needs nothing else."""
    report, (loop, _) = newest(store, version_id), of_version(store, version_id)
    return HTMLResponse(loop.report_html(report), headers=PAGE_HEADERS)


@router.get("/versions/{version_id}/flips", response_model=shapes.FlipPage, dependencies=[may("see")])
def list_flips(
    version_id: Id,
    store: OpenStore,
    kind: FlipKind | None = None,
    sample: LockedSample | None = None,
    after: Annotated[int, Query(ge=0, le=MOST, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> dict[str, Any]:
    """Rows about which the version and the champion say different things, by its newest report."""
    # One more than asked for tells whether another page follows.
    found = store.flips.page(newest(store, version_id).id, kind, sample, after=after, limit=limit + 1)
    keys = store.items.keys([flip.item_id for flip in found[:limit]])
    items = [exchange.flip(flip, keys[flip.item_id]) for flip in found[:limit]]
    return {"items": items, "next": found[limit - 1].item_id if len(found) > limit else None}


@router.get("/versions/{version_id}/what-moved", response_model=shapes.WhatMoved, dependencies=[may("see")])
def get_what_moved(version_id: Id, store: OpenStore) -> dict[str, Any]:
    """What a version goes by now and the one before it did not: columns, rows that changed, labels that pulled them.

    It comes with each new version, a while after its verdict; 404 before that, and where nobody has asked for it.
    """
    found = studies.effects_of(store, store.versions.get(version_id))
    words = {"sentences": movement.told(found.body), "notes": movement.notes(found.body)}
    return {**found.body, **words, "version_id": version_id, "created_at": iso(found.created_at)}


@router.post(
    "/versions/{version_id}/what-moved",
    response_model=work_shapes.Job,
    status_code=202,
    dependencies=[may("study")],
)
def compare_version(version_id: Id, act: work_shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Ask the worker what moved in a version; while a request waits, the same job is given again."""
    loop, version = of_version(store, version_id)
    return exchange.job(loop.request_study("effects", acting(act.by, who), version, trigger="api"))


def newest(store: Store, version_id: int) -> GateReport:
    """The newest report about a version. Raises NotFound where there is none."""
    return store.versions.verdict_on(store.versions.get(version_id))


def told(store: Store, report: GateReport) -> dict[str, Any]:
    """A report as it goes over the wire."""
    return exchange.report(report, *store.versions.compared(report))
