"""Routes for models that live elsewhere."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from .. import brought, exchange, exports, outside, webhooks
from ..errors import NotFound
from ..outside import of_row
from . import outside_shapes as shapes
from .opening import Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter(prefix="/projects/{project_id}")


@router.post("/predictions", response_model=shapes.Brought, status_code=201, dependencies=[may("bring model")])
def import_predictions(project_id: Id, given: shapes.Predictions, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take in what a version that lives elsewhere says about up to 10,000 items, all or none.

    Sent again under the same name they add to it. Once enough locked rows have one, the version is judged in a job.
    """
    loop = of_project(store, project_id)
    said = [of_row(each.model_dump(), f"predictions.{n}: ") for n, each in enumerate(given.predictions)]
    found = brought.predictions(loop, said, given.version, acting(given.by, who))
    taken = found.taken
    return {
        "version": exchange.version(loop.store.versions.get(found.version.id)),
        "created": taken.created,
        "stored": taken.stored,
        "without_probabilities": taken.bare,
        "assumed": taken.assumed,
        "locked": asdict(taken.locked),
        "job": None if found.job is None else exchange.job(found.job),
        "says": found.says,
    }


@router.get("/endpoint", response_model=shapes.Endpoint, dependencies=[may("connect model")])
def get_endpoint(project_id: Id, store: OpenStore) -> Any:
    """Where the connected model lives; never its secret."""
    found = store.outside.endpoint(store.projects.get(project_id).id)
    if found is None:
        raise NotFound("No model elsewhere is connected to this project.")
    return found


@router.put("/endpoint", response_model=shapes.Connected, dependencies=[may("connect model")])
def connect(project_id: Id, given: shapes.NewEndpoint, store: OpenStore, who: Who, request: Request) -> dict[str, Any]:
    """Connect a model that lives on another server, in place of any before. The secret is in this answer alone."""
    reach = webhooks.reach_here(request.app.state.team)
    at: dict[str, Any] = {"by": acting(given.by, who), "now": time.time()}
    limits: dict[str, Any] = {"timeout_s": given.timeout_s, "batch": given.batch}
    project = store.projects.get(project_id)
    found, secret = outside.connect(store, project, given.url, given.train_url, reach, **at, **limits)
    return {**asdict(found), "secret": secret}


@router.delete("/endpoint", status_code=204, response_class=Response, dependencies=[may("connect model")])
def disconnect(project_id: Id, store: OpenStore, who: Who) -> Response:
    """Ask it nothing any more, and forget the secret; what it has said stays."""
    store.outside.disconnect(store.projects.get(project_id).id, by=who.name, now=time.time())
    return Response(status_code=204)


@router.post("/model-versions", response_model=shapes.Registered, status_code=201, dependencies=[may("bring model")])
def register_version(project_id: Id, given: shapes.NewVersion, store: OpenStore, who: Who) -> dict[str, Any]:
    """Say that the connected model serves a version under this name; it is asked about the locked rows and judged.

    request: the training request that it has learned from. Sent again it gives the same version.
    """
    loop = of_project(store, project_id)
    found = brought.version(loop, given.version, acting(given.by, who), given.request)
    return {
        "version": exchange.version(found.version),
        "job": None if found.job is None else exchange.job(found.job),
        "says": found.says,
    }


@router.get(
    "/training-requests/{request_id}/rows",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "The rows."}},
    dependencies=[may("export")],
)
def training_rows(project_id: Id, request_id: Id, store: OpenStore) -> StreamingResponse:
    """What a connected model was asked to learn from, as JSON Lines: id, values, label, weight. No locked row is."""
    project = store.projects.get(project_id)
    store.outside.request(project.id, request_id)
    rows = outside.requested_rows(store, project, request_id)
    return StreamingResponse(
        exports.FORMATS["jsonl"].write(rows, ("id", "values", "label", "weight")),
        media_type="application/x-ndjson",
        headers={"X-Content-Type-Options": "nosniff"},
    )
