"""Routes about work that outlives a request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from .. import exchange
from . import work_shapes as shapes
from .conditional import ETAGGED, answer
from .opening import MOST, Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may
from .reviewing import Limit, page

router = APIRouter()

Before = Annotated[int, Query(ge=1, le=MOST, description="`next` of the page before.")]


@router.post(
    "/projects/{project_id}/retrain", response_model=shapes.Job, status_code=202, dependencies=[may("retrain")]
)
def retrain(
    project_id: Id, act: shapes.Act, store: OpenStore, who: Who, request: Request, response: Response
) -> dict[str, Any]:
    """Ask for a new version; while a request waits, the same job is given again."""
    job = of_project(store, project_id).request_retrain(acting(act.by, who), "api")
    response.headers["Location"] = request.scope.get("root_path", "") + f"/jobs/{job.id}"
    return exchange.job(job)


@router.get("/projects/{project_id}/jobs", response_model=shapes.JobPage, responses=ETAGGED, dependencies=[may("see")])
def list_jobs(project_id: Id, store: OpenStore, request: Request, before: Before = MOST, limit: Limit = 20) -> Any:
    """The newest jobs first, a page at a time."""
    found = store.jobs.latest(store.projects.get(project_id).id, limit + 1, before)
    return answer(request, page([exchange.job(each) for each in found], limit))


@router.get("/jobs/{job_id}", response_model=shapes.Job, responses=ETAGGED, dependencies=[may("see")])
def get_job(job_id: Id, store: OpenStore, request: Request) -> Any:
    """One job with its progress, and its result or error when it is over."""
    return answer(request, exchange.job(store.jobs.get(job_id)))


@router.post("/jobs/{job_id}/cancel", response_model=shapes.Job, dependencies=[may("cancel")])
def cancel(job_id: Id, act: shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """End a job: at once when it waits; a running one stops within seconds."""
    loop = of_project(store, store.jobs.get(job_id).project_id)
    return exchange.job(loop.cancel(job_id, acting(act.by, who)))
