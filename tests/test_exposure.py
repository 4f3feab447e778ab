"""Nobody but this machine reaches a server without sign-in, however it is started; and what every answer carries."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.responses import Response
from starlette.testclient import TestClient
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from feedback_core import people
from feedback_core.environment import allowed_hosts, auth_faults, keep_sign_in, sign_in
from feedback_core.fence import Fence, Hosts, page_policy
from feedback_core.listening import answer_at_once, exposed, is_loopback, listening
from feedback_core.store import Store
from pages._uploads import may_upload
from tests.browser import ROOT, free_port

INDEX = "<script>\n  window.ready = false\n</script><script src='x.js'></script>"
STARTS = {
    "streamlit run with a flag": (["-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0"], {}),
    "streamlit run with a variable": (["-m", "streamlit", "run", "app.py"], {"STREAMLIT_SERVER_ADDRESS": "::"}),
    "uvicorn": (["-m", "uvicorn", "app:app", "--host", "0.0.0.0"], {}),
    "python": (["-c", "import app; app.app.run(config={'server.address': '0.0.0.0'})"], {}),
}


@pytest.mark.parametrize("how", STARTS)
def test_listening_for_others_without_sign_in_ends_the_server_and_says_what_to_do(how: str, tmp_path: Path) -> None:
    command, variables = STARTS[how]
    port = str(free_port())
    given = os.environ | {
        "FEEDBACK_DATABASE": f"sqlite:///{tmp_path / 'test.db'}",
        "HOME": str(tmp_path),
        "STREAMLIT_SERVER_PORT": port,
        "UVICORN_PORT": port,
        "STREAMLIT_SERVER_HEADLESS": "true",
    }
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=given | variables, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode != 0
    for word in ("Refusing to run: listening on", "[auth]", "FEEDBACK_ADMINS", "FEEDBACK_ALLOWED_HOSTS", "127.0.0.1"):
        assert word in ended.stderr


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::1%lo", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.2", False),
        ("::ffff:192.0.2.2", False),
        ("localhost", False),
        ("/run/app.sock", False),
        ("", False),
    ],
)
def test_only_numbers_of_this_machine_are_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@given(some.lists(some.ip_addresses().map(str)))
def test_a_server_is_exposed_exactly_when_one_address_is_not_loopback(addresses: list[str]) -> None:
    others = [address for address in addresses if not is_loopback(address)]
    assert bool(exposed(addresses, signed_in=False)) is bool(others)
    assert exposed(addresses, signed_in=True) == ""
    assert exposed(addresses, signed_in=True, faults=["no secret"]) != "", "half of a sign-in is none"


def test_what_the_process_listens_on_is_read_from_its_sockets() -> None:
    before = listening()
    with socket.socket() as opened:
        opened.bind(("127.7.7.7", 0))
        assert listening() == before, "bound, and not yet accepting"
        opened.listen()
        assert listening() == sorted({*before, "127.7.7.7"})
    assert listening() == before


def test_what_is_accepted_answers_without_waiting_for_an_acknowledgement() -> None:
    with socket.socket(socket.AF_INET) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        answer_at_once()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def nobody(_scope: object) -> bool:
    """Nobody may upload."""
    return False


def fenced(sign_in: bool, may_upload=nobody) -> Fence:
    """A fence around `app`."""
    return Fence(app, INDEX, sign_in, may_upload)


def answered(fence: Fence, *headers: tuple[bytes, bytes], **scope: object) -> list[dict]:
    """What a fence sends for one request."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    ends = {"server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 51234)}
    named = [(b"host", b"localhost:8501"), *headers]
    request = {"type": "http", "path": "/", "scheme": "http", "headers": named} | ends | scope
    asyncio.run(fence(request, None, send))
    return sent


