"""Every route with every role: REST lets nobody do what the table of permissions does not."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from feedback_core import people, permissions, webhooks
from feedback_core.api import create_api, permitting
from feedback_core.client import Client
from feedback_core.errors import Forbidden, RemoteError
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.submissions import Submission, submit
from feedback_core.types import ROLES, ItemFilter
from feedback_core.webhooks import Reach
from tests.conftest import Clock, make_loop, raw, rows
from tests.serving import served
from tests.test_durability import until

ME = people.local("ann")

OPEN = {"GET /health", "GET /docs"}
"""They tell nothing about anybody's data; so does /openapi.json."""

SOMEWHERE = {"GET /projects", "GET /metrics", "GET /whoami"}
"""A role in one project is enough: what is not in one's projects is left out."""

ROUTES = {
    "GET /whoami": "see",
    "GET /projects": "see",
    "GET /metrics": "see",
    "POST /projects": "create project",
    "PATCH /projects/{project_id}": "settings",
    "GET /projects/{project_id}": "see",
    "GET /projects/{project_id}/versions": "see",
    "GET /projects/{project_id}/accuracy": "see",
    "GET /projects/{project_id}/card": "see",
    "GET /projects/{project_id}/items/{key}/explanation": "see",
    "GET /projects/{project_id}/card.html": "see",
    "GET /projects/{project_id}/events": "see",
    "GET /projects/{project_id}/insights": "see",
    "GET /projects/{project_id}/champion": "see",
    "GET /projects/{project_id}/jobs": "see",
    "GET /projects/{project_id}/feedback": "see",
    "GET /projects/{project_id}/export/{what}": "export",
    "GET /projects/{project_id}/pictures/{digest}": "see",
    "GET /projects/{project_id}/members": "see access",
    "GET /projects/{project_id}/tokens": "see access",
    "POST /projects/{project_id}/members": "members",
    "POST /projects/{project_id}/tokens": "tokens",
    "POST /projects/{project_id}/items": "add items",
    "POST /projects/{project_id}/import": "add items",
    "POST /projects/{project_id}/predict": "predict",
    "POST /projects/{project_id}/queue/draw": "review",
    "POST /projects/{project_id}/queue/release": "review",
    "POST /projects/{project_id}/feedback": "submit",
    "POST /projects/{project_id}/feedback/batch": "submit",
    "POST /projects/{project_id}/retrain": "retrain",
    "POST /projects/{project_id}/line-up": "retrain",
    "GET /projects/{project_id}/line-up": "see",
    "POST /projects/{project_id}/rulings/undo": "rule",
    "POST /feedback/{feedback_id}/undo": "review",
    "GET /jobs/{job_id}": "see",
    "POST /jobs/{job_id}/cancel": "cancel",
    "GET /versions/{version_id}": "see",
    "GET /versions/{version_id}/report": "see",
    "GET /versions/{version_id}/what-moved": "see",
    "POST /versions/{version_id}/what-moved": "study",
    "GET /versions/{version_id}/report.html": "see",
    "GET /versions/{version_id}/flips": "see",
    "GET /versions/{version_id}/artifact": "export",
    "POST /versions/{version_id}/judge": "judge",
    "POST /versions/{version_id}/promote": "promote",
    "POST /versions/{version_id}/refuse": "refuse",
    "POST /versions/{version_id}/rollback": "rollback",
    "GET /projects/{project_id}/realtime": "see",
    "GET /projects/{project_id}/drift-alerts": "see",
    "POST /projects/{project_id}/drift-alerts/{alert_id}/accept": "drift alerts",
    "POST /projects/{project_id}/drift-alerts/{alert_id}/dismiss": "drift alerts",
    "POST /projects/{project_id}/drift-alerts/{alert_id}/undo": "drift alerts",
    "POST /projects/{project_id}/realtime/judge": "judge",
    "GET /projects/{project_id}/groups": "see",
    "POST /projects/{project_id}/groups": "recluster",
    "GET /projects/{project_id}/groups/versions": "see",
    "GET /projects/{project_id}/groups/export": "export",
    "POST /projects/{project_id}/groups/pairs": "group",
    "GET /projects/{project_id}/groups/feedback": "see",
    "POST /projects/{project_id}/groups/feedback": "group",
    "POST /projects/{project_id}/groups/feedback/{entry}/undo": "group",
    "POST /projects/{project_id}/groups/versions/{number}/compare": "judge",
    "POST /projects/{project_id}/groups/versions/{number}/promote": "promote",
    "POST /projects/{project_id}/groups/versions/{number}/refuse": "refuse",
    "POST /projects/{project_id}/groups/versions/{number}/rollback": "rollback",
    "POST /projects/{project_id}/predictions": "bring model",
    "GET /projects/{project_id}/endpoint": "connect model",
    "PUT /projects/{project_id}/endpoint": "connect model",
    "DELETE /projects/{project_id}/endpoint": "connect model",
    "POST /projects/{project_id}/model-versions": "bring model",
    "GET /projects/{project_id}/training-requests/{request_id}/rows": "export",
    "GET /projects/{project_id}/webhooks": "webhooks",
    "POST /projects/{project_id}/webhooks": "webhooks",
    "PATCH /projects/{project_id}/webhooks/{webhook_id}": "webhooks",
    "DELETE /projects/{project_id}/webhooks/{webhook_id}": "webhooks",
    "POST /projects/{project_id}/webhooks/{webhook_id}/rotate": "webhooks",
    "POST /projects/{project_id}/webhooks/{webhook_id}/ping": "webhooks",
    "GET /projects/{project_id}/webhooks/{webhook_id}/deliveries": "webhooks",
    "GET /projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}": "webhooks",
    "POST /projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": "webhooks",
    "GET /members": "see access",
    "POST /members": "members",
    "DELETE /members/{member_id}": "members",
    "GET /tokens": "see access",
    "POST /tokens": "tokens",
    "DELETE /tokens/{token_id}": "tokens",
    "GET /events": "see access",
}
"""What each route is meant to be, written down a second time: a route that declares too little stands out here."""


