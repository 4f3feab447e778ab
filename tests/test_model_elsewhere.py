"""The whole loop over a model that is a process of its own: scored, reviewed, asked to learn, judged, promoted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from feedback_core import brought, outside
from feedback_core.api import create_api
from feedback_core.errors import InvalidInput, NotFound, Refused, Unreachable
from feedback_core.loop import Loop
from feedback_core.outside import asking
from feedback_core.types import Decision
from feedback_core.webhooks import Reach
from tests.conftest import ROOT
from tests.receiver import receiving
from tests.test_bringing import run
from tests.test_outside import labels_of, work
from tests.test_pages import press, texts

HERE = Reach(private=True)


@dataclass
class Elsewhere:
    port: int
    secret_file: Path

    def at(self, what: str) -> str:
        return f"http://127.0.0.1:{self.port}/{what}"

    def got(self) -> list[dict]:
        with urllib.request.urlopen(self.at("got")) as answer:
            return json.load(answer)

    def fail(self, *statuses: int) -> None:
        request = urllib.request.Request(self.at("fail"), json.dumps(statuses).encode(), method="POST")
        urllib.request.urlopen(request).close()

    def connect(self, loop: Loop, *, learns: bool = True) -> None:
        train = self.at("train") if learns else ""
        _, secret = outside.connect(
            loop.store, loop.project, self.at("predict"), train, HERE, by="ana", now=loop.clock(), batch=64
        )
        self.secret_file.write_text(secret)


@pytest.fixture(params=["now"])
def elsewhere(request, tmp_path) -> Iterator[Elsewhere]:
    file = tmp_path / "secret"
    command = [sys.executable, str(ROOT / "tests" / "model_server.py"), str(file), request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Elsewhere(int(process.stdout.readline()), file)
        finally:
            process.terminate()


def review(loop: Loop, n: int) -> int:
    """Answer cards by the rule behind the points; gives how many were corrections."""
    wrong = 0
    for _ in range(n):
        draw = loop.draw("ana")
        item = loop.store.items.get(draw.item_id)
        right = "b" if sum(item.values) > 0 else "a"
        verdict = "confirm" if item.predicted == right else "correct"
        wrong += verdict == "correct"
        loop.record(Decision(item.id, "ana", verdict, right, version_id=item.version_id, draw_id=draw.id))
    return wrong


def test_the_whole_loop_over_a_model_that_learns_at_once(loop: Loop, elsewhere: Elsewhere) -> None:
    elsewhere.connect(loop)
    brought.version(loop, "poor", "ana")
    assert work(loop) == ["judge: done", "predict: done"]
    champion = loop.store.versions.champion(loop.project.id)
    assert (champion.estimator, champion.params, champion.lineage_known) == ("http", {"name": "poor"}, False)
    assert review(loop, 20) > 3
    loop.request_retrain("ana")
    assert [state.split(":")[0] for state in work(loop)][:1] == ["retrain"]
    asked = next(message for message in elsewhere.got() if message["type"] == "train")
    locked = {key for key, _ in labels_of(loop, "holdout")}
    assert not locked & {row["id"] for row in asked["rows"]}
    assert len(asked["rows"]) == len(labels_of(loop, "train")) + 20
    version = loop.store.versions.all(loop.project.id)[1]
    assert (version.params["name"], version.n_feedback, version.lineage_known) == ("learned-1", 20, True)
    report = loop.store.versions.report_on(version.id)
    assert (report.finding, report.action) == ("better", "promote")
    stored = loop.store.predictions.labels_of(version.id, loop.store.items.locked_rows(loop.project.id).ids)
    assert len(stored) == len(locked)
    asked_before = len(elsewhere.got())
    loop.judge(version)  # what both said about the locked rows is stored: nobody is asked again
    assert len(elsewhere.got()) == asked_before
    loop.promote(version, "ana", "better", rescore=True)
    work(loop)
    wrong = [i for c in loop.store.items.export(loop.project.id) for i in c if i.state == "open" and
             i.predicted != ("b" if sum(i.values) > 0 else "a")]  # fmt: skip
    assert len(wrong) < 8
    assert all("failed" not in f"{job.state}" for job in loop.store.jobs.latest(loop.project.id))


@pytest.mark.parametrize("elsewhere", ["later"], indirect=True)
def test_a_model_that_learns_for_long_registers_its_version_over_rest(loop: Loop, elsewhere: Elsewhere) -> None:
    elsewhere.connect(loop)
    brought.version(loop, "poor", "ana")
    work(loop)
    review(loop, 10)
    loop.request_retrain("ana")
    assert work(loop) == ["retrain: done"]
    assert [v.number for v in loop.store.versions.all(loop.project.id)] == [1]
    loop.request_retrain("ana")  # nothing new to learn from: it is not asked twice
    work(loop)
    asked = [message for message in elsewhere.got() if message["type"] == "train"]
    assert [message["request"] for message in asked] == [1]
    client = TestClient(create_api(loop.store.url), headers={"X-Feedback-User": "robot"})
    fetched = client.get(asked[0]["rows_at"].removeprefix("/api")).text.splitlines()
    assert [json.loads(line) for line in fetched] == asked[0]["rows"]
    path = f"/projects/{loop.project.id}/model-versions"
    answer = client.post(path, json={"version": "learned-1", "request": 1})
    assert (answer.status_code, answer.json()["version"]["n_feedback"]) == (201, 10)
    assert answer.json()["job"]["kind"] == "judge"
    assert client.post(path, json={"version": "learned-1", "request": 1}).json()["version"]["number"] == 2
    assert client.post(path, json={"version": "other", "request": 1}).status_code == 409
    assert work(loop) == ["judge: done"]
    assert loop.store.versions.report_on(answer.json()["version"]["id"]).finding == "better"


def test_a_passing_failure_is_tried_again_and_a_lasting_one_is_told(loop: Loop, elsewhere: Elsewhere) -> None:
    elsewhere.connect(loop)
    line = asking.Line(elsewhere.at("predict"), elsewhere.secret_file.read_text(), 10.0, 50, HERE, wait=lambda _s: None)
    inputs = loop.store.items.inputs([1, 2, 3])
    elsewhere.fail(503, 500)
    assert asking.predictions(line, loop.project, "poor", inputs).shape == (3, 2)
    elsewhere.fail(503, 503, 503)
    with pytest.raises(Unreachable, match=r"^The model at 127\.0\.0\.1:\d+ cannot be asked\. It answers 503"):
        asking.predictions(line, loop.project, "poor", inputs)
    elsewhere.fail(400)
    before = len(elsewhere.got())
    with pytest.raises(Unreachable, match="It answers 400"):
        asking.predictions(line, loop.project, "poor", inputs)
    assert len(elsewhere.got()) == before + 1


ANSWERS = [
    ({}, r'does not answer as agreed: \{"predictions": \[...\]\} is missing'),
    ({"version": "v9", "predictions": []}, "answers as version 'v9', and was asked as 'v1'"),
    ({"predictions": []}, "was asked about 1 rows and answers about 0, 1 are missing"),
    ({"predictions": [{"id": "ID", "label": "z"}]}, "'z' is not a label of this project"),
    ({"predictions": [{"id": "ID", "probabilities": {"a": 3, "b": -2}}]}, "a probability lies outside 0 to 1"),
    ({"predictions": ["x"]}, "prediction 1: item=None is neither a key nor an id"),
    (b"<html>", "does not answer with JSON"),
    (b" " * 200, "larger than 100 bytes"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_an_answer_that_is_not_as_agreed_is_told_in_words(loop: Loop, answer, words: str, monkeypatch) -> None:
    inputs = loop.store.items.inputs([1])
    row = asking.row_of(inputs[0], loop.project)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).replace("ID", row["id"]).encode()
    if len(body) == 200:
        monkeypatch.setattr(asking, "MOST_ANSWER", 100)
    with receiving() as receiver:
        receiver.answers.append((200, {"content-type": "application/json"}, body))
        line = asking.Line(receiver.address, "whsec_AAAA", 5.0, 50, HERE, wait=lambda _s: None)
        with pytest.raises(Unreachable, match=words):
            asking.predictions(line, loop.project, "v1", inputs)


def test_a_server_that_has_asked_before_heeds_new_labels_and_asks_nobody_once_disconnected(
    loop: Loop, elsewhere: Elsewhere
) -> None:
    elsewhere.connect(loop)
    brought.version(loop, "poor", "ana")
    work(loop)
    body = {"inputs": [[7.5, 7.5]], "log": False}
    with TestClient(create_api(loop.store.url), headers={"X-Feedback-User": "robot"}) as client:
        address = f"/projects/{loop.project.id}"
        assert list(client.post(f"{address}/predict", json=body).json()["predictions"][0]["proba"]) == ["a", "b"]
        loop.change(loop.project.settings, "ana", ("a", "b", "c"))
        said = client.post(f"{address}/predict", json=body)
        assert (said.status_code, list(said.json()["predictions"][0]["proba"])) == (200, ["a", "b", "c"])
        asked = len(elsewhere.got())
        loop.store.outside.disconnect(loop.project.id, by="ana", now=loop.clock())
        assert client.post(f"{address}/predict", json=body).status_code == 409
        assert len(elsewhere.got()) == asked


def test_labels_alone_are_taken_and_equal_inputs_are_asked_about_once(loop: Loop) -> None:
    inputs = loop.store.items.inputs([1])
    row = asking.row_of(inputs[0], loop.project)
    with receiving() as receiver:
        receiver.answers.append((200, {}, json.dumps({"predictions": [{"id": row["id"], "label": "b"}]}).encode()))
        line = asking.Line(receiver.address, "whsec_AAAA", 5.0, 50, HERE)
        said = asking.predictions(line, loop.project, "v1", [inputs[0], inputs[0]])
        assert receiver.got[0].json["rows"] == [row]
        assert receiver.got[0].signed_by("whsec_AAAA")
    assert said.tolist() == np.array([[0.49, 0.51]] * 2).tolist()


def test_addresses_are_checked_like_those_of_webhooks_and_secrets_are_shown_once(loop: Loop) -> None:
    given = (loop.store, loop.project)
    at = {"by": "ana", "now": 0.0}
    with pytest.raises(Refused, match=r"link-local, metadata and multicast addresses are never sent to"):
        outside.connect(*given, "http://169.254.169.254/latest", "", HERE, **at)
    with pytest.raises(Refused, match="not on the public network"):
        outside.connect(*given, "https://example.org/p", "http://10.0.0.1/train", Reach(private=False), **at)
    with pytest.raises(InvalidInput, match="batch=0: give 1 to 300 seconds, and 1 to 5,000 rows"):
        outside.connect(*given, "https://example.org/p", "", HERE, **at, batch=0)
    with pytest.raises(NotFound, match="No model elsewhere is connected"):
        brought.version(loop, "v1", "ana")
    client = TestClient(create_api(loop.store.url), headers={"X-Feedback-User": "ana"})
    path = f"/projects/{loop.project.id}/endpoint"
    made = client.put(path, json={"url": "https://example.org/secret-path/predict"})
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in client.get(path).json()
    events = loop.store.events.latest(loop.project.id, 5)
    assert next((e.kind, e.details) for e in events) == ("model connected", {"to": "example.org", "learns": False})
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_command_line_connects_registers_and_retrains(loop: Loop, elsewhere: Elsewhere) -> None:
    url = loop.store.url
    made = run(url, "connect-model", elsewhere.at("predict"), "--train-url", elsewhere.at("train"), "--json")
    elsewhere.secret_file.write_text(json.loads(made.stdout)["secret"])
    done = run(url, "register-version", "poor")
    assert done.exit_code == 0, done.output
    retrained = run(url, "retrain")
    assert "Version 2" in retrained.stdout, retrained.output
    assert run(url, "disconnect-model").exit_code == 0
    assert loop.store.outside.endpoint(loop.project.id) is None


def test_the_page_connects_a_model_and_asks_it(page, loop: Loop, elsewhere: Elsewhere) -> None:
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.button_group(key=f"bring-way-{loop.project.id}").set_value("Its address").run()
    app.text_input(key=f"endpoint-url-{loop.project.id}").set_value(elsewhere.at("predict"))
    app.text_input(key=f"endpoint-train-{loop.project.id}").set_value("ftp://x")
    press(app, "Connect")
    assert "is not taken: write https://host/path" in texts(app).replace("\\", "")
    app.text_input(key=f"endpoint-train-{loop.project.id}").set_value(elsewhere.at("train"))
    press(app, "Connect")
    elsewhere.secret_file.write_text(app.code[0].value)
    assert "Requests to the model are signed with this secret" in texts(app)
    app.text_input(key=f"endpoint-name-{loop.project.id}").set_value("poor")
    press(app, "Ask it and judge")
    assert work(loop) == ["judge: done", "predict: done"]
    for name in ("overview", "review", "predictions", "map", "insights", "retrain"):
        page(name)
