"""Routes that other programs follow: events, exports, figures, and the model that is live."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from tempfile import mkstemp
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from .. import exchange, outgoing, people
from ..briefing import briefing
from ..formats import FORMATS
from ..models import artifacts, model_folder
from ..types import Version
from . import shapes, work_shapes
from .conditional import ETAGGED, answer
from .opening import MOST, Id, OpenStore
from .people import Who, asks_token, known
from .permitting import may
from .reviewing import After, Limit, page

router = APIRouter()

LOOK_S = 0.25
"""Between two looks for a new champion: one indexed row, 0.1 ms."""

Answers = dict[int | str, dict[str, Any]]
_KINDS = ("text/csv", "application/x-ndjson", "application/json", "application/zip")
_FILE: Answers = {200: {"content": {kind: {} for kind in _KINDS}, "description": "The rows."}}
_MODEL: Answers = {
    200: {
        "content": {"application/octet-stream": {}, "application/zip": {}},
        "description": "The file, as skops wrote it; a zip where a framework has written files beside it.",
    }
}
_NONE_YET: Answers = {204: {"description": "Nothing new came within the time."}}


@router.get("/projects/{project_id}/events", response_model=work_shapes.EventPage, dependencies=[may("see")])
def list_events(project_id: Id, store: OpenStore, who: Who, after: After = 0, limit: Limit = 100) -> Any:
    """Who did what and when, with the version that was live; oldest first, a page at a time.

    Changes of roles and tokens come without details to those who may not see who has which.
    """
    found = store.listings.events(store.projects.get(project_id).id, after, limit + 1)
    return page([exchange.event(each) for each in people.told(who, project_id, found)], limit)


Streamed = Literal["jsonl", "csv", "label-studio", "prodigy", "argilla", "huggingface"]
"""Formats that need no memory for the whole."""


@router.get(
    "/projects/{project_id}/export/{what}",
    response_class=StreamingResponse,
    responses=_FILE,
    dependencies=[may("export")],
)
def export(
    project_id: Id,
    what: Literal["items", "inputs", "predictions", "feedback"],
    store: OpenStore,
    format: Streamed = "jsonl",
) -> StreamingResponse:
    """All rows as JSON Lines or CSV, or items with what was said about them for another program, sent as they are read.

    It takes no memory, however many there are.
    """
    project = store.projects.get(project_id)
    name = f"project{project.id}-{what}{FORMATS[format].extension}"
    return StreamingResponse(
        outgoing.pieces(store, project, what, format),
        media_type=FORMATS[format].mime,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


@router.get(
    "/projects/{project_id}/insights", response_model=work_shapes.Insights, responses=ETAGGED, dependencies=[may("see")]
)
def get_insights(project_id: Id, store: OpenStore, request: Request) -> Response:
    """What the Insights page shows, as numbers: accuracies, volume, forecast, credit, and what the queue found."""
    return answer(request, briefing(store, store.projects.get(project_id), time.time()))


@router.get(
    "/projects/{project_id}/champion", response_model=shapes.Version, responses=_NONE_YET, dependencies=[may("see")]
)
async def get_champion(
    project_id: Id,
    store: OpenStore,
    request: Request,
    after: Annotated[int, Query(ge=0, le=MOST, description="Number of the version you have.")] = 0,
    wait_s: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for another one.")] = 0.0,
) -> Any:
    """The champion once its number is another than `after`; 204 when that does not happen in time."""
    project = await run_in_threadpool(store.projects.get, project_id)
    deadline = time.monotonic() + wait_s
    # No thread is held while it waits: forty waiting clients would otherwise stop everybody.
    while True:
        champion: Version | None = await run_in_threadpool(store.versions.champion, project.id)
        if champion is not None and champion.number != after:
            return exchange.version(champion)
        if time.monotonic() >= deadline or await request.is_disconnected():
            return Response(status_code=204)
        await asyncio.sleep(LOOK_S)
        if asks_token(request):
            await known(request)  # a token may have been revoked, or have ended, while this waited


@router.get(
    "/versions/{version_id}/artifact", response_class=FileResponse, responses=_MODEL, dependencies=[may("export")]
)
def get_artifact(version_id: Id, store: OpenStore) -> FileResponse:
    """The model file of a version, or its files as a zip where they are several.

    Their SHA-256 is the ETag, and stands in the version's description: of several files, that of what `sha256sum *`
    prints for them.
    """
    version = store.versions.get(version_id)
    path = artifacts.verified(store.artifacts, version.artifact, version.sha256)
    headers = {"ETag": f'"{version.sha256}"', "X-Content-Type-Options": "nosniff"}
    name = f"version{version.number}"
    if len(model_folder.files(path.parent)) == 1:
        return FileResponse(
            path, media_type="application/octet-stream", filename=f"{name}{path.suffix}", headers=headers
        )
    handle, packed = mkstemp(suffix=".zip")
    os.close(handle)
    model_folder.zipped(path.parent, Path(packed))
    gone = BackgroundTask(os.unlink, packed)
    return FileResponse(packed, media_type="application/zip", filename=f"{name}.zip", headers=headers, background=gone)
