"""Routes by which rows come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from .. import arrivals, exchange, number_views, people, staging, tasks
from ..arrivals import Answered
from ..loop import Loop
from ..store import Store
from ..store.listings import Placed
from ..types import Project, Rows
from . import work_shapes as shapes
from .guard import NDJSON
from .opening import Id, Models, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter()


@router.post(
    "/projects/{project_id}/items", response_model=shapes.Added, status_code=201, dependencies=[may("add items")]
)
def add_items(project_id: Id, batch: shapes.NewItems, store: OpenStore, who: Who) -> dict[str, Any]:
    """Add up to 10,000 rows, all or none; rows whose key is known are left as they are."""
    loop = of_project(store, project_id)
    arrived = arrivals.add(loop, acting(batch.by, who), _rows(loop.project, batch.items))
    return {"added": arrived.added, "items": arrived.items}


@router.post("/projects/{project_id}/predict", response_model=shapes.Predictions, dependencies=[may("predict")])
def predict(project_id: Id, given: shapes.Inputs, store: OpenStore, models: Models, who: Who) -> dict[str, Any]:
    """Ask the champion; inputs and answers are kept, so that they can be reviewed."""
    loop = of_project(store, project_id, models)
    bodies = [arrivals.encoded(values, loop.project.schema, f"inputs.{n}: ") for n, values in enumerate(given.inputs)]
    by = acting(given.by, who)
    said = arrivals.predict(loop, people.signature(by, people.via(who, by)), bodies, log=given.log)
    return _told(said, loop)


_IMPORT = {"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}}


@router.post(
    "/projects/{project_id}/import",
    response_model=shapes.Job,
    status_code=202,
    openapi_extra=_IMPORT,
    dependencies=[may("add items")],
)
async def import_items(project_id: Id, request: Request, store: OpenStore, who: Who, train: bool = False) -> Any:
    """Stream any number of rows, one JSON object a line: {"input": ..., "key": ..., "label": ...}.

    Every line is checked as it comes; where one is wrong, nothing is stored. The rows become items in a job; train: it
    asks for the first version when they are in.
    """
    project = await run_in_threadpool(store.projects.get, project_id)
    with staging.Draft(staging.folder(store.artifacts)) as draft:
        reader = arrivals.Lines(project, draft.add)
        async for chunk in request.stream():
            await run_in_threadpool(reader.feed, chunk)
        await run_in_threadpool(reader.close)
        name = draft.settle()
    return exchange.job(await run_in_threadpool(_requested, store, project, name, train, who.name))


def _requested(store: Store, project: Project, name: str, train: bool, by: str) -> Any:
    loop = of_project(store, project.id)
    payload = {"file": name, "train": train}
    return store.jobs.request(project.id, "import", trigger="api", by=by, now=loop.clock(), payload=payload)


def _rows(project: Project, items: list[shapes.NewItem]) -> Rows:
    bodies, labels = [], []
    for n, item in enumerate(items):
        place = f"items.{n}: "
        bodies.append(arrivals.encoded(item.input, project.schema, place))
        labels.append(None if item.label is None else arrivals.target_of(item.label, project, place))
    return Rows(bodies, [item.key for item in items], labels)


def _told(said: Answered, loop: Loop) -> dict[str, Any]:
    logged: Sequence[Placed | None] = said.items or [None] * len(said.labels)
    columns = tasks.of(loop.project).columns(loop.project)
    ends = [_ends(loop, said, numbers) for numbers in said.proba.tolist()]
    return {
        "version": said.serving.version.number,
        "version_id": said.serving.version.id,
        "warning": said.serving.warning,
        "predictions": [
            {
                "label": label,
                "confidence": sure,
                "proba": dict(zip(columns, proba, strict=True)),
                "low": low,
                "high": high,
                "item": item and item.id,
                "key": item and item.key,
            }
            for label, sure, proba, (low, high), item in zip(
                said.labels, said.confidence, said.proba.tolist(), ends, logged, strict=True
            )
        ],
    }


def _ends(loop: Loop, said: Answered, numbers: Sequence[float]) -> tuple[float | None, float | None]:
    """Low and high end of where a predicted number is expected."""
    found = None
    if loop.project.task == "regression":
        found = number_views.ends(loop, said.serving.version.id, numbers[0], numbers[1])
    return (None, None) if found is None else found
