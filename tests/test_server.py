"""The server as a user starts it: pages at the root, the API under /api, and neither for foreign host names."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from feedback_core.store import open_store
from tests.browser import running_app
from tests.conftest import printed


@pytest.fixture
def address(trained, tmp_path):
    trained.judge(trained.retrain("test"))
    with running_app(trained.store.url, tmp_path / "app.log") as at:
        yield at


def ask(address: str, body: object = None, **headers: str) -> tuple[int, str, str]:
    """Status, content type and text of an answer. body: sent as JSON."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, data, {"content-type": "application/json"} | named)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read().decode()


def opened(address: str, origin: str) -> int:
    """Status of the answer to a page's websocket. origin: where the page says to be from."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Origin": origin}
    upgrade |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "streamlit"}
    with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)) as connection:
        connection.request("GET", "/_stcore/stream", headers=upgrade)
        return connection.getresponse().status


def test_the_api_answers_beside_the_pages_and_guards_itself(address, trained):
    assert json.loads(ask(f"{address}/api/health")[2]) == {"status": "ok", "version": "0.1.0"}
    status, kind, page = ask(address)
    assert (status, kind.partition(";")[0]) == (200, "text/html")
    assert "<!doctype html>" in page.lower()
    (project,) = json.loads(ask(f"{address}/api/projects")[2])
    assert project["name"] == "points"
    status, kind, text = ask(f"{address}/api/nowhere")
    assert (status, kind) == (404, "application/problem+json")
    assert "/nowhere" in json.loads(text)["detail"]
    described = json.loads(ask(f"{address}/api/openapi.json")[2])
    assert described["servers"] == [{"url": "/api"}]

    assert ask(f"{address}/api/health", x_forwarded_for="192.0.2.2")[0] == 403, "who is behind a proxy is a stranger"
    assert opened(address, address) == 101
    assert opened(address, "http://127.0.0.1:1") == 403, "the page of another port"

    decision = {"by": "ann", "reason": "for the test"}
    path = f"{address}/api/versions/2/promote"
    assert ask(path, decision, origin="http://evil.example")[0] == 403
    assert ask(f"{address}/api/health", host="evil.example")[0] == 400, "no other host name: DNS rebinding"
    assert trained.store.versions.champion(1).number == 1
    status, _, text = ask(path, decision, origin=address)
    assert (status, json.loads(text)["status"]) == (200, "champion")
    assert open_store(trained.store.url).versions.champion(1).number == 2


def test_what_the_server_has_imported_is_not_searched_for_garbage_after_every_run_of_a_page():
    script = "import app, gc; app.warm(); print(gc.get_freeze_count(), len(gc.get_objects()))"
    frozen, searched = map(int, printed(script).split())
    assert frozen > 100_000 > 10_000 > searched


def test_no_run_of_a_page_clears_the_state_of_keras_for_all_threads():
    said = printed("""
import app, sys, types
from streamlit.testing.v1 import AppTest
sys.modules["keras"] = keras = types.ModuleType("keras")
keras.backend = types.SimpleNamespace(clear_session=lambda: print("cleared"))
print(AppTest.from_string("import streamlit as st; st.write('drawn')").run().markdown[0].value)
""")
    assert said == "drawn\n"
