"""What no route has to think of: requests from foreign sites, bodies of other types, bodies that are too large.

The fence looks at the origin of websockets only; a request may also come from a page of another site.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import InvalidInput
from ..fence import is_foreign
from .problems import problem

JSON, NDJSON = "application/json", "application/x-ndjson"

MAX_BODY = 1_000_000
"""Bytes of a request's body: decisions are a few hundred."""

MAX_BATCH = 32_000_000
"""Bytes of a batch of rows: 10,000 of a hundred numbers."""

MAX_IMPORT = 4_000_000_000
"""Bytes of a streamed import: they go to the disk, and none of them stays in memory."""

_BATCHES = ("/items", "/predict", "/predictions", "/feedback/batch")
_STREAMS = ("/import",)
READING = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware that answers a bad request before any route sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in READING:
            await self.app(scope, receive, send)
            return
        streamed = scope["path"].endswith(_STREAMS)
        most = MAX_IMPORT if streamed else MAX_BATCH if scope["path"].endswith(_BATCHES) else MAX_BODY
        refusal = _refusal(Headers(scope=scope), scope["method"], NDJSON if streamed else JSON, most)
        if refusal is None and streamed:
            await self.app(scope, _counted(receive, most), send)
            return
        # Read whole before the route runs: a body sent in pieces announces no length.
        body = b"" if refusal else await _body(receive, most)
        if body is None:
            return
        if len(body) > most:
            refusal = too_large(most)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if not body and scope["method"] != "DELETE":
            scope, body = _as_json(scope), b"{}"
        await self.app(scope, _replay(body, receive), send)


def _refusal(headers: Headers, method: str, wanted: str, most: int) -> Response | None:
    origin = headers.get("origin")
    if is_foreign(origin, headers.get("host", "")) or headers.get("sec-fetch-site") == "cross-site":
        detail = f"Requests from {origin or 'another site'} may not change anything here: send them from this server."
        return problem(403, detail, "ForeignOrigin")
    if headers.get("content-encoding", "identity") != "identity":
        return problem(415, "Compressed bodies are not taken: send it as it is.", "Compressed")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form of another site can send every type but this one without asking first; it cannot send a DELETE, nor leave
    # the type out.
    if kind != wanted and method != "DELETE" and not (wanted == JSON and _is_bare(headers)):
        return problem(415, f"content-type={kind!r} is not taken: send {wanted}.", "NotJson")
    length = headers.get("content-length", "0")
    return too_large(most) if length.isdigit() and int(length) > most else None


def _is_bare(headers: Headers) -> bool:
    """Whether a request has neither a body nor a type for one, as of `curl -X POST`: it means {}."""
    announced = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return not headers.get("content-type") and not announced


def _as_json(scope: Scope) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*kept, (b"content-type", JSON.encode())]}


def too_large(most: int) -> Response:
    """The refusal of a body of more than so many bytes."""
    return problem(413, f"The body is larger than {most:,} bytes: send less at a time.", "TooLarge")


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body, or the first bytes beyond `most` of a larger one; None where the sender has gone half-way."""
    body, more = bytearray(), True
    while more and len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":  # what has come may be valid JSON, and is not what was meant
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _counted(receive: Receive, most: int) -> Receive:
    """The same messages, broken off when they have brought more than so many bytes."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise InvalidInput(f"The body is larger than {most:,} bytes: send less at a time.")
        return message

    return counting


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
