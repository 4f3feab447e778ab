"""Routes about versions and the evidence on them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from .. import exchange
from ..store import Store
from ..types import FlipKind, GateReport, LockedSample
from . import shapes
from .opening import MOST, Id, OpenStore, of_version
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


def newest(store: Store, version_id: int) -> GateReport:
    """The newest report about a version. Raises NotFound where there is none."""
    return store.versions.verdict_on(store.versions.get(version_id))


def told(store: Store, report: GateReport) -> dict[str, Any]:
    """A report as it goes over the wire."""
    return exchange.report(report, *store.versions.compared(report))
