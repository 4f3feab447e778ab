"""Routes for models that live elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from .. import brought, exchange
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
