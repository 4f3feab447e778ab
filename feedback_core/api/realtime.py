"""Routes about learning in real time."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from .. import exchange, realtime
from . import work_shapes as shapes
from .opening import Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter(prefix="/projects/{project_id}/realtime")


class Share(BaseModel):
    """A share with its 95 % interval, as fractions."""

    value: float | None
    low: float
    high: float | None
    n: int


class Realtime(BaseModel):
    on: bool = Field(description="Whether the project learns in real time.")
    sentence: str
    says: list[str] = Field(description="Lag, lessons and errors in words.")
    why_not: str = Field(description="Why nothing is learned now; empty while it is.")
    origin: int | None = Field(description="Number of the version it started from.")
    estimator: str
    lessons: int = Field(description="Entries learned since.")
    skipped: int = Field(description="Entries whose label the start does not know.")
    lag_s: float | None = Field(description="Median seconds from an entry to its being learned, of the newest 200.")
    slow_lag_s: float | None = Field(description="95 % of them were learned within these seconds.")
    waiting_s: float = Field(description="Age of the oldest entry not looked at, in seconds.")
    challenger: Share = Field(description="Wrong answers given before each entry was learned.")
    champion: Share
    gain: Share = Field(description="How much lower the challenger's share is, on the same entries.")
    since_judged: int = Field(description="Corrections learned since one was judged.")
    path: dict[str, list[Any]] = Field(description="Running shares, columns of equal length.")


@router.get("", response_model=Realtime, dependencies=[may("see")])
def get_realtime(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """Where the challenger stands that learns entry by entry beside the champion."""
    loop = of_project(store, project_id)
    return exchange.live(realtime.view(store, loop.project, loop.clock()))


@router.post("/judge", response_model=shapes.Job, status_code=202, dependencies=[may("judge")])
def judge_realtime(
    project_id: Id, act: shapes.Act, store: OpenStore, who: Who, request: Request, response: Response
) -> dict[str, Any]:
    """Have the challenger judged as it is now: it becomes a candidate, by one look at the locked rows."""
    loop = of_project(store, project_id)
    job = realtime.request(store, loop.project, acting(act.by, who), loop.clock())
    response.headers["Location"] = request.scope.get("root_path", "") + f"/jobs/{job.id}"
    return exchange.job(job)
