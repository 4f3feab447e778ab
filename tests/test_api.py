"""The REST API on a real store: what it gives, what it refuses, and that every error says why in one form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from feedback_core import wording
from feedback_core.api import create_api, guard
from feedback_core.errors import (
    ArtifactError,
    CannotTrain,
    InvalidSetting,
    NotFound,
    Refused,
    Stale,
    StoreBusy,
    StoreError,
)
from feedback_core.types import Decision, Flip
from tests.conftest import make_loop, save_flips
from tests.refused_worlds import WORDS, WORLDS, challenge

ME = {"by": "ann", "reason": ""}
WHY = {"by": "ann", "reason": "we know, and want it"}


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(create_api(store.url), raise_server_exceptions=False)


@pytest.fixture
def candidate(trained):
    """A second version of the same recipe, judged: it changes nothing, so the gate advises to wait."""
    version = trained.retrain("test")
    trained.judge(version)
    return version


def problem(response, status: int, code: str) -> str:
    """The words of a refusal, which has the one form that all have."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"], body["code"], body["type"]) == (status, status, code, "about:blank")
    assert body["title"]
    return body["detail"]


# -- reading -------------------------------------------------------------------------------------------------------


def test_health_answers(client):
    assert client.get("/health").json() == {"status": "ok", "version": "0.1.0"}


def test_projects_carry_the_accuracy_of_their_champion_with_interval_and_n(client, trained):
    (project,) = client.get("/projects").json()
    champion = trained.store.versions.champion(trained.project.id)
    assert (project["name"], project["labels"], project["champion"], project["versions"]) == (
        "points",
        ["a", "b"],
        1,
        1,
    )
    assert project["accuracy"] == {"holdout": champion.metrics["holdout"]["accuracy"]}
    assert set(project["accuracy"]["holdout"]) == {"value", "low", "high", "n"}
    assert client.get(f"/projects/{project['id']}").json() == project


def test_every_estimate_of_accuracy_names_its_sample(client, trained):
    found = client.get(f"/projects/{trained.project.id}/accuracy").json()
    holdout = trained.store.versions.champion(trained.project.id).metrics["holdout"]["accuracy"]
    assert found["version"] == 1
    assert found["estimates"][0]["accuracy"] == holdout
    assert all(each["sample"] and each["says"] for each in found["estimates"])
    without = [each["accuracy"] for each in found["estimates"] if each["accuracy"]["n"] == 0]
    assert without
    assert all(each["value"] is None for each in without)


def test_an_archived_project_is_not_listed(client, trained, clock):
    trained.store.projects.archive(trained.project, now=clock(), actor="test")
    assert client.get("/projects").json() == []


def test_versions_and_their_reports_are_read(client, trained, candidate):
    versions = client.get(f"/projects/{trained.project.id}/versions").json()
    assert [(each["number"], each["status"]) for each in versions] == [(1, "champion"), (2, "candidate")]
    assert client.get(f"/versions/{candidate.id}").json() == versions[1]
    report = client.get(f"/versions/{candidate.id}/report").json()
    stored = trained.store.versions.report_on(candidate.id)
    assert (report["challenger"], report["champion"], report["action"]) == (2, 1, stored.action)
    assert report["reasons"] == list(stored.reasons)
    assert report["numbers"] == stored.numbers
    assert report["created_at"] == wording.iso(stored.created_at)


def test_report_and_card_come_as_pages_that_may_run_nothing(client, trained, candidate):
    for path, words in (
        (f"/versions/{candidate.id}/report.html", "Version 2 of points"),
        (f"/projects/{trained.project.id}/card.html", "Model card: points"),
    ):
        page = client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert words in page.text
    assert client.get(f"/projects/{trained.project.id}/card").json()["version"] == 1


def test_flips_come_page_by_page_and_every_one_once(client, trained, candidate):
    report = trained.store.versions.report_on(candidate.id)
    ids = trained.store.items.locked_rows(trained.project.id).ids[:7]
    kinds = ["fixed", "broken", "fixed", "moved", "fixed", "broken", "fixed"]
    flips = [Flip(item, kind, "holdout", "a", "b", "a") for item, kind in zip(ids, kinds, strict=True)]
    save_flips(trained.store, report.id, flips)
    path, seen, after, pages = f"/versions/{candidate.id}/flips", [], 0, 0
    while after is not None:
        page = client.get(path, params={"limit": 3, "after": after}).json()
        seen += page["items"]
        after, pages = page["next"], pages + 1
    keys = trained.store.items.keys(ids)
    assert [(each["item_id"], each["kind"], each["key"]) for each in seen] == [
        (item, kind, keys[item]) for item, kind in zip(ids, kinds, strict=True)
    ]
    assert pages == 3
    fixed = client.get(path, params={"kind": "fixed", "limit": 4}).json()
    assert ([each["item_id"] for each in fixed["items"]], fixed["next"]) == ([ids[0], ids[2], ids[4], ids[6]], None)
    assert "kind" in problem(client.get(path, params={"kind": "better"}), 422, "InvalidRequest")
    assert "limit" in problem(client.get(path, params={"limit": 0}), 422, "InvalidRequest")


