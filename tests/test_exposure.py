"""Nobody but this machine reaches a server without sign-in, however it is started; and what every answer carries."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from feedback_core.environment import keep_sign_in, sign_in, sign_in_faults
from feedback_core.fence import Fence, page_policy
from feedback_core.listening import exposed, is_loopback, listening
from tests.browser import ROOT, browser, free_port, open_page, running_app, settled

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


def answered(fence: Fence, **scope: object) -> list[dict]:
    """What a fence sends for one request."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    request = {"type": "http", "path": "/", "scheme": "http", "server": ("127.0.0.1", 8501)} | scope
    asyncio.run(fence(request, None, send))
    return sent


async def app(scope: dict, _receive: object, send) -> None:
    """Answers 200 with a cookie, and one header of the common ones set by itself."""
    own = [(b"Set-Cookie", b"a=b"), (b"Content-Security-Policy", b"sandbox")] if scope["path"] == "/api/card" else []
    own = own or [(b"set-cookie", b"a=b")]
    await send({"type": "http.response.start", "status": 200, "headers": own})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("server", [("192.0.2.2", 80), ("::ffff:192.0.2.2", 80), ("/run/app.sock", None), None])
def test_without_sign_in_what_comes_in_at_another_address_is_refused(server: object) -> None:
    start, body = answered(Fence(app, INDEX, sign_in=False), server=server)
    assert (start["status"], b"FEEDBACK_ADMINS" in body["body"]) == (403, True)
    (closed,) = answered(Fence(app, INDEX, sign_in=False), server=server, type="websocket")
    assert closed == {"type": "websocket.close", "code": 1008}
    assert answered(Fence(app, INDEX, sign_in=True), server=server)[0]["status"] == 200


def test_every_answer_carries_the_headers_and_an_encrypted_one_two_more() -> None:
    fence = Fence(app, INDEX, sign_in=False)
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


def test_what_is_missing_in_auth_is_named_without_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert sign_in_faults() == []
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text('[auth]\ncookie_secret = "hunter2"\n[auth.corp]\nclient_id = "x"\nclient_secret = "y"\n')
    assert sign_in_faults() == [
        "[auth] has no redirect_uri",
        "cookie_secret in [auth] is shorter than 32 characters",
        "[auth.corp] has no server_metadata_url",
    ]
    complete = {"redirect_uri": "u", "cookie_secret": "s" * 32, "client_id": "i", "client_secret": "s"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in (complete | {"server_metadata_url": "m"}).items()]
    secrets.write_text("\n".join(["[auth]", *lines]))
    assert sign_in_faults() == []


@pytest.mark.browser
def test_no_page_breaks_the_policy_and_no_agent_drives_the_app(trained, tmp_path: Path) -> None:
    broken: list[str] = []
    with (
        running_app(trained.store.url, tmp_path / "app.log") as address,
        browser(tmp_path / "profile", bypass_csp=False) as page,
    ):
        page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(address)
        for title in ("Review", "Feedback", "Retrain", "Predictions", "Map", "Insights", "Setup"):
            open_page(page, title)
            settled(page)
        assert "project=points" in page.url, "the frame's own code has run"
        open_page(page, "Review")
        page.locator(".deck").wait_for()
        assert broken == []
        with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
            page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.hit = 1'")
        assert page.evaluate("window.hit") is None
        assert len(broken) == 1, "a break would have been heard"

        host = address.removeprefix("http://")
        for path, status in (("interact", 403), ("mcp", 400)):
            with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
                connection.request("POST", f"/_stcore/agent/{path}", b"{}", {"content-type": "application/json"})
                answer = connection.getresponse()
                assert (answer.status, "does not serve the agent API" in answer.read().decode()) == (status, True), path
