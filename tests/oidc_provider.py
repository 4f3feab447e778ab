"""An OpenID Connect provider on loopback for tests: `python -m tests.oidc_provider PORT`.

Authorization code flow with PKCE, as OpenID Connect Core 1.0 section 3.1 has it, for one client. It asks no password:
its page names the people below, and whoever is clicked has signed in. What a client gets wrong is refused with 400.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser import ROOT, free_port

CLIENT, SECRET = "feedback-loop", "a secret of the test's own"
PEOPLE = {
    "ada": {"email": "ada@example.org", "email_verified": True, "name": "Ada Admin"},
    "mia": {"email": "mia@example.org", "email_verified": True, "name": "Mia Maintainer"},
    "rob": {"email": "rob@example.org", "email_verified": True, "name": "Rob Reviewer"},
    "vic": {"email": "vic@example.org", "email_verified": True, "name": "Vic Viewer"},
    "nic": {"email": "nic@example.org", "email_verified": True, "name": "Nic Nobody"},
    # Says to be the admin, and nobody has checked it.
    "eve": {"email": "ada@example.org", "email_verified": False, "name": "Ada Admin"},
}


class Provider:
    """One client, one key, and the codes given out; each code is good for one exchange."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "test", "use": "sig"})
        self.codes: dict[str, dict[str, str]] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/jwks", self.keys),
            ]
        )

    async def describe(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "email", "profile"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        wanted = {"client_id": CLIENT, "response_type": "code", "code_challenge_method": "S256"}
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        wrong += [name for name in ("state", "nonce", "code_challenge", "redirect_uri") if not asked.get(name)]
        if wrong or "openid" not in asked.get("scope", "").split():
            return PlainTextResponse(f"refused: {wrong or 'scope'}", 400)
        if (name := asked.pop("as", None)) is None:
            links = [f'<a href="?{escape(urlencode(asked | {"as": each}))}">{each}</a>' for each in PEOPLE]
            return HTMLResponse(f"<title>Provider</title><h1>Who are you?</h1>{' '.join(links)}")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"as": name}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        asked = self.codes.pop(str(form.get("code")), None)
        if _client_of(request, form) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        verifier = sha256(str(form.get("code_verifier")).encode()).digest()
        if (
            asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or urlsafe_b64encode(verifier).decode().rstrip("=") != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        said = {"iss": self.issuer, "sub": f"id-{asked['as']}", "aud": CLIENT, "iat": now, "exp": now + 300}
        said |= {"nonce": asked["nonce"]} | PEOPLE[asked["as"]]
        signed = jwt.encode({"alg": "RS256", "kid": "test"}, said, self.key)
        access = secrets.token_urlsafe(16)
        return JSONResponse({"id_token": signed, "access_token": access, "token_type": "Bearer", "expires_in": 300})


def _client_of(request: Request, form: dict[str, object]) -> tuple[str, str]:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        name, _, secret = b64decode(given).decode().partition(":")
        return unquote(name), unquote(secret)
    return str(form.get("client_id")), str(form.get("client_secret"))


@contextmanager
def running_provider(log: Path) -> Iterator[str]:
    """The provider in a process of its own; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.oidc_provider", str(port)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(f"{address}/.well-known/openid-configuration", process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                json.load(answer)
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The provider did not answer.")


def secrets_toml(provider: str, app: str) -> str:
    """What an administrator puts into secrets.toml for this provider."""
    values = {
        "redirect_uri": f"{app}/oauth2callback",
        "cookie_secret": "0123456789abcdef0123456789abcdef",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "server_metadata_url": f"{provider}/.well-known/openid-configuration",
    }
    return "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(Provider(f"http://127.0.0.1:{port}").app(), port=port, log_level="warning")