async def app(scope: dict, _receive: object, send) -> None:
    """Answers 200 with a cookie, and one header of the common ones set by itself."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    own = [(b"Set-Cookie", b"a=b"), (b"Content-Security-Policy", b"sandbox")] if scope["path"] == "/api/card" else []
    own = own or [(b"set-cookie", b"a=b")]
    await send({"type": "http.response.start", "status": 200, "headers": own})
    await send({"type": "http.response.body", "body": b""})


ELSEWHERE = [("192.0.2.2", 80), ("::ffff:192.0.2.2", 80), ("/run/app.sock", None), ("testserver", 80), None]


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("end", ["server", "client"])
def test_without_sign_in_what_comes_from_or_in_at_another_address_is_refused(end: str, address: object) -> None:
    start, body = answered(fenced(sign_in=False), **{end: address})
    assert (start["status"], b"FEEDBACK_ADMINS" in body["body"]) == (403, True)
    (closed,) = answered(fenced(sign_in=False), **{end: address}, type="websocket")
    assert closed == {"type": "websocket.close", "code": 1008}
    assert answered(fenced(sign_in=True), **{end: address})[0]["status"] == 200


@pytest.mark.parametrize("name", [b"forwarded", b"via", b"x-real-ip", b"x-forwarded-for", b"x-forwarded-host"])
def test_without_sign_in_nothing_is_taken_from_a_proxy(name: bytes) -> None:
    start, body = answered(fenced(sign_in=False), (name, b"for=192.0.2.2"))
    assert start["status"] == 403
    assert name in body["body"], "whoever runs the proxy learns why"
    assert b"FEEDBACK_ADMINS" in body["body"], "and how to turn on sign-in"
    (closed,) = answered(fenced(sign_in=False), (name, b"for=192.0.2.2"), type="websocket")
    assert closed["type"] == "websocket.close"
    assert answered(fenced(sign_in=True), (name, b"for=192.0.2.2"))[0]["status"] == 200


@pytest.mark.parametrize("sign_in", [True, False])
@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        (b"http://localhost:8501", True),
        (b"HTTP://LocalHost:8501", True),
        (None, True),
        (b"http://localhost:3000", False),
        (b"http://127.0.0.1:8501", False),
        (b"http://localhost", False),
        (b"http://evil.example", False),
        (b"null", False),
    ],
)
def test_a_page_of_another_address_opens_no_websocket(origin: bytes | None, taken: bool, sign_in: bool) -> None:
    headers = [] if origin is None else [(b"origin", origin)]
    (sent,) = answered(fenced(sign_in), *headers, type="websocket", path="/_stcore/stream")
    assert sent["type"] == ("websocket.accept" if taken else "websocket.close")


def test_with_sign_in_no_stranger_uploads_or_reads_figures_of_the_server() -> None:
    async def with_a_cookie(scope: dict) -> bool:
        return (b"cookie", b"signed") in scope["headers"]

    upload = {"path": "/_stcore/upload_file/a-session/a-file", "method": "PUT"}
    team = fenced(True, with_a_cookie)
    assert answered(team, **upload)[0]["status"] == 403
    assert answered(team, (b"cookie", b"signed"), **upload)[0]["status"] == 200
    assert answered(team, (b"cookie", b"signed"), path="/_stcore/metrics")[0]["status"] == 403
    for path in (upload["path"], "/_stcore/metrics"):
        assert answered(fenced(sign_in=False), path=path)[0]["status"] == 200


def test_only_a_cookie_this_server_signed_for_somebody_who_may_add_rows_uploads(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = get_cookie_secret()
    monkeypatch.setenv("FEEDBACK_DATABASE", store.url)
    monkeypatch.setenv("FEEDBACK_ADMINS", "ada@example.org")
    said = {"is_logged_in": True, "email": "ada@example.org", "email_verified": True, "iat": time.time()}

    def cookie(claims: object, secret: str = secret) -> dict[str, str]:
        return {AUTH_COOKIE_NAME: create_signed_value(secret, AUTH_COOKIE_NAME, json.dumps(claims)).decode()}

    assert may_upload(cookie(said))
    assert not may_upload({})
    assert not may_upload(cookie(said, "f" * 32)), "signed by somebody else"
    assert not may_upload({AUTH_COOKIE_NAME: cookie(said)[AUTH_COOKIE_NAME][:-1]})
    assert not may_upload({"_streamlit_xsrf": cookie(said)[AUTH_COOKIE_NAME]})
    assert not may_upload(cookie(said | {"iat": time.time() - 13 * 3_600})), "signed in yesterday"
    assert not may_upload(cookie(said | {"is_logged_in": False}))
    assert not may_upload(cookie(said | {"email": "eve@example.org"})), "signed in without a role"
    people.set_member(store, people.local("test"), None, "eve@example.org", "reviewer", now=time.time())
    assert not may_upload(cookie(said | {"email": "eve@example.org"})), "who reviews adds no rows"
    people.set_member(store, people.local("test"), None, "eve@example.org", "maintainer", now=time.time())
    assert may_upload(cookie(said | {"email": "eve@example.org"}))


def test_the_names_a_server_answers_to_are_its_own_and_those_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_ALLOWED_HOSTS", "feedback.example.org")
    assert allowed_hosts() == ["localhost", "127.0.0.1", "[::1]", "feedback.example.org"]


def test_every_answer_carries_the_headers_and_an_encrypted_one_two_more() -> None:
    fence = fenced(sign_in=False)
    page = dict(answered(fence)[0]["headers"])
    assert page[b"content-security-policy"].decode() == page_policy(INDEX)
    assert page[b"x-content-type-options"] == b"nosniff"
    assert page[b"x-frame-options"] == b"DENY"
    assert page[b"referrer-policy"] == b"same-origin"
    assert b"camera=()" in page[b"permissions-policy"]
    assert b"strict-transport-security" not in page
    assert page[b"set-cookie"] == b"a=b"
    secure = dict(answered(fence, scheme="https")[0]["headers"])
    assert secure[b"strict-transport-security"] == b"max-age=31536000"
    assert secure[b"set-cookie"] == b"a=b; Secure"
    api = dict(answered(fence, path="/api/health")[0]["headers"])
    assert api[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"
    card = answered(fence, path="/api/card")[0]["headers"]
    assert [value for name, value in card if name == b"content-security-policy"] == [b"sandbox"], "its own one stands"


def test_the_policy_of_pages_runs_no_inline_code_but_that_of_the_first_page() -> None:
    # printf '\n  window.ready = false\n' | openssl dgst -sha256 -binary | base64
    policy = page_policy(INDEX)
    code = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert code == "script-src 'self' blob: 'sha256-0nSpW5SkE4murUxEnFcGPHuYC5ALStip0XtAlaDFUEM='"
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy


def test_sign_in_stays_on_for_the_life_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEEDBACK_AUTH", "")
    keep_sign_in(found=False)
    assert not sign_in()
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text("[auth]\n")
    keep_sign_in(found=False)
    secrets.unlink()
    assert sign_in()
    monkeypatch.setenv("FEEDBACK_AUTH", "off")
    keep_sign_in(found=True)
    assert not sign_in(), "who says off means it, and may then listen on this machine only"


COMPLETE = {
    "redirect_uri": "u",
    "cookie_secret": "s" * 32,
    "client_id": "i",
    "client_secret": "s",
    "server_metadata_url": "m",
}


def test_what_is_missing_in_auth_is_named_without_a_secret() -> None:
    assert auth_faults({"cookie_secret": "hunter2", "corp": {"client_id": "x", "client_secret": "y"}}) == [
        "[auth] has no redirect_uri",
        "cookie_secret in [auth] is not a text of at least 32 characters",
        "[auth.corp] has no server_metadata_url",
    ]
    assert auth_faults(COMPLETE) == []
    assert auth_faults({}) != [], "an empty section is half of a sign-in"
    assert auth_faults("yes") == ["auth in Streamlit's secrets is no section [auth]"]


@pytest.mark.parametrize("secret", ["", "s" * 31, 12345678901234567890123456789012345, ["s" * 32, "a"], True, None])
def test_only_a_long_text_signs_who_somebody_is(secret: object) -> None:
    assert auth_faults(COMPLETE | {"cookie_secret": secret}) != []


def ran(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script that imports the app, in a process of its own."""
    given = os.environ | {"FEEDBACK_DATABASE": f"sqlite:///{folder / 'test.db'}", "HOME": str(folder)} | variables
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=given, capture_output=True, text=True, timeout=120
    )


