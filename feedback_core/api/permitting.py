"""What a route does, in the words of the table of permissions: every route declares it, or the API does not start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from .. import people, permissions
from ..errors import NotFound
from ..permissions import ACTIONS
from ..store import Store
from .opening import opened_store
from .people import Who

Declared = Mapping[tuple[str, str], "May | None"]
"""What each path and method declares; None: open to everybody."""


class May:
    """Lets a request pass to whom may do something in the project that its path names.

    somewhere: a role in any project is enough, because the route itself leaves out the others.
    """

    def __init__(self, action: str, *, somewhere: bool = False) -> None:
        self.least, self.action, self.somewhere = ACTIONS[action].least, action, somewhere

    async def __call__(self, request: Request, who: Who) -> None:
        """Raises Forbidden."""
        if permissions.may(who, None, self.action) or (self.somewhere and permissions.may_somewhere(who, self.action)):
            return
        store = await opened_store(request)
        project_id = await run_in_threadpool(_project_of, store, request.path_params)
        if not permissions.may(who, project_id, self.action):
            await run_in_threadpool(people.require, store, who, project_id, self.action)


class Anyone:
    """Lets everybody pass, known or not."""

    async def __call__(self) -> None:
        """Asks nothing."""


def may(action: str, *, somewhere: bool = False) -> Any:
    """For `dependencies=[...]` of a route: who may ask for it."""
    return Depends(May(action, somewhere=somewhere))


ANYONE = Depends(Anyone())
"""For routes that tell nothing about anybody's data."""

_LOOKED_UP: Mapping[str, Callable[[Store, int], int | None]] = {
    "version_id": lambda store, n: store.versions.project_of(n),
    "job_id": lambda store, n: store.jobs.get(n).project_id,
    "feedback_id": lambda store, n: store.listings.entry_project(n),
    "member_id": lambda store, n: store.members.get(n).project_id,
    "token_id": lambda store, n: store.tokens.get(n).project_id,
}


def _project_of(store: Store, path: Mapping[str, Any]) -> int | None:
    """The project a path is about. What does not exist is in none: only who may do it everywhere is told so."""
    if "project_id" in path:
        return _number(path["project_id"])
    for name, found in _LOOKED_UP.items():
        if name in path:
            try:
                return found(store, _number(path[name]))
            except NotFound:
                return None
    return None


def _number(given: Any) -> int:
    # Checked by the route only after this; what is no id is the id of nothing.
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def declared(routers: Iterable[APIRouter]) -> Declared:
    """What every route declares. Raises TypeError for one that declares nothing, or several things."""
    return {
        (route.path_format, method): _of(route)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _of(route: APIRoute) -> May | None:
    found = [each.dependency for each in route.dependencies if isinstance(each.dependency, (May, Anyone))]
    if len(found) != 1:
        raise TypeError(f"{route.path} declares {len(found)} actions: give it dependencies=[may(...)], once.")
    return found[0] if isinstance(found[0], May) else None


class Described(FastAPI):
    """An API whose description says which role each route takes, and with sign-in that it takes a token."""

    def openapi(self) -> dict[str, Any]:
        fresh = self.openapi_schema is None
        document = super().openapi()
        if fresh:
            _describe(document, self.state.declared, self.state.team)
        return document


def _describe(document: dict[str, Any], routes: Declared, team: bool) -> None:
    if team:
        scheme = {"type": "http", "scheme": "bearer", "description": people.HOW}
        document.setdefault("components", {})["securitySchemes"] = {"token": scheme}
    for (path, method), who in routes.items():
        if who is None:
            continue
        route = document["paths"][path][method.lower()]
        route["x-action"], route["x-least-role"] = who.action, who.least
        route["description"] += f"\n\nTakes the role {who.least}."
        if ACTIONS[who.action].people_only:
            route["description"] += " No token may: people do it on the page, or on the command line."
        if team:
            route["security"] = [{"token": []}]