# -- deciding ------------------------------------------------------------------------------------------------------


def test_judge_promote_and_roll_back_do_what_the_page_does(client, trained):
    first, second = trained.store.versions.champion(trained.project.id), trained.retrain("test")
    judged = client.post(f"/versions/{second.id}/judge", json=ME)
    assert (judged.status_code, judged.json()["challenger"]) == (200, 2)
    assert client.post(f"/versions/{second.id}/promote", json=WHY).json()["status"] == "champion"
    report = trained.store.versions.report_on(second.id)
    assert (report.decision, report.decided_by, report.decision_reason) == ("promote", "ann", "we know, and want it")
    assert [job.kind for job in trained.store.jobs.live(trained.project.id)] == ["predict"], "the queue is scored again"
    back = client.post(f"/versions/{first.id}/rollback", json={"by": "ben", "reason": "it fails on Mondays"})
    assert (back.json()["number"], back.json()["status"]) == (1, "champion")
    assert trained.store.versions.get(second.id).status == "retired"


def test_a_rollback_gives_what_undoes_its_questions(client, trained):
    item = trained.store.items.get(trained.store.items.open_ids(trained.project.id)[0])
    entry = trained.record(Decision(item.id, "bob", "correct", "a", version_id=item.version_id))[0]
    first, second = trained.store.versions.champion(trained.project.id), trained.retrain("test")
    client.post(f"/versions/{second.id}/judge", json={"by": "eve"})
    judged = next(event for event in trained.store.events.latest(trained.project.id) if event.kind == "version judged")
    assert (judged.actor, judged.details["version_id"]) == ("eve", second.id)
    client.post(f"/versions/{second.id}/promote", json=WHY)
    back = client.post(f"/versions/{first.id}/rollback", json=WHY).json()
    assert (back["left_version"], back["entries"], len(back["presses"]), back["not_asked"]) == (2, [entry.id], 1, 0)
    assert trained.store.items.get(item.id).state == "conflict"
    undo = f"/projects/{trained.project.id}/rulings/undo"
    assert client.post(undo, json={"by": "meg", "presses": back["presses"]}).json() == {"entries": [entry.id]}
    assert trained.store.items.get(item.id).state == "labelled"
    again = client.post(undo, json={"by": "meg", "presses": back["presses"]})
    assert (again.status_code, "nothing left to undo" in again.json()["detail"]) == (409, True)
    assert client.post(undo, json={"by": "meg", "presses": []}).status_code == 422


def test_refuse_keeps_the_champion(client, trained, candidate):
    answer = client.post(f"/versions/{candidate.id}/refuse", json=WHY)
    assert (answer.status_code, answer.json()["status"]) == (200, "refused")
    assert trained.store.versions.champion(trained.project.id).number == 1
    assert trained.store.versions.report_on(candidate.id).decision_reason == "we know, and want it"


def test_a_promotion_against_the_gate_without_a_reason_is_a_conflict_told_in_words(client, trained, candidate):
    report = trained.store.versions.report_on(candidate.id)
    assert report.action == "hold"
    for reason in ("", "   "):
        answer = client.post(f"/versions/{candidate.id}/promote", json={"by": "ann", "reason": reason})
        words = problem(answer, 409, "Refused")
        assert "Version 2 is not advised by the gate: give a reason to promote it anyway." in words
        assert report.reasons[0] in words
    assert trained.store.versions.champion(trained.project.id).number == 1
    assert trained.store.versions.report_on(candidate.id).decision is None


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_a_bad_candidate_is_refused_with_the_reason_a_person_understands(client, store, clock, name):
    loop = WORLDS[name](store, clock)
    champion = store.versions.champion(loop.project.id)
    version = loop.retrain("test")
    judged = client.post(f"/versions/{version.id}/judge", json=ME).json()
    assert judged["action"] == "refuse"
    assert judged["reasons"][0].startswith(WORDS[name])
    assert judged["advice"] == "The gate advises: keep the champion."
    words = problem(client.post(f"/versions/{version.id}/promote", json=ME), 409, "Refused")
    assert WORDS[name] in words
    assert "give a reason" in words
    assert store.versions.champion(loop.project.id).id == champion.id