def hidden(store, item_id: int) -> None:
    """Put an item into the audit sample, unlabelled: then only chance may draw it."""
    raw(store, "update items set audit = 1, state = 'open' where id = ?", (item_id,))


class World:
    """A project with everything that routes ask for, another project, and an API that takes tokens."""

    def __init__(self, url: str) -> None:
        self.store, self.url = open_store(url), url
        project = self.project = self.store.projects.named("points")
        self.loop = Loop(self.store, project)
        self.other = self.store.projects.create(
            "secret plans", project.schema, project.labels, project.settings, salt=2, now=1.0, actor="test"
        )
        self.api = create_api(url, team=True)
        self.client = TestClient(self.api, raise_server_exceptions=False)
        self._n = 0

    def token(self, role: str, project_id: int | None = None, **more) -> str:
        self._n += 1
        return people.create_token(self.store, ME, project_id, f"t{self._n}", role, **{"now": time.time()} | more)[1]

    def ask(self, route: str, secret: str | None, body: object = None, scheme: str = "Bearer", **headers: str):
        method, path = route.split()
        headers |= {} if secret is None else {"authorization": f"{scheme} {secret}"}
        given = {} if method in ("GET", "DELETE") else {"json": body}
        if path.endswith("/import"):
            given, headers = {"content": b"[]"}, headers | {"content-type": "application/x-ndjson"}
        return self.client.request(method, re.sub(r"{(\w+)}", self._existing, path), headers=headers, **given)

    def _existing(self, name: re.Match[str]) -> str:
        """Something of the first project, made where the request before may have used it up."""
        if name[1] == "token_id":
            self._n += 1
            made, _ = people.create_token(self.store, ME, self.project.id, f"t{self._n}", "viewer", now=1.0)
            return str(made.id)
        if name[1] == "member_id":
            return str(people.set_member(self.store, ME, self.project.id, "x@x.org", "viewer", now=1.0).id)
        if name[1] == "job_id":
            job = self.store.jobs.request(self.project.id, "rank", trigger="manual", by="test", now=1.0, payload={})
            return str(job.id)
        if name[1] == "feedback_id":
            return str(self.given("test"))
        return {"project_id": str(self.project.id), "what": "items"}.get(name[1], "1")

    def given(self, reviewer: str) -> int:
        """A new entry of somebody."""
        self._n += 1
        (stored,) = submit(self.loop, reviewer, [Submission(input=[self._n, 0.5], target="a")])
        return stored.id


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A folder with the database and models of a project with a champion; fitting it for each test takes too long."""
    folder = tmp_path_factory.mktemp("template")
    loop = make_loop(open_store(f"sqlite:///{folder / 'test.db'}"), Clock())
    loop.add_items(rows(60)[0], "test")
    loop.add_items(rows(40, seed=1, labelled=False)[0], "test")
    loop.judge(version := loop.retrain("test"))
    loop.promote(version, "test")
    loop.predict()
    return folder


@pytest.fixture
def world(template, tmp_path) -> Iterator[World]:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    made = World(f"sqlite:///{tmp_path / 'test.db'}")
    with made.client:  # one event loop for all requests, not one each
        yield made


def told(world: World) -> list[str]:
    """Every route of the description, as `GET /path`."""
    paths = world.client.get("/openapi.json").json()["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


def kind(answer) -> str:
    return {401: "unknown", 403: "forbidden"}.get(answer.status_code, "let in")


def test_every_route_of_the_description_is_in_the_table_and_takes_its_role(world):
    paths = world.client.get("/openapi.json").json()["paths"]
    for route in set(told(world)) - OPEN:
        assert route in ROUTES, f"{route} is new: say in ROUTES what it does"
        method, path = route.split()
        described = paths[path][method.lower()]
        assert described["x-action"] == ROUTES[route], route
        assert described["x-least-role"] == permissions.ACTIONS[ROUTES[route]].least
        assert described["security"] == [{"token": []}]


def test_a_route_that_declares_nothing_keeps_the_api_from_starting():
    router = APIRouter()
    router.get("/loose")(lambda: {})
    with pytest.raises(TypeError, match="/loose declares 0 actions"):
        permitting.declared([router])


def test_no_route_lets_anybody_in_whom_the_table_does_not(world):
    everywhere = {role: world.token(role) for role in ROLES}
    here = {role: world.token(role, world.project.id) for role in ROLES}
    elsewhere = world.token("admin", world.other.id)
    for route in sorted(set(told(world)) - OPEN):
        action = permissions.ACTIONS[ROUTES[route]]
        least = len(ROLES) if action.people_only else ROLES.index(action.least)
        single = "{" in route or route in SOMEWHERE
        for n, role in enumerate(ROLES):
            wanted = "let in" if n >= least else "forbidden"
            assert kind(world.ask(route, everywhere[role], [])) == wanted, (route, role)
            assert kind(world.ask(route, here[role], [])) == (wanted if single else "forbidden"), (route, role, "here")
        foreign = world.ask(route, elsewhere, [])
        assert kind(foreign) == ("let in" if route in SOMEWHERE else "forbidden"), (route, "elsewhere")


def test_no_route_lets_in_a_token_that_is_not_good(world):
    over = world.token("admin", now=time.time() - 100 * 86_400)
    revoked = world.token("admin")
    people.revoke_token(world.store, ME, world.store.tokens.all()[0].id, now=time.time())
    good = world.token("admin")
    for route in sorted(set(told(world)) - OPEN):
        for secret, words in (
            (None, "Programs say here who they are"),
            ("", "Programs say here who they are"),
            ("afl_nonsense", "not known here"),
            (over, "is over"),
            (revoked, "is revoked"),
        ):
            answer = world.ask(route, secret, [])
            assert (answer.status_code, answer.json()["code"]) == (401, "NotSignedIn"), (route, words)
            assert words in answer.json()["detail"]
            assert answer.headers["content-type"] == "application/problem+json"
            error = "" if secret is None else ', error="invalid_token"'
            assert answer.headers["www-authenticate"] == f'Bearer realm="feedback"{error}'
        assert kind(world.ask(route, good, [], scheme="Basic")) == "unknown"


@pytest.mark.parametrize("route", sorted(OPEN | {"GET /openapi.json"}))
def test_what_tells_nothing_is_open_even_to_a_bad_token(world, route):
    assert world.ask(route, None).status_code == 200
    assert world.ask(route, "afl_old").status_code == 200


def test_who_may_not_know_is_not_told_what_exists_nor_who_is_in_it(world):
    foreign = world.token("admin", world.other.id)
    world.store.jobs.request(world.project.id, "rank", trigger="manual", by="test", now=1.0, payload={})
    people.set_member(world.store, ME, world.project.id, "boss@points.org", "admin", now=1.0)
    people.set_member(world.store, ME, None, "root@x.org", "admin", now=1.0)
    entry = world.given("test")
    for path, there in (
        ("/versions/{}", 1),
        ("/jobs/{}", 1),
        ("/projects/{}", world.project.id),
        ("/projects/{}/webhooks/1/deliveries", world.project.id),
        ("/projects/{}/members", world.project.id),
    ):
        answers = [
            world.client.get(path.format(n), headers={"authorization": f"Bearer {foreign}"}) for n in (there, 987)
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].text == answers[1].text, path
        assert "root@x.org" in answers[0].text
        assert "points" not in answers[0].text
    takes = [
        world.client.post(f"/feedback/{n}/undo", json={}, headers={"authorization": f"Bearer {foreign}"}).text
        for n in (entry, 987)
    ]
    assert takes[0] == takes[1]


def test_who_has_which_role_and_which_tokens_there_are_is_not_told_by_the_trail(world):
    people.set_member(world.store, ME, world.project.id, "bob@x.org", "maintainer", now=1.0)
    people.remove_member(world.store, ME, world.project.id, "bob@x.org", now=2.0)
    viewer, maintainer, admin = (world.token(role, world.project.id) for role in ("viewer", "maintainer", "admin"))
    people.revoke_token(world.store, ME, world.store.tokens.all()[1].id, now=3.0)
    maintainer = world.token("maintainer", world.project.id)
    everything = world.ask("GET /projects/{project_id}/events?limit=1000", admin).json()["items"]
    access = {each["id"]: each for each in everything if each["kind"] in people.ACCESS_EVENTS}
    assert {each["kind"] for each in access.values()} == people.ACCESS_EVENTS
    assert all(each["details"] for each in access.values())
    for secret in (viewer, maintainer):
        answer = world.ask("GET /projects/{project_id}/events?limit=1000", secret)
        assert "bob@x.org" not in answer.text
        assert "afl_" not in answer.text
        found = answer.json()["items"]
        assert [(each["id"], each["kind"], each["actor"]) for each in found] == [
            (each["id"], each["kind"], each["actor"]) for each in everything
        ]
        assert [each for each in found if each["id"] not in access] == [
            each for each in everything if each["id"] not in access
        ]


def test_a_token_that_is_revoked_waits_for_no_champion_any_longer(world):
    secret = world.token("viewer", world.project.id)
    champion = world.store.versions.champion(world.project.id).number
    with served(world.url, team=True) as address:

        def wait() -> None:
            with closing(Client(address, project=world.project.id, token=secret)) as waiting:
                waiting.champion(champion, 60)

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(wait)
            until(lambda: world.store.tokens.get(1).last_used_at is not None, "the request is in")
            people.revoke_token(world.store, ME, 1, now=time.time())
            started = time.monotonic()
            with pytest.raises(RemoteError, match="is revoked"):
                answer.result(timeout=50)
            assert time.monotonic() - started < 30


def test_a_token_sees_only_its_own_project_in_lists_and_figures(world):
    mine = world.token("viewer", world.project.id)
    assert [each["name"] for each in world.ask("GET /projects", mine).json()] == ["points"]
    assert "secret plans" not in world.ask("GET /metrics", mine).text
    assert "secret plans" in world.ask("GET /metrics", world.token("viewer")).text


def test_a_refusal_says_who_what_role_and_whom_to_ask(world):
    people.set_member(world.store, ME, None, "eve@x.org", "admin", now=1.0)
    answer = world.ask("POST /versions/{version_id}/promote", world.token("reviewer", world.project.id), {})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["detail"]) == (
        "Forbidden",
        "token:t1 is reviewer in 'points' and may not make a version the champion: that takes the role maintainer. "
        "Ask eve@x.org for it (a token keeps the role it was made with).",
    )


def test_without_a_token_no_body_is_read(world):
    read = []

    def body():
        read.append(True)
        yield b"{"

    answer = world.client.post("/projects", content=body(), headers={"content-type": "application/json"})
    assert answer.status_code == 401
    broken = world.client.post("/projects", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 401


# -- in whose name -----------------------------------------------------------------------------------------------------

CHANGES = {
    "POST /projects/{project_id}/items": {"items": [{"input": [1.0, 2.0]}]},
    "POST /projects/{project_id}/predict": {"inputs": [[1.0, 2.0]]},
    "POST /projects/{project_id}/queue/draw": {},
    "POST /projects/{project_id}/queue/release": {"draws": [1]},
    "POST /projects/{project_id}/feedback": {"input": [5.0, 6.0], "target": "b"},
    "POST /projects/{project_id}/feedback/batch": {"entries": [{"input": [7.0, 8.0], "target": "b"}]},
    "POST /projects/{project_id}/retrain": {},
    "POST /projects/{project_id}/line-up": {"estimators": ["sgd"]},
    "POST /projects/{project_id}/rulings/undo": {"presses": [1]},
    "POST /projects": {"name": "new", "labels": ["a", "b"], "columns": [{"name": "x", "kind": "number"}]},
    "POST /projects/{project_id}/realtime/judge": {},
    "POST /projects/{project_id}/groups": {},
    "POST /projects/{project_id}/groups/pairs": {},
    "POST /projects/{project_id}/groups/feedback": {"kind": "together", "items": [1, 2]},
    "POST /projects/{project_id}/groups/feedback/{entry}/undo": {},
    "POST /projects/{project_id}/groups/versions/{number}/compare": {},
    "POST /projects/{project_id}/groups/versions/{number}/promote": {"reason": "why not"},
    "POST /projects/{project_id}/groups/versions/{number}/refuse": {"reason": "why not"},
    "POST /projects/{project_id}/groups/versions/{number}/rollback": {"reason": "why not"},
    "POST /projects/{project_id}/predictions": {"version": "other", "predictions": [{"item": "1", "label": "a"}]},
    "PUT /projects/{project_id}/endpoint": {"url": "http://127.0.0.1:9/x"},
    "POST /projects/{project_id}/model-versions": {"version": "other"},
    "POST /projects/{project_id}/drift-alerts/{alert_id}/accept": {"then": "retrain"},
    "POST /projects/{project_id}/drift-alerts/{alert_id}/dismiss": {"note": "a holiday"},
    "POST /projects/{project_id}/drift-alerts/{alert_id}/undo": {},
    "POST /projects/{project_id}/webhooks": {"url": "http://127.0.0.1:9/x", "kinds": ["version.live"]},
    "POST /projects/{project_id}/webhooks/{webhook_id}/rotate": {},
    "POST /projects/{project_id}/webhooks/{webhook_id}/ping": {},
    "PATCH /projects/{project_id}": {"settings": {"retrain_threshold": 9}},
    "POST /feedback/{feedback_id}/undo": {},
    "POST /jobs/{job_id}/cancel": {},
    "POST /versions/{version_id}/judge": {},
    "POST /versions/{version_id}/what-moved": {},
    "POST /versions/{version_id}/promote": {"reason": "why not"},
    "POST /versions/{version_id}/refuse": {"reason": "why not"},
    "POST /versions/{version_id}/rollback": {"reason": "why not"},
}
"""A body that each route takes, but for the name in it."""


RECORDS_NOBODY = {"POST /projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"}


def test_the_bodies_that_take_a_name_are_all_here(world):
    document = world.client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    named = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        for content in route.get("requestBody", {}).get("content", {}).values()
        if "by" in schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    }
    assert named - RECORDS_NOBODY == set(CHANGES)


def test_a_token_that_is_not_made_for_it_names_nobody_else(world):
    admin = world.token("admin")
    webhooks.add(
        world.store, world.project, "http://127.0.0.1:9/x", ["version.live"], Reach(private=True), by="test", now=1.0
    )
    for route, body in CHANGES.items():
        for answer in (
            world.ask(route, admin, body | {"by": "boss"}),
            world.ask(route, admin, body, **{"x-feedback-user": "boss"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden"), route
            assert "token:t1 may not act for 'boss'" in answer.json()["detail"]
    assert {each.actor for each in world.store.listings.events(world.project.id, 0, 10_000)} <= {"test", "gate"}


def test_a_token_that_is_made_for_it_does_and_keeps_its_own_role(world):
    app = world.token("reviewer", world.project.id, may_act_for_others=True)
    entry = CHANGES["POST /projects/{project_id}/feedback"]
    route = "POST /projects/{project_id}/feedback"
    assert world.ask(route, app, entry | {"by": "ana"}).json()["reviewer"] == "ana"
    assert world.ask(route, app, entry, **{"x-feedback-user": "max"}).json()["reviewer"] == "max"
    assert world.ask(route, app, entry).json()["reviewer"] == "token:t1"
    assert kind(world.ask("POST /projects/{project_id}/retrain", app, {"by": "ann"})) == "forbidden"


def test_in_others_names_a_token_gives_feedback_draws_and_predicts_and_nothing_else(world):
    app = world.token("admin", may_act_for_others=True)
    webhooks.add(
        world.store, world.project, "http://127.0.0.1:9/x", ["version.live"], Reach(private=True), by="test", now=1.0
    )
    before = {each.id for each in world.store.listings.events(world.project.id, 0, 10_000)}
    for route, body in CHANGES.items():
        for answer in (
            world.ask(route, app, body | {"by": "boss"}),
            world.ask(route, app, body, **{"x-feedback-user": "boss"}),
        ):
            if ROUTES[route] in ("submit", "review", "predict"):
                assert kind(answer) == "let in", (route, answer.text)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden"), route
                assert "token:t1 may not act for 'boss' here" in answer.json()["detail"]
    done = [each for each in world.store.listings.events(world.project.id, 0, 10_000) if each.id not in before]
    assert {each.actor for each in done} <= {"boss (via token:t1)", "test"}
    mine = [each for each in world.store.feedback.latest(world.project.id, 100) if each.reviewer == "boss"]
    assert len(mine) >= 4
    assert {each.via for each in mine} == {"token:t1"}


@pytest.mark.parametrize("name", ["gate", "trigger", "worker", " Trigger", "token:t9", "Token:nightly"])
def test_nobody_goes_by_a_name_that_stands_for_no_person(world, name):
    app = world.token("reviewer", may_act_for_others=True)
    here = TestClient(create_api(world.url, team=False))
    entry, path = {"input": [5.0, 6.0], "target": "b"}, f"/projects/{world.project.id}"
    refused = [
        world.ask("POST /projects/{project_id}/feedback", app, entry | {"by": name}),
        here.post(f"{path}/feedback", json=entry | {"by": name}),
        here.post(f"{path}/retrain", json={"by": name}),
        here.post(f"{path}/retrain", json={}, headers={"x-feedback-user": name}),
    ]
    if name == name.strip():
        header = {"x-feedback-user": name}
        refused += [world.ask("POST /projects/{project_id}/feedback", app, entry, **header)]
    for answer in refused:
        assert answer.status_code == 422, answer.text
        assert "go by another name" in answer.json()["detail"]


def test_a_program_takes_back_in_a_name_what_it_has_recorded_in_it_and_nothing_else(world):
    one, other = (world.token("reviewer", may_act_for_others=True) for _ in range(2))
    said = {"input": [1, 2], "target": "b", "by": "ana"}
    entry = world.ask("POST /projects/{project_id}/feedback", one, said).json()
    assert (entry["reviewer"], entry["via"]) == ("ana", "token:t1")
    by_herself = world.given("ana")

    def undo(secret, entry_id, **headers):
        headers = {"authorization": f"Bearer {secret}"} | headers
        body = {} if "x-feedback-user" in headers else {"by": "ana"}
        return world.client.post(f"/feedback/{entry_id}/undo", json=body, headers=headers)

    for refused in (
        undo(other, entry["id"]),
        undo(other, entry["id"], **{"x-feedback-user": "ana"}),
        undo(one, by_herself),
    ):
        assert "may not take back what somebody else has said" in refused.json()["detail"]
    taken = undo(one, entry["id"], **{"x-feedback-user": "ana"}).json()
    assert (taken["verdict"], taken["reviewer"], taken["via"]) == ("undo", "ana", "token:t1")
    maintainer = world.token("maintainer", may_act_for_others=True)
    assert undo(maintainer, by_herself).status_code == 200


def test_a_reviewer_takes_back_their_own_entries_and_a_maintainer_all(world):
    own = world.ask(
        "POST /projects/{project_id}/feedback", mine := world.token("reviewer"), {"input": [1, 2], "target": "b"}
    )
    headers = {"authorization": f"Bearer {mine}"}
    assert world.client.post(f"/feedback/{own.json()['id']}/undo", json={}, headers=headers).status_code == 200
    theirs = world.given("test")
    refused = world.client.post(f"/feedback/{theirs}/undo", json={}, headers=headers)
    assert "may not take back what somebody else has said: that takes the role maintainer" in refused.json()["detail"]
    headers = {"authorization": f"Bearer {world.token('maintainer')}"}
    assert world.client.post(f"/feedback/{theirs}/undo", json={}, headers=headers).status_code == 200


# -- members and tokens over REST --------------------------------------------------------------------------------------


def test_at_this_machine_roles_are_given_and_taken_away_over_rest(world):
    here = TestClient(create_api(world.url, team=False), headers={"x-feedback-user": "ann"})
    base = f"/projects/{world.project.id}/members"
    given = here.post(base, json={"subject": "Ana@X.org", "role": "admin"}).json()
    assert (given["subject"], given["role"], given["added_by"]) == ("ana@x.org", "admin", "ann")
    assert given.pop("revoked_tokens") == []
    admin = world.token("admin", world.project.id)
    assert world.ask("GET /projects/{project_id}/members", admin).json() == [given]
    ana = people.signed_in(world.store, {"email": "ana@x.org", "email_verified": True}, admins=frozenset())
    _, hers = people.create_token(world.store, ana, world.project.id, "hers", "admin", now=time.time())
    assert world.ask("GET /whoami", hers).status_code == 200
    assert here.delete(f"/members/{given['id']}").json() == given | {"revoked_tokens": ["hers"]}
    assert world.ask("GET /whoami", hers).status_code == 401
    assert here.get(base).json() == []
    kinds = [each.kind for each in world.store.events.latest(world.project.id, 2)]
    assert kinds == ["token revoked", "member removed"]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_token_makes_no_tokens_and_changes_no_roles_whatever_its_role(world, everywhere):
    admin = world.token("admin", None if everywhere else world.project.id, may_act_for_others=True)
    before = world.store.tokens.all(), world.store.members.of(world.project.id)
    for route, body in (
        ("POST /tokens", {"name": "child", "role": "admin", "days": 3650}),
        ("POST /projects/{project_id}/tokens", {"name": "child", "role": "viewer"}),
        ("POST /members", {"subject": "evil@x.org", "role": "admin"}),
        ("POST /projects/{project_id}/members", {"subject": "evil@x.org", "role": "viewer"}),
        ("DELETE /tokens/1", {}),
        ("DELETE /members/1", {}),
    ):
        for headers in ({}, {"x-feedback-user": "root@x.org"}):
            answer = world.ask(route, admin, body, **headers)
            assert answer.status_code == 403, (route, answer.text)
        assert "may not" in answer.json()["detail"]
    assert "no token may, whatever its role" in world.ask("POST /tokens", admin, {}).json()["detail"]
    assert [each.revoked_at for each in world.store.tokens.all()] == [each.revoked_at for each in before[0]]
    assert world.store.members.of(world.project.id) == before[1]
    assert world.ask("GET /projects/{project_id}/tokens", admin).status_code == 200


def test_a_secret_is_in_one_answer_and_a_revoked_token_ends_at_once(world):
    here, admin = TestClient(create_api(world.url, team=False)), world.token("admin")
    made = here.post("/tokens", json={"name": "nightly", "role": "viewer", "days": 1}).json()
    assert world.ask("GET /whoami", made["secret"]).json() == {
        "name": "token:nightly",
        "signed_in": "token",
        "everywhere": "viewer",
        "roles": [],
        "may_act_for_others": False,
    }
    listed = world.ask("GET /tokens", admin)
    assert made["secret"] not in listed.text
    assert listed.json()[0]["last_used_at"] is not None
    revoked = here.delete(f"/tokens/{made['id']}", headers={"x-feedback-user": "ann"}).json()
    assert revoked["revoked_by"] == "ann"
    assert world.ask("GET /whoami", made["secret"]).status_code == 401
    assert [each["kind"] for each in world.ask("GET /events", admin).json()["items"]] == [
        "token created",
        "token created",
        "token revoked",
    ]


def test_another_process_revokes_a_token_and_it_ends_here_at_once(world):
    secret = world.token("viewer")
    assert world.ask("GET /whoami", secret).status_code == 200
    people.revoke_token(open_store(world.url), ME, 1, now=time.time())
    assert world.ask("GET /whoami", secret).status_code == 401


def test_no_secret_is_in_logs_exports_events_errors_or_the_database(world, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    admin = world.token("admin")
    here = TestClient(create_api(world.url, team=False))
    made = here.post("/tokens", json={"name": "app", "role": "reviewer"}).json()["secret"]
    said = [
        world.ask("GET /openapi.json", admin),
        world.ask("GET /docs", admin),
        *(world.ask(route, made, [made]) for route in sorted(ROUTES)),
        *(world.ask(route, made + "x", {"by": "me"}) for route in sorted(ROUTES)),
        *(
            world.ask("GET " + path, admin)
            for path in ("/events", "/tokens", "/projects/1/events", "/projects/1/tokens")
        ),
        *(
            world.ask(f"GET /projects/1/export/{what}?format={form}", admin)
            for what in ("items", "predictions", "feedback")
            for form in ("jsonl", "csv")
        ),
        world.client.get(f"/projects?token={made}"),
        world.client.get(f"/projects/1/export/{made}", headers={"authorization": f"Bearer {admin}"}),
    ]
    world.api.state.store, world.api.state.opened = None, object()  # whatever is asked now is a mistake of ours
    said.append(world.ask("GET /whoami", made))
    assert said[-1].status_code == 500
    # The caller's own HTTP client logs what it asks for; that is not ours.
    logged = [caplog.handler.format(each) for each in caplog.records if not each.name.startswith("httpx")]
    assert any("GET /whoami failed" in each for each in logged)
    folder = Path(world.url.removeprefix("sqlite:///")).parent
    kept = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    for secret in (admin, made):
        hidden = secret[len(people.PREFIX) + 4 :]
        assert hidden.encode() not in kept
        # A caller who puts a secret where it does not belong is told which field was wrong, in the one answer they get.
        assert [answer.url.path for answer in said if hidden in answer.text] == []
        assert [each for each in logged if hidden in each] == []
        assert hidden not in "".join(capfd.readouterr())


def test_the_client_sends_its_token(world):
    secret = world.token("reviewer", world.project.id, may_act_for_others=True)
    with served(world.url, team=True) as address:
        client = Client(address, project="points", name="ana", token=secret)
        assert client.feedback("b", input=[1.0, 2.0])["reviewer"] == "ana"
        client.close()


def test_without_sign_in_a_name_is_taken_as_it_is_given_and_may_do_everything(world):
    client = TestClient(create_api(world.url, team=False))
    who = client.get("/whoami", headers={"x-feedback-user": "J%C3%BCrgen"}).json()
    assert (who["name"], who["signed_in"], who["everywhere"]) == ("Jürgen", "local", "admin")
    said = {"input": [1.0, 2.0], "target": "b", "by": "max"}
    assert client.post(f"/projects/{world.project.id}/feedback", json=said).json()["reviewer"] == "max"
    assert "security" not in client.get("/openapi.json").json()["paths"]["/projects"]["get"]
    assert issubclass(Forbidden, PermissionError)


def test_without_sign_in_a_token_that_is_sent_counts_all_the_same(world):
    client, retrain = TestClient(create_api(world.url, team=False)), f"/projects/{world.project.id}/retrain"
    good = {"authorization": f"Bearer {world.token('viewer', world.project.id)}"}
    who = client.get("/whoami", headers=good).json()
    assert (who["signed_in"], who["everywhere"], [each["role"] for each in who["roles"]]) == ("token", None, ["viewer"])
    assert client.post(retrain, json={}, headers=good).status_code == 403
    for sent in ("Bearer afl_nope", "bearer", "Bearer "):
        bad = {"authorization": sent, "x-feedback-user": "ana"}
        assert client.get("/whoami", headers=bad).status_code == 401
        assert client.post(retrain, json={}, headers=bad).status_code == 401
    assert client.get("/whoami", headers={"authorization": "Basic YTpi"}).json()["everywhere"] == "admin"


# -- across projects ---------------------------------------------------------------------------------------------------


def test_a_token_of_one_project_reaches_nothing_of_another_through_ids_in_a_body(world):
    """Item, draw, version and ruling of the first project, named within requests about the second."""
    loop, store = world.loop, world.store
    theirs = loop.draw("test")
    entry = world.given("test")
    press = loop.rule([entry], "reject", "test").id
    before = [each.kind for each in store.events.latest(world.project.id, 100)]
    token = world.token("admin", world.other.id, may_act_for_others=True)
    headers, base = {"authorization": f"Bearer {token}"}, f"/projects/{world.other.id}"
    for path, body, status in (
        ("/feedback", {"item": theirs.item_id, "target": "b"}, 404),
        ("/feedback", {"item": theirs.item_id, "target": "b", "draw": theirs.id, "by": "test"}, 404),
        ("/feedback", {"input": [3.0, 4.0], "target": "b", "version": 1}, 409),
        ("/feedback", {"input": [3.5, 4.0], "target": "b", "draw": theirs.id, "by": "test"}, 422),
        ("/feedback/batch", {"entries": [{"item": theirs.item_id, "target": "b"}]}, 404),
        ("/rulings/undo", {"presses": [press]}, 404),
    ):
        answer = world.client.post(base + path, json=body, headers=headers)
        assert answer.status_code == status, (path, body, answer.text)
    # Not even its key, its prediction or that it is there shows.
    blind = store.items.page(world.project.id, ItemFilter(), sort="priority", limit=1)[0]
    hidden(store, blind.id)
    words = set()
    for item_id in (blind.id, theirs.item_id, 987_654):
        for more in ({"target": "b"}, {"target": "b", "version": 1}, {"verdict": "confirm", "version": 1}):
            answer = world.client.post(f"{base}/feedback", json={"item": item_id, **more}, headers=headers)
            words.add((answer.status_code, answer.json()["detail"].replace(str(item_id), "N")))
    assert words == {(404, "there is no item N in this project.")}
    freed = world.client.post(f"{base}/queue/release", json={"draws": [theirs.id], "by": "test"}, headers=headers)
    assert freed.json() == {"released": 0}
    assert [each.kind for each in store.events.latest(world.project.id, 100)] == before
    assert {each.id for each in loop.draw_batch("test", 1)} == {theirs.id}
