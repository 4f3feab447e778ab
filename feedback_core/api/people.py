"""Who asks: the one place through which every route goes."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import people
from ..environment import user_name
from ..errors import FeedbackError, InvalidInput, NotSignedIn, StoreBusy
from ..store import Store
from ..types import Person
from .guard import READING
from .opening import opened_store
from .problems import feedback_error

MOST_NAME = 80
"""Characters of a name."""

ASKING = "feedback.asking"
"""Where a request's scope holds who asks, once that is known."""

NAME_HEADER = "X-Feedback-User"


# Async, though it waits for nothing: FastAPI sends every sync dependency to a thread, 0.1 ms of CPU each.
async def who(
    request: Request,
    named: Annotated[
        str | None, Header(alias=NAME_HEADER, description="Who asks, percent-encoded; else the server's user.")
    ] = None,
) -> Person:
    """Who asks: the token they send; without sign-in, where they send none, whom they name, which proves nothing.

    Raises NotSignedIn, and Forbidden where a token names somebody without being made for it.
    """
    name = unquote(named or "").strip()
    if name and (len(name) > MOST_NAME or not name.isprintable()):
        raise InvalidInput(f"{NAME_HEADER}={name[:MOST_NAME]!r} is not a name: give 1 to {MOST_NAME} characters.")
    if not asks_token(request):
        return people.local(people.name_of_person(name) or request.app.state.user)
    asking = request.scope.get(ASKING) or await known(request)
    if request.method not in READING and not _for_others(request):
        asking = replace(asking, may_act_for_others=False)
    return people.in_name_of(asking, name) if name else asking


def _for_others(request: Request) -> bool:
    """Whether the route is one of those that may record something in others' names."""
    may = request.app.state.declared.get((request.scope["route"].path, request.method))
    return may is not None and may.action in people.FOR_OTHERS


class Doorkeeper:
    """ASGI middleware: where a token is asked for, a change shows it before its body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and asks_token(request := Request(scope)):
            try:
                scope[ASKING] = await known(request)
            except FeedbackError as error:
                refusal = await feedback_error(request, error)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


Who = Annotated[Person, Depends(who)]


def asks_token(request: Request) -> bool:
    """Whether a token says who asks: with sign-in always, without it where one is sent."""
    # Taken for this machine's admin, a program would not learn that its token is wrong, or has ended.
    return request.app.state.team or request.headers.get("authorization", "").lower().startswith("bearer")


def acting(by: str | None, asking: Person) -> str:
    """Who a change is recorded under: the person a program names in the body, else who asks. Raises Forbidden."""
    return people.acting(asking, by)


def local_user() -> str:
    """The name of whoever runs the server."""
    name = user_name()
    return "api" if not name or name.casefold() in people.AUTOMATIC else name


async def known(request: Request) -> Person:
    """The token that a request bears, as who asks. Raises NotSignedIn."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn(f"Programs say here who they are, with a token. {people.HOW}")
    store, now = await opened_store(request), time.time()
    # Read at every request, on the loop: 0.06 ms of CPU, and a revoked token ends at once, whichever process did it.
    token = people.bearer(store, secret.strip(), now)
    if now - (token.last_used_at or 0.0) >= people.USED_EVERY_S:
        await run_in_threadpool(_used, store, token.id, now)
    return people.person_of(token)


def _used(store: Store, token_id: int, now: float) -> None:
    with suppress(StoreBusy):  # not worth refusing a request for
        store.tokens.touch(token_id, now, people.USED_EVERY_S)
