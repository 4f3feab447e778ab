"""Webhooks under Setup, and the guide for receivers, whose program is run as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from feedback_core import webhooks
from feedback_core.types import Delivery
from feedback_core.webhooks import KINDS, WAITS_S, Dispatcher, Reach
from pages._setup.webhooks import how_it_went
from tests.browser import free_port
from tests.receiver import receiving
from tests.test_pages import page, press, texts  # noqa: F401

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "webhooks.md").read_text()
HERE = Reach(private=True)


@pytest.fixture
def section(page):  # noqa: F811
    """Opens the part of the page."""

    def open_section():
        app = page("setup")
        app.segmented_control(key="section").set_value("Webhooks").run()
        assert not app.exception
        return app

    return open_section


def turn(loop):
    dispatcher = Dispatcher(loop.store, HERE)
    dispatcher.turn()
    for thread in dispatcher._sending:
        thread.join()


def add(app, url, *kinds):
    next(field for field in app.text_input if field.label == "Address").set_value(url)
    if kinds:
        app.get("button_group")[-1].set_value(list(kinds))
    return press(app, "Add webhook")


def test_a_webhook_is_added_with_a_secret_shown_once_pinged_looked_into_paused_and_removed(loop, section):
    with receiving() as receiver:
        app = section()
        assert "No other program is told yet" in app.info[0].title
        add(app, receiver.address + "/hook")
        secret = next(code.value for code in app.code if code.value.startswith("whsec_"))
        app.run()
        assert not any(secret in code.value for code in app.code), "shown once"
        (webhook,) = loop.store.webhooks.of(loop.project.id)
        assert (webhook.kinds, webhook.created_by) == (("version.live", "job.failed"), "ana")

        press(app, "Send a test")
        assert app.dataframe[0].value["State"].tolist() == ["Waiting"]
        turn(loop)
        app.run()
        assert app.dataframe[0].value["State"].tolist() == ["Delivered"]
        assert re.fullmatch(r"200 in \d+ ms", app.dataframe[0].value["How it went"][0])
        assert receiver.got[0].signed_by(secret)

        app.selectbox(key=f"delivery-{webhook.id}").set_value(1).run()
        assert any('"type":"ping"' in code.value for code in app.code)
        press(app, "Send again")
        turn(loop)
        assert len(receiver.got) == 2

        press(app, "Pause")
        assert "Paused by ana" in texts(app).replace("\\", "")
        press(app, "Resume from now on")
        assert loop.store.webhooks.of(loop.project.id)[0].active
        press(app, "New secret")
        renewed = next(code.value for code in app.code if code.value.startswith("whsec_"))
        assert renewed != secret
        press(app, "Remove this webhook")
        assert "No other program is told yet" in app.info[0].title


def test_what_cannot_be_meant_is_told_and_an_answer_in_markup_is_shown_as_it_is(loop, section):
    app = section()
    add(app, "http://169.254.169.254/latest")
    assert "never sent to" in texts(app)
    assert loop.store.webhooks.of(loop.project.id) == []
    with receiving() as receiver:
        webhooks.add(loop.store, loop.project, receiver.address, list(KINDS), HERE, by="ana", now=0)
        receiver.answers = [(500, {}, b"<script>alert(1)</script> :red[x]")]
        loop.store.events.append(1, time.time(), "ana", "job failed", {"job": 1, "kind": "map", "error": "no memory"})
        turn(loop)
        app = section()
        went = app.dataframe[0].value["How it went"][0]
        assert went.startswith("It answers 500 Internal Server Error. Attempt 2 of 8 in ")
        app.selectbox(key="delivery-1").set_value(1).run()
        assert "<script>alert(1)</script> :red[x]" in [code.value for code in app.code]
        assert "<script>" not in texts(app)


@pytest.mark.parametrize(
    ("state", "attempts", "next_in_s", "said"),
    [
        ("delivered", 1, 0, "204 in 12 ms"),
        ("waiting", 0, 0, "on its way, or behind another one"),
        ("waiting", 1, 5, "No. Attempt 2 of 8 in 5 s."),
        ("waiting", 4, 600, "No. Attempt 5 of 8 in 10 min."),
        ("waiting", 7, 57_600, "No. Attempt 8 of 8 in 16.0 h."),
        ("failed", 8, 0, "No."),
    ],
)
def test_how_a_delivery_went_is_said_in_words(state, attempts, next_in_s, said):
    each = Delivery(1, 1, "msg", "ping", state, attempts, 100.0 + next_in_s, None, 204, "No.", 0.012, "", 0, None, None)
    assert how_it_went(each, True, 100.0) == said


def test_what_waits_for_a_paused_webhook_does_not_promise_an_attempt():
    each = Delivery(1, 1, "msg", "job.failed", "waiting", 1, 105.0, None, 500, "No.", 0.1, "", 0, None, None)
    assert how_it_went(each, False, 100.0) == "No. Waits until the webhook is resumed."


# -- the guide -----------------------------------------------------------------------------------------------------


def test_the_receiver_of_the_guide_runs_as_printed_and_takes_only_what_is_genuine(loop):
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    port = free_port()
    found, secret = webhooks.add(
        loop.store, loop.project, f"http://127.0.0.1:{port}/", ["job.failed"], HERE, by="ana", now=time.time()
    )
    told = os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)}
    with subprocess.Popen([sys.executable, "-c", program], env=told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as receiver:  # fmt: skip
        try:
            _wait_for(port, receiver)
            loop.store.events.append(1, time.time(), "w", "job failed", {"job": 1, "kind": "map", "error": "no memory"})
            turn(loop)
            loop.store.deliveries.send_again(found, 1, time.time())
            turn(loop)
            loop.store.webhooks.rotate(found, "whsec_" + "B" * 44, by="ana", now=time.time() - 9, keep_s=8)
            webhooks.ping(loop.store, loop.project, found, by="mallory", now=time.time())
            turn(loop)
            states = [(each.state, each.status) for each in loop.store.deliveries.page(found.id, 9)]
        finally:
            receiver.kill()
        assert receiver.stdout.read() == "points: job 1 (map) has failed.\n"
    assert states == [("failed", 401), ("delivered", 204), ("delivered", 204)], "one is by a secret it does not know"


def _wait_for(port, receiver):
    deadline = time.monotonic() + 30
    while (status := _posted(port)) is None:
        assert receiver.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status == 401, "nobody has signed it"


def _posted(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", b"{}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_the_guide_names_every_kind_and_every_wait():
    for name in [*KINDS, "ping"]:
        assert f"| `{name}` |" in GUIDE
    assert WAITS_S == (5, 30, 2 * 60, 10 * 60, 3_600, 6 * 3_600, 16 * 3_600)
    assert "after 5 s, 30 s, 2 min, 10 min, 1 h, 6 h and 16 h" in GUIDE