def test_a_decision_that_was_taken_already_is_a_conflict(client, candidate):
    client.post(f"/versions/{candidate.id}/refuse", json=ME)
    words = problem(client.post(f"/versions/{candidate.id}/promote", json=WHY), 409, "Refused")
    assert "has been decided already" in words


def test_the_champion_is_not_compared_with_itself(client, trained):
    before = len(trained.store.versions.reports(trained.project.id))
    champion = trained.store.versions.champion(trained.project.id)
    assert "there is nothing to compare it with" in problem(
        client.post(f"/versions/{champion.id}/judge", json=ME), 409, "Refused"
    )
    assert len(trained.store.versions.reports(trained.project.id)) == before, "no look was spent"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": 3}, "reason"),
        ({"by": ""}, "by"),
        ({"by": "x" * 81}, "by"),
        ({"by": 3}, "by"),
        ({"by": "a", "why": "b"}, "why"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_decision_names_its_field(client, candidate, body, field):
    answer = client.post(f"/versions/{candidate.id}/promote", json=body)
    words = problem(answer, 422, "InvalidRequest")
    assert words.startswith(f"body.{field}: ")
    assert answer.json()["errors"][0]["field"] == f"body.{field}"


def test_who_decides_may_not_be_blanks_and_a_reason_not_a_document(client, candidate):
    path = f"/versions/{candidate.id}/promote"
    assert "characters that can be seen" in problem(client.post(path, json={"by": " "}), 422, "InvalidInput")
    long = client.post(path, json={"by": "ann", "reason": "x" * 100_000})
    assert "100000 characters" in problem(long, 422, "InvalidFeedback")


# -- refusing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/versions/99", "/versions/99/report", "/versions/99/report.html", "/versions/99/flips", "/projects/99/card"],
)
def test_what_is_not_there_is_404_in_words(client, trained, path):
    assert "There is no" in problem(client.get(path), 404, "NotFound")


def test_an_unjudged_version_has_no_report(client, trained):
    version = trained.retrain("test")
    assert "judge it first" in problem(client.get(f"/versions/{version.id}/report"), 404, "NotFound")


def test_ids_that_no_database_can_hold_are_refused(client):
    assert "version_id" in problem(client.get(f"/versions/{2**63}"), 422, "InvalidRequest")
    assert "version_id" in problem(client.get("/versions/0"), 422, "InvalidRequest")
    assert "version_id" in problem(client.get("/versions/last"), 422, "InvalidRequest")


def test_an_unknown_path_and_a_wrong_method_have_the_same_form(client):
    assert "GET /nowhere" in problem(client.get("/nowhere"), 404, "NoSuchPath")
    answer = client.delete("/projects", headers={"content-type": "application/json"})
    assert "DELETE /projects: Method Not Allowed" in problem(answer, 405, "HttpError")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404), (Refused("x"), 409), (Stale("x"), 409), (InvalidSetting("x"), 422),
        (CannotTrain("x"), 400), (ArtifactError("x"), 400), (StoreError("x"), 400), (StoreBusy("x"), 503),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_each_class_of_error_has_its_status(client, monkeypatch, error, status):
    def fail():
        raise error

    monkeypatch.setattr(client.app.state, "store", fail)
    assert problem(client.get("/projects"), status, type(error).__name__) == "x"


def test_a_mistake_of_ours_is_logged_and_told_without_its_insides(client, monkeypatch, caplog):
    def fail():
        raise RuntimeError("secret/path/of/the/server")

    monkeypatch.setattr(client.app.state, "store", fail)
    words = problem(client.get("/projects"), 500, "Bug")
    assert "secret" not in words
    assert "RuntimeError" in words
    assert "secret/path/of/the/server" in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "https://testserver.evil.example"}, {"origin": "null"},
        {"origin": "http://testserver:8080"}, {"sec-fetch-site": "cross-site"},
    ],
)  # fmt: skip
def test_a_page_of_another_site_changes_nothing(client, trained, candidate, headers):
    answer = client.post(f"/versions/{candidate.id}/promote", json=WHY, headers=headers)
    assert "may not change anything here" in problem(answer, 403, "ForeignOrigin")
    assert trained.store.versions.champion(trained.project.id).number == 1


