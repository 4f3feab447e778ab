"""The store and the loop that a request is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.concurrency import run_in_threadpool

from ..cache import Cache
from ..errors import InvalidInput
from ..loop import Loop
from ..store import Store
from ..types import Version

MOST = 2**63 - 1
"""The largest id SQLite can hold; a larger one would be an error of the database, not of the caller."""

MOST_MODELS = 8
"""Loaded models kept between requests."""

Id = Annotated[int, Path(ge=1, le=MOST)]


# Async, and in a thread only the first time: FastAPI would send every request to one.
async def opened_store(request: Request) -> Store:
    state = request.app.state
    if state.opened is None:
        state.opened = await run_in_threadpool(state.store)
    store: Store = state.opened
    return store


async def loaded_models(request: Request) -> dict[str, Any]:
    """Models by hash that requests before have loaded."""
    models: dict[str, Any] = request.app.state.models
    if len(models) > MOST_MODELS:
        models.clear()
    return models


async def known_query(request: Request) -> None:
    """Refuse parameters that a route does not have: `limti=5` would otherwise be ignored in silence."""
    if not request.scope.get("query_string"):
        return
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    if unknown := sorted(set(request.query_params) - known):
        listed = ", ".join(sorted(known)) or "none"
        raise InvalidInput(f"{unknown[0]!r:.80} is no parameter of this address: it takes {listed}.")


@dataclass(frozen=True, slots=True)
class Kept:
    """What requests before have loaded and prepared."""

    models: dict[str, Any]
    cache: Cache


async def kept(request: Request) -> Kept:
    return Kept(await loaded_models(request), request.app.state.cache)


OpenStore = Annotated[Store, Depends(opened_store)]
Models = Annotated[dict[str, Any], Depends(loaded_models)]
Prepared = Annotated[Kept, Depends(kept)]


def of_project(store: Store, project_id: int, models: dict[str, Any] | None = None, cache: Cache | None = None) -> Loop:
    """The loop of a project. models, cache: where those of earlier requests are kept. Raises NotFound."""
    return Loop(store, store.projects.get(project_id), models=models, cache=cache)


def of_version(store: Store, version_id: int) -> tuple[Loop, Version]:
    """A version with the loop of its project. Raises NotFound."""
    return of_project(store, store.versions.project_of(version_id)), store.versions.get(version_id)
