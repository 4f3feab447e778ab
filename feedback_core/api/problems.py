"""Errors become application/problem+json in one place. Source: RFC 9457."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import FeedbackError, Forbidden, InvalidInput, NotFound, NotSignedIn, Refused, Stale, StoreBusy
from .shapes import Problem

log = logging.getLogger(__name__)

STATUS: dict[type[FeedbackError], int] = {
    NotSignedIn: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    Stale: 409,
    InvalidInput: 422,
    StoreBusy: 503,
}
"""Status by error class, subclasses included; every other error of the core is 400."""

_DESCRIBED = {
    "description": "What went wrong, and the way out.",
    "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
}
PROBLEMS: dict[int | str, dict[str, Any]] = {422: _DESCRIBED, "default": _DESCRIBED}
"""How openapi.json describes them. 422 by name, or FastAPI would describe the one it sends by itself."""


class _Ascii(JSONResponse):
    # What is refused may hold half a surrogate pair, which has no bytes in UTF-8.
    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def problem(status: int, detail: str, code: str, **more: Any) -> JSONResponse:
    """A response that says what went wrong. code: a word for programs to branch on; more: further members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    return _Ascii(body | more, status, media_type="application/problem+json")


async def feedback_error(request: Request, error: Exception) -> JSONResponse:
    """An error of the core: its message is written for people and names the way out."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
    told = problem(status, str(error), type(error).__name__)
    if status == 401:  # Source: RFC 6750, section 3: no error is named where no token was sent
        sent = "authorization" in request.headers
        told.headers["WWW-Authenticate"] = 'Bearer realm="feedback"' + (', error="invalid_token"' if sent else "")
    return told


async def validation_error(_request: Request, error: Exception) -> JSONResponse:
    """A request that does not have the shape asked for: the first mistake in words, all of them for programs."""
    found = [
        {"field": ".".join(str(part) for part in each["loc"]), "message": each["msg"]}
        for each in getattr(error, "errors", list)()
    ]
    detail = " ".join(f"{each['field']}: {each['message']}." for each in found[:3])
    return problem(422, f"{detail} See openapi.json for what is taken.", "InvalidRequest", errors=found)


async def http_error(request: Request, error: Exception) -> JSONResponse:
    """An unknown path, a method it does not take, and the like."""
    status = getattr(error, "status_code", 500)
    detail = f"{request.method} {request.url.path}: {getattr(error, 'detail', '')}. See openapi.json for what there is."
    response = problem(status, detail, "NoSuchPath" if status == 404 else "HttpError")
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def unexpected(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours: logged with its traceback, told without it."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, f"Something failed here ({type(error).__name__}): the server's log has the details.", "Bug")


HANDLERS: dict[int | type[Exception], Callable[[Request, Exception], Any]] = {
    FeedbackError: feedback_error,
    RequestValidationError: validation_error,
    HTTPException: http_error,
    Exception: unexpected,
}
