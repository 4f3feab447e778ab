"""What stands in front of every page and route: the refusal of strangers' connections, and security headers."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware.trustedhost import TrustedHostMiddleware

from .listening import WAY_OUT, is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_PASSED_ON = frozenset((b"forwarded", b"via", b"x-real-ip"))
"""What a proxy adds to a request, beside all that begins with x-forwarded-."""

_UPLOADS, _METRICS = "/_stcore/upload_file", "/_stcore/metrics"

_COMMON: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_API: Headers = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"), *_COMMON)
_NAMES = frozenset(name for name, _ in _API)


def page_policy(index: str) -> str:
    """The Content-Security-Policy for pages. index: the HTML that starts them; only its own scripts run inline.

    blob: is how Streamlit loads the code of a component. Styles are inline all over Streamlit; code never is.
    """
    scripts = re.findall(r"<script>(.*?)</script>", index, re.DOTALL)
    hashes = "".join(f" 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'self'; script-src 'self' blob:{hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


class Fence:
    """ASGI middleware: without sign-in it answers this machine only; every answer gets the security headers.

    index: the HTML that starts the pages. sign_in: whether people and programs have to prove who they are.
    may_upload: whether a request comes from somebody who may send files to pages, asked where there is sign-in.
    """

    def __init__(self, app: App, index: str, sign_in: bool, may_upload: Callable[[Scope], Awaitable[bool]]) -> None:
        self._app, self._sign_in, self._may_upload = app, sign_in, may_upload
        self._pages: Headers = ((b"content-security-policy", page_policy(index).encode()), *_COMMON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif why := await self._refusal(scope):
            await _refuse(scope, send, why)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            headers = _API if scope["path"].startswith("/api") else self._pages
            await self._app(scope, receive, _with(headers, scope.get("scheme") == "https", send))

    async def _refusal(self, scope: Scope) -> str:
        """Why nobody behind this fence gets to see a request, in words; empty when somebody does."""
        if not self._sign_in and (why := _from_elsewhere(scope)):
            return f"{why}\n{WAY_OUT}"
        if scope["type"] == "websocket" and _of_another_site(scope):
            return "A page of another address may not use this server: open its own pages."
        if not self._sign_in:
            return ""
        if _METRICS in scope["path"]:
            return "Figures about this server are not given out while people sign in."
        # Streamlit keeps uploads in memory, and takes them from whoever has opened a page, be it only the door.
        if _UPLOADS in scope["path"] and not await self._may_upload(scope):
            return "Only those who may add rows can upload a file: sign in, or ask an admin for the role."
        return ""


class Hosts:
    """ASGI middleware: answers only to these host names, which stops DNS rebinding, and says how to add one."""

    def __init__(self, app: App, allowed: Sequence[str]) -> None:
        # Made once, not for every request: it calls what stands behind it only where it knows the host.
        self._app, self._known = app, TrustedHostMiddleware(_mark, list(allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            await self._known(scope, receive, _unsaid)
            if not scope.pop(_MARK, False):
                host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
                known = "name it in FEEDBACK_ALLOWED_HOSTS, or use http://localhost."
                await _refuse(scope, send, f"The host {host!a:.80} is not known here: {known}", 400, "UnknownHost")
                return
        await self._app(scope, receive, send)


_MARK = "feedback.host_is_known"


async def _mark(scope: Scope, _receive: Receive, _send: Send) -> None:
    scope[_MARK] = True


async def _unsaid(_: MutableMapping[str, Any]) -> None:
    """Its own refusal names no way out."""


def is_foreign(origin: str | None, host: str) -> bool:
    """Whether a browser says that the page behind a request came from elsewhere; "null" is elsewhere."""
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _of_another_site(scope: Scope) -> bool:
    # Streamlit compares host names only, so that whatever listens on another port of this machine would pass; and for
    # a name it does not know it asks a server on the internet what this machine's address is.
    told = dict(scope["headers"])
    origin = told.get(b"origin")
    return is_foreign(None if origin is None else origin.decode("latin-1"), told.get(b"host", b"").decode("latin-1"))


def _from_elsewhere(scope: Scope) -> str:
    """Why a request is not taken for one of this machine; empty when it is."""
    for end in ("server", "client"):
        if not _from_here(*(scope.get(end) or ("", None))[:1]):
            return "Without sign-in this server answers its own machine only."
    passed_on = [name for name, _ in scope["headers"] if name in _PASSED_ON or name.startswith(b"x-forwarded-")]
    if not passed_on:
        return ""
    # A proxy on this machine is a caller from this machine, whoever is behind it.
    return f"Without sign-in this server takes nothing from a proxy ({passed_on[0].decode('latin-1')})."


def _with(headers: Headers, https: bool, send: Send) -> Send:
    """Sends answers with these headers, except those that a route has set for itself."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower(), value) for name, value in message.get("headers", ())]
            set_already = _NAMES.intersection(name for name, _ in own)
            own += [pair for pair in headers if pair[0] not in set_already]
            message["headers"] = _for_https(own) if https else own
        await send(message)

    return sending


def _for_https(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same for an encrypted connection: come back encrypted, and send no cookie over any other."""
    # Streamlit leaves Secure out of its sign-in cookies, because the same code serves plain localhost.
    cookies = (
        (name, value + b"; Secure" if name == b"set-cookie" and b"; secure" not in value.lower() else value)
        for name, value in headers
    )
    return [*cookies, _HTTPS_ONLY]


@lru_cache(maxsize=64)
def _from_here(address: str) -> bool:
    return is_loopback(address)


async def _refuse(scope: Scope, send: Send, why: str, status: int = 403, code: str = "") -> None:
    """Close a connection, saying why. code: a word for programs, which get problem+json below /api with it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    kind, said = b"text/plain; charset=utf-8", f"{why}\n".encode()
    if code and scope["path"].startswith("/api"):  # by hand: FastAPI, which the API's own problems need, loads later
        title = HTTPStatus(status).phrase
        body = {"type": "about:blank", "title": title, "status": status, "detail": why, "code": code}
        kind, said = b"application/problem+json", json.dumps(body).encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(said)).encode()), *_COMMON]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})