def test_secrets_are_checked_wherever_streamlit_finds_them(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text("\n".join(["[auth]", *(f"{name} = {json.dumps(value)}" for name, value in COMPLETE.items())]))
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(f"[secrets]\nfiles = [{json.dumps(str(elsewhere))}]\n")
    short = {"STREAMLIT_SERVER_COOKIE_SECRET": "short"}
    script = "import app; print(app.sign_in(), app.faults())"
    assert ran(script, tmp_path, **short).stdout == "True []\n", "the section's own secret signs"
    elsewhere.write_text(elsewhere.read_text().replace(json.dumps("s" * 32), '["s"]'))
    said = ran(script, tmp_path).stdout
    assert said == "True ['cookie_secret in [auth] is not a text of at least 32 characters']\n"
    elsewhere.unlink()
    said = ran(script, tmp_path, **short, FEEDBACK_AUTH="required").stdout
    assert said == "True ['server.cookieSecret is shorter than 32 characters']\n"


def test_the_server_looks_for_some_seconds_what_it_has_bound_to_and_no_longer(tmp_path: Path) -> None:
    script = """
import asyncio, socket, app

async def binds_late():
    first = socket.create_server(("127.0.0.1", 0))
    watch = asyncio.create_task(app.stop_when_exposed())
    await asyncio.sleep(2 * app.BIND_LOOK_S)
    second = socket.create_server(("0.0.0.0", 0))
    await watch

app.BIND_WATCH_S = 0.1
asyncio.run(app.stop_when_exposed())
print("has looked", flush=True)
app.BIND_WATCH_S = 60.0
asyncio.run(binds_late())
"""
    ended = ran(script, tmp_path)
    assert ended.stdout == "has looked\n"
    assert "Refusing to run: listening on 0.0.0.0" in ended.stderr
    assert ended.returncode == -signal.SIGTERM


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil.example", "a\xe9"])
def test_a_host_that_is_not_known_is_refused_with_the_setting_that_names_it(host: str) -> None:
    async def app(scope, receive, send) -> None:
        await Response("in")(scope, receive, send)

    client = TestClient(Hosts(app, ["localhost", "*.example.org"]))
    for known in ("localhost:8501", "LocalHost", "a.example.org"):
        assert client.get("/api/projects", headers={"host": known}).text == "in"
    told = client.get("/api/projects", headers=[(b"host", host.encode("latin-1"))])
    assert (told.status_code, told.headers["content-type"]) == (400, "application/problem+json")
    assert (told.json()["code"], told.json()["status"]) == ("UnknownHost", 400)
    assert "FEEDBACK_ALLOWED_HOSTS" in told.json()["detail"]
    page = client.get("/review", headers=[(b"host", host.encode("latin-1"))])
    assert (page.status_code, page.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert "FEEDBACK_ALLOWED_HOSTS" in page.text
