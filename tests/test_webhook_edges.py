"""Webhooks over REST and on the command line, and a worker that is killed between sending and noting."""

from __future__ import annotations

import json
import sys
import time

import pytest
from starlette.testclient import TestClient

from feedback_core.api import create_api
from feedback_core.cli import main
from feedback_core.client import Client
from feedback_core.store import open_store
from feedback_core.webhooks import KINDS, Dispatcher, Reach
from tests.receiver import receiving
from tests.serving import served
from tests.test_api import problem
from tests.test_durability import process, until

HERE = Reach(private=True)


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(create_api(store.url), raise_server_exceptions=False, headers={"X-Feedback-User": "ana"})


def below(loop, what=""):
    return f"/projects/{loop.project.id}/webhooks{what}"


def make(client, loop, url, kinds=("version.live",)):
    answer = client.post(below(loop), json={"url": url, "kinds": list(kinds)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def turn(loop):
    dispatcher = Dispatcher(loop.store, HERE)
    dispatcher.turn()
    for thread in dispatcher._sending:
        thread.join()


# -- over REST -----------------------------------------------------------------------------------------------------


def test_a_webhook_is_made_pinged_read_paused_and_removed_over_rest(client, loop, receiver):
    made = make(client, loop, receiver.address)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert client.get(below(loop)).json() == [made]
    assert (made["active"], made["paused"], made["created_by"]) == (True, "", "ana")

    ping = client.post(below(loop, "/1/ping"), json={})
    assert (ping.status_code, ping.json()["state"]) == (202, "waiting")
    turn(loop)
    told = client.get(below(loop, f"/1/deliveries/{ping.json()['id']}")).json()
    assert (told["state"], told["status"], told["next_at"]) == ("delivered", 200, None)
    assert told["body"].encode() == receiver.got[0].body
    assert receiver.got[0].id == told["message_id"]
    assert receiver.got[0].signed_by(secret)

    again = client.post(below(loop, f"/1/deliveries/{told['id']}/redeliver"), json={})
    assert (again.status_code, again.json()["resends"]) == (202, told["id"])
    turn(loop)
    assert [each.id for each in receiver.got] == [told["message_id"]] * 2
    first = client.get(below(loop, "/1/deliveries"), params={"limit": 1}).json()
    rest = client.get(below(loop, "/1/deliveries"), params={"limit": 1, "before": first["next"]}).json()
    assert ([each["id"] for each in first["items"] + rest["items"]], rest["next"]) == ([2, 1], None)

    paused = client.patch(below(loop, "/1"), json={"active": False}).json()
    assert (paused["active"], paused["paused"]) == (False, "Paused by ana.")
    refused = problem(client.post(below(loop, "/1/deliveries/1/redeliver"), json={}), 409, "Refused")
    assert refused.endswith("resume it first.")
    assert client.patch(below(loop, "/1"), json={"active": True, "catch_up": False}).json()["active"]
    changed = client.patch(below(loop, "/1"), json={"kinds": ["job.failed", "version.live"]}).json()
    assert (changed["kinds"], changed["url"]) == (["version.live", "job.failed"], receiver.address)
    assert client.delete(below(loop, "/1")).status_code == 204
    assert "no webhook 1" in problem(client.post(below(loop, "/1/ping"), json={}), 404, "NotFound")
    kinds = [event.kind for event in reversed(loop.store.events.latest(loop.project.id)) if "webhook" in event.kind]
    assert kinds == [f"webhook {what}" for what in ("added", "paused", "resumed", "changed", "removed")]


def test_a_new_secret_signs_and_no_other_answer_tells_it(client, loop, receiver):
    old = make(client, loop, receiver.address)["secret"]
    new = client.post(below(loop, "/1/rotate"), json={}).json()["secret"]
    client.post(below(loop, "/1/ping"), json={})
    turn(loop)
    assert receiver.got[0].signed_by(new)
    addresses = [below(loop), below(loop, "/1/deliveries"), below(loop, "/1/deliveries/1"), "/projects/1/events"]
    seen = "".join(client.get(each).text for each in addresses)
    assert "webhook secret rotated" in seen
    assert old not in seen
    assert new not in seen


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"url": "http://169.254.169.254/", "kinds": ["version.live"]}, "never sent to"),
        ({"url": "https://ana:hidden@example.org/", "kinds": ["version.live"]}, "holds a user name or password"),
        ({"url": "gopher://example.org/", "kinds": ["version.live"]}, "url"),
        ({"url": "https://example.org/", "kinds": ["version.dead"]}, "kinds"),
        ({"url": "https://example.org/", "kinds": []}, "kinds"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(client, loop, body, says):
    answer = client.post(below(loop), json=body)
    assert answer.status_code in (409, 422)
    assert says in answer.json()["detail"]
    assert "hidden" not in answer.json()["detail"]
    assert client.get(below(loop)).json() == []


def test_where_people_sign_in_a_webhook_may_not_look_around_inside(loop, monkeypatch):
    from feedback_core import webhooks

    with pytest.raises(Exception, match="FEEDBACK_WEBHOOK_HOSTS"):
        webhooks.add(
            loop.store, loop.project, "http://127.0.0.1:9", list(KINDS), webhooks.reach_here(True), by="a", now=0
        )
    monkeypatch.setenv("FEEDBACK_WEBHOOK_HOSTS", "127.0.0.0/8, Inside.Example")
    reach = webhooks.reach_here(True)
    assert (reach.private, reach.hosts) == (False, ("127.0.0.0/8", "inside.example"))
    webhooks.add(loop.store, loop.project, "http://127.0.0.1:9", list(KINDS), reach, by="a", now=0)


def test_a_webhook_of_another_project_is_not_found(client, loop, receiver):
    make(client, loop, receiver.address)
    other = loop.store.projects.create(
        "other", loop.project.schema, ("a",), loop.project.settings, salt=1, now=0.0, actor="x"
    )
    assert client.get(f"/projects/{other.id}/webhooks").json() == []
    problem(client.get(f"/projects/{other.id}/webhooks/1/deliveries"), 404, "NotFound")
    problem(client.delete(f"/projects/{other.id}/webhooks/1"), 404, "NotFound")


def test_a_program_that_waits_for_another_champion_and_one_that_is_told_hear_the_same(trained, receiver):
    """The long poll and the webhook, one after the other, over real sockets."""
    version = trained.retrain("test")
    trained.judge(version)
    with served(trained.store.url) as address:
        ana = Client(address, "points", name="ana")
        ana.call("POST", "/projects/1/webhooks", {"url": receiver.address, "kinds": ["version.live"]})
        ana.decide(version.id, "promote", "go")
        live = ana.champion(after=1, wait_s=10)
        ana.close()
    turn(trained)
    told = receiver.got[0].json["data"]["version"]
    assert (told["number"], told["sha256"]) == (live["number"], live["sha256"]) == (2, version.sha256)


# -- on the command line -------------------------------------------------------------------------------------------


def test_the_command_line_adds_lists_logs_and_removes(loop, url, receiver, monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["feedback_core", *words, "--database", url])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    made = json.loads(run("webhook-add", receiver.address, "--kind", "job.failed", "--json")[1])
    assert made["kinds"] == ["job.failed"]
    loop.store.events.append(1, time.time(), "worker", "job failed", {"job": 1, "kind": "map", "error": "no memory"})
    turn(loop)
    assert receiver.got[0].signed_by(made["secret"])
    listed = run("webhooks")[1]
    assert receiver.address in listed
    assert made["secret"] not in listed
    assert json.loads(run("webhook-log", "1", "--json")[1])[0]["status"] == 200
    assert "job.failed  delivered  1         200" in run("webhook-log", "1")[1]
    assert run("webhook-remove", "1") == (0, "Webhook 1 is removed.\n", "")
    gone = "Error: There is no webhook 1 in this project: list them for their numbers.\n"
    assert run("webhook-log", "1") == (1, "", gone)


# -- a killed worker -----------------------------------------------------------------------------------------------

SENDER = """
import sys, time
from feedback_core import webhooks
from feedback_core.store import open_store
from feedback_core.webhooks import dispatch
dispatch.LEASE_S = 1.0
dispatch.LOOK_S = 0.05
with webhooks.Dispatcher(open_store(sys.argv[1]), webhooks.reach_here()).working():
    print("ready", flush=True)
    sys.stdin.readline()
"""

WORKER = """
import sys
from feedback_core.supervisor import Limits, serve
from feedback_core.webhooks import dispatch
dispatch.LEASE_S = 1.0
serve(sys.argv[1], Limits(side_by_side=1))
"""


@pytest.mark.slow
def test_a_worker_killed_between_sending_and_noting_sends_again_with_the_same_id_and_loses_nothing(loop, url, receiver):
    from feedback_core import webhooks

    webhooks.add(loop.store, loop.project, receiver.address, list(KINDS), HERE, by="ana", now=0)
    for number in range(3):
        details = {"job": number, "kind": "map", "error": "no memory"}
        loop.store.events.append(1, time.time(), "worker", "job failed", details)
    for killed in range(3):
        receiver.answers = [receiver.hang]
        with process("-c", SENDER, url) as sender:
            receiver.wait(killed + 1)  # it has come in, and the sender does not know
            sender.kill()
            sender.wait()
        receiver.let_go.set()
        receiver.let_go.clear()
    with process("-c", WORKER, url) as worker:  # the worker as it is started, with its jobs
        until(
            lambda: (
                all(each.state == "delivered" for each in loop.store.deliveries.page(1, 10))
                and len(loop.store.deliveries.page(1, 10)) == 3
            ),
            "all delivered",
            90,
        )
        worker.terminate()
        assert worker.wait(20) == 0
    numbers = [each.json["data"]["job"] for each in receiver.got]
    assert numbers == [0, 0, 0, 0, 1, 2], "again and again, in order, none lost"
    assert len({each.id for each in receiver.got}) == 3
    assert len({each.id for each in receiver.got[:4]}) == 1
    assert open_store(url).deliveries.waiting(1) == 0
