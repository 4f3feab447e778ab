"""Who asks: the one place through which every route goes."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Request

from ..environment import user_name
from ..errors import InvalidInput

MOST_NAME = 80
"""Characters of a name."""

NAME_HEADER = "X-Feedback-User"


# Async, though it waits for nothing: FastAPI sends every sync dependency to a thread, 0.1 ms of CPU each.
async def who(
    request: Request,
    named: Annotated[
        str | None, Header(alias=NAME_HEADER, description="Who asks, percent-encoded; else the server's user.")
    ] = None,
) -> str:
    """The name under which a request is done. Without sign-in it is what the caller says, and proves nothing."""
    name = unquote(named or "").strip() or request.app.state.user
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise InvalidInput(f"{NAME_HEADER}={name[:MOST_NAME]!r} is not a name: give 1 to {MOST_NAME} characters.")
    return str(name)


Who = Annotated[str, Depends(who)]


def acting(by: str | None, asking: str) -> str:
    """Who a change is recorded under: the person a program names in the body, else who asks."""
    return asking if by is None else by


def local_user() -> str:
    """The name of whoever runs the server."""
    return user_name() or "api"
