"""Routes about line-ups: several models trained on the same rows and judged beside each other."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .. import exchange, lineup
from . import work_shapes as shapes
from .opening import Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter(prefix="/projects/{project_id}/line-up")


class Wanted(shapes.Act):
    estimators: list[str] = Field(min_length=1, max_length=lineup.MOST, description="Names of models, each once.")


class Jobs(BaseModel):
    jobs: list[shapes.Job]


class Standing(BaseModel):
    contenders: list[dict[str, Any]] = Field(description="One object a trained model, the most accurate first.")
    live: list[shapes.Job] = Field(description="Models still to be trained.")
    failed: dict[str, str] = Field(description="Why the others have no version, by model.")
    looks_left: int = Field(description="Looks at the present locked rows that a proof is still budgeted for.")


@router.post("", response_model=Jobs, status_code=202, dependencies=[may("retrain")])
def line_up(project_id: Id, wanted: Wanted, store: OpenStore, who: Who) -> dict[str, Any]:
    """Ask for versions by several models, one job each; each of them costs one look at the locked rows."""
    found = lineup.request(of_project(store, project_id), wanted.estimators, acting(wanted.by, who))
    return {"jobs": [exchange.job(job) for job in found]}


@router.get("", response_model=Standing, dependencies=[may("see")])
def get_line_up(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """The last line-up as far as it has come."""
    loop = of_project(store, project_id)
    found = lineup.newest(loop)
    return {
        "contenders": lineup.table(found),
        "live": [exchange.job(job) for job in found.live],
        "failed": dict(found.failed),
        "looks_left": lineup.looks_left(loop),
    }