def test_our_own_page_may_decide_and_others_may_read(client, candidate):
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.post(f"/versions/{candidate.id}/refuse", json=ME, headers=own).status_code == 200
    assert client.get("/projects", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(client, trained, candidate, kind):
    headers = {"content-type": kind} if kind else {}
    answer = client.post(f"/versions/{candidate.id}/promote", content=b'{"by": "ann", "reason": "x"}', headers=headers)
    assert "send application/json" in problem(answer, 415, "NotJson")
    assert trained.store.versions.champion(trained.project.id).number == 1


def test_no_body_is_an_empty_one_and_needs_no_type_but_not_from_another_site(client, trained, candidate):
    retrain = f"/projects/{trained.project.id}/retrain"
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        problem(client.post(retrain, headers=headers), 403, "ForeignOrigin")
    problem(client.post(retrain, headers={"content-type": "text/plain"}), 415, "NotJson")
    problem(client.post(retrain, content=(piece for piece in (b"",))), 415, "NotJson")
    problem(client.post(retrain), 409, "Refused")  # it got as far as the rule: there is nothing new to learn
    problem(client.post(retrain, headers={"content-type": "application/json"}), 409, "Refused")
    assert client.post(f"/versions/{candidate.id}/refuse").status_code == 200
    needed = problem(client.post(f"/projects/{trained.project.id}/queue/release"), 422, "InvalidRequest")
    assert "draws" in needed


def test_json_with_a_charset_is_json_and_broken_json_is_told(client, candidate):
    path, headers = f"/versions/{candidate.id}/refuse", {"content-type": "application/json; charset=utf-8"}
    assert "JSON" in problem(client.post(path, content=b'{"by": ', headers=headers), 422, "InvalidRequest")
    assert client.post(path, content=b'{"by": "ann"}', headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_refused_whether_it_says_its_length_or_not(client, candidate):
    path, headers = f"/versions/{candidate.id}/promote", {"content-type": "application/json"}
    whole = b'{"by": "' + b"x" * guard.MAX_BODY + b'"}'
    pieces = (whole[n : n + 65_536] for n in range(0, len(whole), 65_536))
    for body in (whole, pieces):
        assert "larger than 1,000,000 bytes" in problem(
            client.post(path, content=body, headers=headers), 413, "TooLarge"
        )
    small = (piece for piece in (b'{"by": "ann",', b' "reason": "in pieces"}'))
    assert client.post(path, content=small, headers=headers).json()["status"] == "champion"


# -- describing ----------------------------------------------------------------------------------------------------


def test_openapi_describes_every_route_and_its_problems(client):
    described = client.get("/openapi.json").json()
    for methods in described["paths"].values():
        for route in methods.values():
            assert route["description"]
            for status in ("422", "default"):
                assert list(route["responses"][status]["content"]) == ["application/problem+json"]


def test_every_route_asks_who(client):
    routes = [
        (path, method) for path, methods in client.get("/openapi.json").json()["paths"].items() for method in methods
    ]
    assert len(routes) > 20
    for path, method in routes:
        if path in ("/health", "/docs"):  # they tell nothing about anybody's data
            continue
        kind = "application/x-ndjson" if path.endswith("/import") else "application/json"
        headers = {"x-feedback-user": "x" * 81, "content-type": kind}
        answer = client.request(method, re.sub(r"{\w+}", "1", path), headers=headers)
        assert "is not a name" in problem(answer, 422, "InvalidInput"), path


def test_the_document_names_every_route(client):
    text = (Path(__file__).parent.parent / "docs" / "rest.md").read_text()
    for path in client.get("/openapi.json").json()["paths"]:
        word = path.rpartition("/")[2] if "{" in path and not path.endswith("}") else path.split("/{")[0]
        assert word in text, path


def test_no_page_loads_scripts_from_elsewhere(client):
    problem(client.get("/redoc"), 404, "NoSuchPath")
    assert "<script" not in client.get("/docs").text


def test_an_empty_project_has_no_versions(client, store, clock):
    loop = make_loop(store, clock)
    assert client.get(f"/projects/{loop.project.id}/versions").json() == []
    assert "train the first version" in problem(client.get(f"/projects/{loop.project.id}/card"), 404, "NotFound")


def test_the_report_of_a_challenge_is_the_one_the_page_shows(client, store, clock):
    loop = WORLDS["broken class"](store, clock)
    version, report = challenge(loop)
    assert client.get(f"/versions/{version.id}/report").json()["numbers"]["slices"] == report.numbers["slices"]
