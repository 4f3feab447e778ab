"""What no route has to think of: requests from foreign sites, bodies of other types, bodies that are too large.

The pages' websocket refuses foreign origins by itself; routes mounted beside it get no such check.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import problem

MAX_BODY = 1_000_000
"""Bytes of a request's body: decisions are a few hundred; rows in bulk go through Setup."""

READING = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware that answers a bad request before any route sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in READING:
            await self.app(scope, receive, send)
            return
        refusal = _refusal(Headers(scope=scope))
        # Read whole before the route runs: a body sent in pieces announces no length.
        body = b"" if refusal else await _body(receive)
        if len(body) > MAX_BODY:
            refusal = _too_large()
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


def _refusal(headers: Headers) -> Response | None:
    origin = headers.get("origin")
    if _is_foreign(origin, headers.get("host", "")) or headers.get("sec-fetch-site") == "cross-site":
        detail = f"Requests from {origin or 'another site'} may not change anything here: send them from this server."
        return problem(403, detail, "ForeignOrigin")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form of another site can send every type but this one without asking first.
    if kind != "application/json":
        return problem(415, f"content-type={kind!r} is not taken: send application/json.", "NotJson")
    length = headers.get("content-length", "0")
    return _too_large() if length.isdigit() and int(length) > MAX_BODY else None


def _is_foreign(origin: str | None, host: str) -> bool:
    """Whether a browser says that the page behind a request came from elsewhere; "null" is elsewhere."""
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _too_large() -> Response:
    return problem(413, f"The body is larger than {MAX_BODY:,} bytes: send less at a time.", "TooLarge")


async def _body(receive: Receive) -> bytes:
    """The whole body, or the first bytes beyond MAX_BODY of a larger one."""
    body, more = bytearray(), True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
