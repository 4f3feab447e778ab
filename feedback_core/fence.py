"""What stands in front of every page and route: the refusal of strangers' connections, and security headers."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from .listening import WAY_OUT, is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_IN_TESTS = "testserver"
"""What Starlette's test client calls the address it pretends to connect to; servers give the number of a socket."""

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
    """

    def __init__(self, app: App, index: str, sign_in: bool) -> None:
        self._app, self._sign_in = app, sign_in
        self._pages: Headers = ((b"content-security-policy", page_policy(index).encode()), *_COMMON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not self._sign_in and not _from_here(*(scope.get("server") or ("", None))):
            await _refuse(scope, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            headers = _API if scope["path"].startswith("/api") else self._pages
            await self._app(scope, receive, _with(headers, scope.get("scheme") == "https", send))


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
def _from_here(address: str, _port: int | None) -> bool:
    return is_loopback(address) or address == _IN_TESTS


async def _refuse(scope: Scope, send: Send) -> None:
    """Close a connection that came in at an address others reach, saying how to allow it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    said = f"Without sign-in this server answers its own machine only.\n{WAY_OUT}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(said)).encode()), *_COMMON]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": said})
