"""What other programs follow over REST: events, exports, figures, the model that is live, and how fast they may ask."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from feedback_core import insights
from feedback_core.api import buckets, create_api, docs, metrics
from feedback_core.client import Client
from feedback_core.environment import api_pace
from feedback_core.errors import InvalidSetting
from feedback_core.models import artifacts
from tests.serving import served
from tests.test_api import problem
from tests.test_rest import open_item, path


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(create_api(store.url), raise_server_exceptions=False, headers={"X-Feedback-User": "ana"})


# -- events, exports, figures --------------------------------------------------------------------------------------


def test_events_come_in_order_and_every_one_once(client, trained):
    seen, after = [], 0
    while after is not None:
        page = client.get(path(trained, "events"), params={"limit": 2, "after": after}).json()
        seen, after = seen + page["items"], page["next"]
    stored = trained.store.events.latest(trained.project.id)
    assert [each["id"] for each in seen] == [event.id for event in reversed(stored)]
    assert "project created" in {each["kind"] for each in seen}


@pytest.mark.parametrize("what", ["items", "predictions", "feedback"])
def test_an_export_holds_what_the_page_exports(client, trained, what):
    client.post(path(trained, "feedback"), json={"item": open_item(trained).id, "target": "a"})
    rows = list(insights.export_rows(trained.store, trained.project, what))
    lines = client.get(path(trained, f"export/{what}")).text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    csv = client.get(path(trained, f"export/{what}"), params={"format": "csv"})
    assert csv.headers["content-type"].startswith("text/csv")
    assert len(csv.text.splitlines()) == len(rows) + 1


def test_a_prediction_that_must_not_be_seen_before_its_item_is_decided_is_in_no_export(client, trained):
    settings = trained.project.settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 1.0})
    trained.store.projects.update(trained.project, settings=settings, now=0.0, actor="test")
    drawn = client.post(path(trained, "queue/draw"), json={}).json()["draws"][0]
    assert drawn["blind"]

    def exported() -> set[str]:
        lines = client.get(path(trained, "export/predictions")).text.splitlines()
        return {json.loads(line)["key"] for line in lines}

    before = exported()
    assert before
    assert drawn["key"] not in before
    whole = insights.export_rows(trained.store, trained.project, "predictions", hidden=True)
    assert {row["key"] for row in whole} - before == {drawn["key"]}
    answer = {"item": drawn["item"], "target": "a", "draw": drawn["draw"]}
    assert client.post(path(trained, "feedback"), json=answer).status_code == 201
    assert exported() == before | {drawn["key"]}


def test_an_export_is_read_as_it_is_sent(trained):
    """Ten times the rows, not ten times the memory."""
    from feedback_core import exports

    from .conftest import rows

    columns = insights.export_columns(trained.project, "items")

    def peak() -> int:
        tracemalloc.start()
        pieces = exports.write_jsonl(insights.export_rows(trained.store, trained.project, "items"), columns)
        assert sum(map(len, pieces)) > 0
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    trained.add_items(rows(6_000, seed=5, labelled=False)[0], "test")
    before = peak()
    trained.add_items(rows(30_000, seed=6, labelled=False)[0], "test")
    assert peak() < 2 * before


def test_insights_are_the_numbers_of_the_page(client, trained):
    found = client.get(path(trained, "insights"))
    body = found.json()
    assert body["accuracy_by_version"] == insights.accuracy_history(trained.store, trained.project)
    assert body["volume"] == insights.feedback_volume(trained.store, trained.project)
    names = {"accuracy", "accuracy_by_version", "volume", "forecast", "certificate", "credit", "queue"}
    assert set(body) == names
    again = client.get(path(trained, "insights"), headers={"If-None-Match": found.headers["etag"]})
    assert again.status_code == 304


# -- the model that is live ----------------------------------------------------------------------------------------


def test_a_model_is_downloaded_with_its_hash_and_not_when_damaged(client, trained, tmp_path):
    version = trained.store.versions.champion(trained.project.id)
    with served(trained.store.url) as address:
        ana = Client(address, "points")
        file = ana.download(version.id, tmp_path / "model.skops")
        assert ana.champion(after=1) is None
        ana.close()
    assert sha256(file.read_bytes()).hexdigest() == version.sha256
    assert client.get(f"/versions/{version.id}/artifact").headers["etag"] == f'"{version.sha256}"'
    (trained.store.artifacts / version.artifact / artifacts.MODEL).write_bytes(b"short")
    assert "has changed" in problem(client.get(f"/versions/{version.id}/artifact"), 400, "ArtifactError")


def test_whoever_waits_for_a_champion_hears_of_it_at_once(trained):
    second = trained.retrain("test")
    trained.judge(second)
    heard = []
    with served(trained.store.url) as address:
        ana = Client(address, "points")

        def wait() -> None:
            heard.append(ana.champion(after=1, wait_s=30))
            ana.close()

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        assert heard == []
        trained.promote(second, "test", "for the test")
        waiting.join(20)
        ana.close()
    assert heard[0]["number"] == 2


# -- metrics and docs ----------------------------------------------------------------------------------------------


def test_metrics_tell_items_feedback_champion_and_accuracy(client, trained):
    client.post(path(trained, "feedback"), json={"item": open_item(trained).id, "target": "a"})
    text = client.get("/metrics").text
    assert 'feedback_loop_items{project="points",split="pool",state="open"} 99' in text
    assert 'feedback_loop_champion_version{project="points"} 1' in text
    score = trained.store.versions.champion(trained.project.id).metrics["holdout"]["accuracy"]
    assert f'feedback_loop_accuracy_rows{{project="points",sample="holdout"}} {score["n"]}' in text
    for end in ("value", "low", "high"):
        line = next(line for line in text.splitlines() if f'of="{end}"' in line)
        assert float(line.split()[-1]) == pytest.approx(score[end], rel=1e-5)


def test_a_metric_is_written_as_prometheus_reads_it():
    text = metrics.written("jobs", "Jobs.", [({"project": 'a"b\\c\nd'}, 2.0), ({"project": "e"}, 0.25)])
    assert text == (
        "# HELP feedback_loop_jobs Jobs.\n# TYPE feedback_loop_jobs gauge\n"
        'feedback_loop_jobs{project="a\\"b\\\\c\\nd"} 2\nfeedback_loop_jobs{project="e"} 0.25\n'
    )


def test_the_page_of_routes_needs_nothing_and_lists_all(client):
    page = client.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://127.0.0.1", "")
    for route in client.get("/openapi.json").json()["paths"]:
        assert f"<code>{route}</code>" in page.text


def test_the_page_escapes_what_it_shows():
    route = {"description": "<b>x</b>", "responses": {"200": {}}}
    shown = docs.drawn({"info": {"title": "<i>", "version": "1"}, "paths": {"/<a>": {"get": route}}})
    assert "<b>x</b>" not in shown
    assert "&lt;i&gt; 1" in shown


# -- pace ----------------------------------------------------------------------------------------------------------


def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    bucket = buckets.Bucket(2.0, 0.0)
    early = []
    for now in (0.0, 0.0, 0.0, 0.25, 0.5, 0.5):
        bucket, wait = buckets.take(bucket, now, rate=2.0, burst=2.0)
        early.append(wait)
    assert early == [0.0, 0.0, 0.5, 0.25, 0.0, 0.5]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.5, 20), st.integers(1, 20))
def test_no_stretch_of_time_lets_more_through_than_burst_and_rate(gaps, rate, burst):
    bucket, now, passed = buckets.Bucket(float(burst), 0.0), 0.0, []
    for gap in gaps:
        now += gap
        bucket, early = buckets.take(bucket, now, rate, burst)
        if not early:
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - passed[first]) + 1e-6


def test_who_asks_too_fast_is_told_how_long_to_wait(store, monkeypatch):
    monkeypatch.setenv("FEEDBACK_API_RATE", "0.5")
    monkeypatch.setenv("FEEDBACK_API_BURST", "3")
    client = TestClient(create_api(store.url))
    answers = [client.get("/health") for _ in range(4)]
    assert [each.status_code for each in answers[:3]] == [200] * 3
    assert "try again in" in problem(answers[3], 429, "TooFast")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 2


@pytest.mark.parametrize("value", ["-1", "much", "inf", "nan"])
def test_a_pace_that_is_no_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("FEEDBACK_API_RATE", value)
    with pytest.raises(InvalidSetting, match="FEEDBACK_API_RATE"):
        api_pace()


def test_a_misspelt_parameter_is_named(client, trained):
    answer = client.get(path(trained, "events"), params={"limti": 5})
    assert "'limti' is no parameter of this address: it takes after, limit" in problem(answer, 422, "InvalidInput")
