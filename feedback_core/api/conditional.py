"""Answers that a polling client need not read twice."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

ETAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Send it as If-None-Match.", "schema": {"type": "string"}}}},
    304: {"description": "Nothing has changed since the answer with this ETag."},
}
"""How openapi.json describes such a route."""


def answer(request: Request, body: Any) -> Response:
    """JSON with an ETag, or 304 without a body when the client has it already."""
    content = orjson.dumps(body)
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
