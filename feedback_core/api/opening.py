"""The store and the loop that a request is about."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from ..loop import Loop
from ..store import Store
from ..types import Version

MOST = 2**63 - 1
"""The largest id SQLite can hold; a larger one would be an error of the database, not of the caller."""

Id = Annotated[int, Path(ge=1, le=MOST)]


def opened_store(request: Request) -> Store:
    store: Store = request.app.state.store()
    return store


OpenStore = Annotated[Store, Depends(opened_store)]


def of_project(store: Store, project_id: int) -> Loop:
    """The loop of a project. Raises NotFound."""
    return Loop(store, store.projects.get(project_id))


def of_version(store: Store, version_id: int) -> tuple[Loop, Version]:
    """A version with the loop of its project. Raises NotFound."""
    return of_project(store, store.versions.project_of(version_id)), store.versions.get(version_id)
