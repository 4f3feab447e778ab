"""The work over REST: rows in, predictions, draws, feedback, undo, jobs; exactly once, and refused in words."""

from __future__ import annotations

import json
from contextlib import ExitStack

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from feedback_core import intake, submissions, worker
from feedback_core.api import create_api
from feedback_core.client import Client
from feedback_core.errors import NotFound, RemoteError
from feedback_core.loop import Loop
from feedback_core.types import Decision
from tests.conftest import TWO_NUMBERS, make_loop, rows
from tests.serving import served
from tests.test_api import problem


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(create_api(store.url), raise_server_exceptions=False, headers={"X-Feedback-User": "ana"})


def path(loop: Loop, what: str) -> str:
    return f"/projects/{loop.project.id}/{what}"


def entries(loop: Loop) -> list:
    return [entry for chunk in loop.store.feedback.export(loop.project.id) for entry in chunk]


def open_item(loop: Loop, n: int = 0):
    return loop.store.items.get(loop.store.items.open_ids(loop.project.id)[n])


# -- feedback ------------------------------------------------------------------------------------------------------


def test_an_item_is_corrected_by_id_by_key_and_by_input(client, trained):
    by_id, by_key, by_input = (open_item(trained, n) for n in range(3))
    bodies = [
        {"item": by_id.id, "target": "a"}, {"item": by_key.key, "target": "a"},
        {"input": dict(zip(("x0", "x1"), by_input.values, strict=True)), "target": "a"},
    ]  # fmt: skip
    answers = [client.post(path(trained, "feedback"), json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [answer.json()["item_id"] for answer in answers] == [by_id.id, by_key.id, by_input.id]
    for answer, item in zip(answers, (by_id, by_key, by_input), strict=True):
        assert answer.json()["verdict"] == ("confirm" if item.predicted == "a" else "correct")
        assert answer.json()["reviewer"] == "ana"
    assert [entry.target for entry in entries(trained)] == ["a"] * 3


def test_a_new_input_is_predicted_before_its_label_is_stored_so_that_a_confirmation_counts_as_one(client, trained):
    right = client.post(path(trained, "feedback"), json={"input": [9.0, 9.0], "target": "b"}).json()
    wrong = client.post(path(trained, "feedback"), json={"input": [9.0, 8.0], "target": "a"}).json()
    assert (right["verdict"], right["predicted"], right["version_id"]) == ("confirm", "b", 1)
    assert (wrong["verdict"], wrong["predicted"]) == ("correct", "b")
    assert trained.store.feedback.pending(trained.project.id) == {"confirm": 1, "correct": 1}


def test_the_documents_form_works_before_there_is_a_model_and_corrected_prediction_wins(client, loop):
    body = {"input": [0.5, 1.0], "target": "a", "corrected_prediction": "b"}
    stored = client.post(path(loop, "feedback"), json=body).json()
    assert (stored["target"], stored["verdict"], stored["version_id"]) == ("b", "correct", None)


@pytest.mark.parametrize(("sent", "stored"), [(1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), (0, "0")])
def test_labels_are_read_as_a_file_would_be(client, store, clock, sent, stored):
    from feedback_core.loop import create_project

    project = create_project(store, "numbers", TWO_NUMBERS, ("0", "1"), actor="test", now=clock())
    answer = client.post(f"/projects/{project.id}/feedback", json={"input": [1.5, 2.5], "target": sent})
    assert answer.json()["target"] == stored


def test_two_people_whose_names_and_keys_read_alike_together_have_keys_of_their_own(client, trained):
    first, second = open_item(trained), open_item(trained, 1)
    send = {
        ("ann", "x-1"): client.post(path(trained, "feedback"), json={"item": first.id, "target": "a", "by": "ann"},
                                    headers={"Idempotency-Key": "x-1"}),
        ("ann-x", "1"): client.post(path(trained, "feedback"), json={"item": second.id, "target": "a", "by": "ann-x"},
                                    headers={"Idempotency-Key": "1"}),
    }  # fmt: skip
    assert [answer.status_code for answer in send.values()] == [201, 201]
    assert [(entry.reviewer, entry.item_id) for entry in entries(trained)] == [("ann", first.id), ("ann-x", second.id)]


@given(*[st.text("ab-:1", min_size=1, max_size=6)] * 4)
def test_a_stored_key_belongs_to_one_name_and_one_key(name, key, other_name, other_key):
    same = (name, key) == (other_name, other_key)
    assert (submissions.keyed(name, key) == submissions.keyed(other_name, other_key)) == same


def test_what_was_stored_under_a_key_in_the_old_form_is_known_again_to_whom_gave_it_and_nobody_else(client, trained):
    item, other = open_item(trained), open_item(trained, 1)
    (old,) = trained.record(
        Decision(item.id, "ann", "correct", "a", version_id=item.version_id, idempotency_key="rest-ann-x-1")
    )
    said = {"item": item.id, "target": "a", "by": "ann"}
    again = client.post(path(trained, "feedback"), json=said, headers={"Idempotency-Key": "x-1"})
    assert again.json()["id"] == old.id
    refused = client.post(path(trained, "feedback"), json=said | {"target": "b"}, headers={"Idempotency-Key": "x-1"})
    assert "used before for another decision" in refused.json()["detail"]
    foreign = client.post(path(trained, "feedback"), json={"item": other.id, "target": "a", "by": "ann-x"},
                          headers={"Idempotency-Key": "1"})  # fmt: skip
    assert (foreign.status_code, len(entries(trained))) == (201, 2)


def test_sent_twice_with_one_key_it_is_stored_once_even_after_the_model_has_changed(client, trained):
    item = next(open_item(trained, n) for n in range(20) if open_item(trained, n).predicted == "b")
    send = {"url": path(trained, "feedback"), "json": {"item": item.id, "target": "a"}}
    first = client.post(**send, headers={"Idempotency-Key": "k1"})
    second = trained.retrain("test")
    trained.judge(second)
    trained.promote(second, "test", "for the test")
    trained.predict()
    again = client.post(**send, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert len(entries(trained)) == 1
    other = client.post(send["url"], json={"item": item.id, "target": "b"}, headers={"Idempotency-Key": "k1"})
    assert "use a new key" in problem(other, 422, "InvalidFeedback")
    ben = {"Idempotency-Key": "k1", "X-Feedback-User": "ben"}
    assert client.post(**send, headers=ben).json()["id"] != first.json()["id"], "ben counts from k1 too"


def test_a_batch_is_stored_together_or_not_at_all(client, trained):
    items = [open_item(trained, n) for n in range(3)]
    good = [{"item": item.id, "target": "a"} for item in items]
    bad = client.post(path(trained, "feedback/batch"), json={"entries": [*good, {"item": items[0].id, "target": "z"}]})
    assert problem(bad, 422, "InvalidFeedback").startswith("entries.3: target='z' is not a label")
    assert entries(trained) == []
    send = {"url": path(trained, "feedback/batch"), "json": {"entries": good}, "headers": {"Idempotency-Key": "b"}}
    first, again = client.post(**send).json(), client.post(**send).json()
    assert [each["item_id"] for each in first["entries"]] == [item.id for item in items]
    assert first == again
    assert len(entries(trained)) == 3
    mixed = {"by": "ana", "entries": [good[0] | {"by": "ben"}]}
    assert "one reviewer" in problem(client.post(path(trained, "feedback/batch"), json=mixed), 422, "InvalidFeedback")


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"item": 10**6, "target": "a"}, 404, "NotFound", "there is no item 1000000"),
        ({"item": "nobody", "target": "a"}, 404, "NotFound", "send its input instead"),
        ({"target": "a"}, 422, "InvalidFeedback", "item and input are both missing"),
        ({"input": [1.0], "target": "a"}, 422, "InvalidFeedback", "expected 2"),
        ({"input": [1.0, "x"], "target": "a"}, 422, "InvalidFeedback", "finite number"),
        ({"input": [1.0, 2.0]}, 422, "InvalidFeedback", "target is missing"),
        ({"input": [1.0, 2.0], "target": "c"}, 422, "InvalidFeedback", "choose one of a, b"),
        ({"input": [1.0, 2.0], "verdict": "confirm"}, 422, "InvalidFeedback", "version is missing"),
        ({"input": [1.0, 2.0], "verdict": "undo"}, 422, "InvalidRequest", "verdict"),
        ({"input": [1.0, 2.0], "target": "a", "labels": 1}, 422, "InvalidRequest", "labels"),
        ({"input": [1.0, 2.0], "target": "a", "by": "  "}, 422, "InvalidInput", "characters that can be seen"),
        ({"input": {"x0": 1, "\ud800": 2}, "target": "a"}, 422, "InvalidFeedback", "lacks the column 'x1'"),
    ],
)
def test_what_is_wrong_with_an_entry_is_named_and_nothing_is_stored(client, trained, body, status, code, words):
    answer = client.post(
        path(trained, "feedback"), content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert words in problem(answer, status, code)
    assert entries(trained) == []


def test_base_data_and_audit_items_cannot_be_labelled_from_outside(client, trained):
    base = next(item for items in trained.store.items.export(trained.project.id) for item in items)
    answer = client.post(path(trained, "feedback"), json={"item": base.id, "target": "a"})
    assert "labelled base data" in problem(answer, 422, "InvalidFeedback")
    trained.project = trained.store.projects.update(
        trained.project,
        settings=trained.project.settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 1.0}),
        now=0.0,
        actor="test",
    )
    drawn = client.post(path(trained, "queue/draw"), json={"by": "ben"}).json()["draws"][0]
    assert (drawn["blind"], drawn["prediction"], drawn["confidence"]) == (True, None, None)
    direct = client.post(path(trained, "feedback"), json={"item": drawn["item"], "target": "a"})
    assert "only chance may draw: draw instead" in problem(direct, 409, "Stale")
    undrawn = client.post(path(trained, "feedback"), json={"item": drawn["item"], "target": "a", "by": "ben"})
    assert f"send the number of your draw along (draw={drawn['draw']})" in problem(undrawn, 409, "Stale")
    answered = {"item": drawn["item"], "target": "a", "draw": drawn["draw"], "by": "ben"}
    assert client.post(path(trained, "feedback"), json=answered).status_code == 201


def test_undo_takes_an_entry_back_once(client, trained):
    stored = client.post(path(trained, "feedback"), json={"item": open_item(trained).id, "target": "a"}).json()
    undone = client.post(f"/feedback/{stored['id']}/undo", json={})
    assert (undone.json()["verdict"], undone.json()["undoes"]) == ("undo", stored["id"])
    assert trained.store.items.get(stored["item_id"]).state == "open"
    assert "nothing to undo" in problem(client.post(f"/feedback/{stored['id']}/undo", json={}), 409, "Stale")
    assert "no feedback entry" in problem(client.post("/feedback/99/undo", json={}), 404, "NotFound")


def test_the_log_comes_page_by_page_and_every_entry_once(client, trained):
    items = [open_item(trained, n).id for n in range(7)]
    client.post(path(trained, "feedback/batch"), json={"entries": [{"item": i, "target": "a"} for i in items]})
    seen, after, pages = [], 0, 0
    while after is not None:
        page = client.get(path(trained, "feedback"), params={"limit": 3, "after": after}).json()
        seen, after, pages = seen + page["items"], page["next"], pages + 1
    assert ([each["item_id"] for each in seen], pages) == (items, 3)


# -- queue ---------------------------------------------------------------------------------------------------------


def test_two_reviewers_never_hold_one_item_and_what_is_released_is_free_again(client, trained):
    ana = client.post(path(trained, "queue/draw"), json={"n": 5}).json()["draws"]
    ben = client.post(path(trained, "queue/draw"), json={"n": 5, "by": "ben"}).json()["draws"]
    assert len({each["item"] for each in ana + ben}) == 10
    assert client.post(path(trained, "queue/draw"), json={"n": 5}).json()["draws"] == ana, "what is in hand comes first"
    body = {"draws": [each["draw"] for each in ana]}
    assert client.post(path(trained, "queue/release"), json=body | {"by": "ben"}).json() == {"released": 0}
    assert client.post(path(trained, "queue/release"), json=body).json() == {"released": 5}
    chi = client.post(path(trained, "queue/draw"), json={"n": 5, "by": "chi"}).json()["draws"]
    assert [each["item"] for each in chi] == [each["item"] for each in ana]
    late = {"item": ana[0]["item"], "target": "a", "draw": ana[0]["draw"]}
    assert "hands now" in problem(client.post(path(trained, "feedback"), json=late), 409, "Stale")


def test_a_card_shows_the_prediction_by_column_and_is_answered_with_its_version(client, trained):
    (card,) = client.post(path(trained, "queue/draw"), json={}).json()["draws"]
    item = trained.store.items.get(card["item"])
    assert card["input"] == dict(zip(("x0", "x1"), item.values, strict=True))
    assert (card["prediction"], card["confidence"], card["version"]) == (item.predicted, item.confidence, 1)
    body = {"item": card["item"], "verdict": "confirm", "version": card["version"], "draw": card["draw"]}
    stored = client.post(path(trained, "feedback"), json=body).json()
    assert (stored["verdict"], stored["target"], stored["draw_id"]) == ("confirm", item.predicted, card["draw"])


# -- items and predictions -----------------------------------------------------------------------------------------


def test_rows_are_added_once_and_labelled_ones_are_split_as_everywhere(client, trained):
    batch = {
        "items": [
            {"input": [3.25, 4.25], "key": "mine"}, {"input": [5.5, 6.5]}, {"input": [1.25, 1.25], "label": "b"},
        ]
    }  # fmt: skip
    first = client.post(path(trained, "items"), json=batch)
    assert (first.status_code, first.json()["added"]) == (201, 3)
    kinds = [(each["key"], each["split"]) for each in first.json()["items"]]
    assert kinds[0] == ("mine", "pool")
    assert kinds[1] == (intake.input_hash(intake.encode_one([5.5, 6.5], TWO_NUMBERS)), "pool")
    assert kinds[2][1] in ("train", "holdout")
    assert [job.kind for job in trained.store.jobs.live(trained.project.id)] == ["predict"]
    again = client.post(path(trained, "items"), json=batch).json()
    assert again == first.json() | {"added": 0}


def test_a_bad_row_is_named_and_none_is_added(client, trained):
    before = trained.store.tallies.of(trained.project.id, "items")
    for items, words in (
        ([{"input": [1, 2]}, {"input": [1]}], "items.1: input has 1 values"),
        ([{"input": [1, 2], "label": "z"}], "items.0: target='z'"),
    ):
        assert words in problem(client.post(path(trained, "items"), json={"items": items}), 422, "InvalidFeedback")
    many = {"items": [{"input": [n, 1]} for n in range(10_001)]}
    assert "10000" in problem(client.post(path(trained, "items"), json=many), 422, "InvalidRequest")
    assert trained.store.tallies.of(trained.project.id, "items") == before


def test_predictions_are_logged_as_items_that_can_be_reviewed(client, trained):
    said = client.post(path(trained, "predict"), json={"inputs": [[7.5, 7.5], [-7.5, -7.5]]}).json()
    assert (said["version"], said["warning"]) == (1, "")
    first, second = said["predictions"]
    assert (first["label"], second["label"]) == ("b", "a")
    assert first["confidence"] == first["proba"]["b"] > 0.9
    assert sum(first["proba"].values()) == pytest.approx(1)
    item = trained.store.items.get(first["item"])
    assert (item.state, item.predicted, item.version_id) == ("open", "b", 1)
    sure = [open_item(trained, n) for n in range(100)]
    nearest = min(sure, key=lambda each: abs(each.confidence - item.confidence))
    assert item.priority == nearest.priority
    before = trained.store.tallies.of(trained.project.id, "items")
    again = client.post(path(trained, "predict"), json={"inputs": [[7.5, 7.5], [6.0, 6.0]], "log": False}).json()
    assert again["predictions"][1]["item"] is None
    assert trained.store.tallies.of(trained.project.id, "items") == before


def test_a_prediction_before_the_first_version_is_refused_in_words(client, loop):
    answer = client.post(path(loop, "predict"), json={"inputs": [[1, 2]]})
    assert "has no model yet" in problem(answer, 404, "NotFound")


def test_any_number_of_rows_streams_in_as_a_durable_job(client, store, clock):
    loop = make_loop(store, clock)
    given, _ = rows(300)
    lines = b"".join(
        orjson.dumps({"input": orjson.loads(body), "label": label}) + b"\n"
        for body, label in zip(given.inputs, given.labels, strict=True)
    )
    pieces = (lines[n : n + 1_000] for n in range(0, len(lines), 1_000))
    answer = client.post(
        path(loop, "import"), content=pieces, params={"train": True}, headers={"content-type": "application/x-ndjson"}
    )
    assert (answer.status_code, answer.json()["kind"], answer.json()["state"]) == (202, "import", "waiting")
    assert loop.store.tallies.of(loop.project.id, "items") == {}, "nothing before the worker has it"
    assert worker.run_next(store, "test").result == {"added": 300}
    assert [job.kind for job in store.jobs.live(loop.project.id)] == ["retrain"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"input": [1, 2]}\n\n{"input": [1]}', "line 3: input has 1 values"),
        (b'{"input": [1, 2]}\n{"input": [1, 2', "line 2: not valid JSON"),
        (b'{"input": [1, 2], "label": "z"}', "line 1: target='z'"),
        (b'{"x0": 1, "x1": 2}', "line 1: not a row"),
        (b'{"input": [1, 2], "key": ""}', "line 1: key=''"),
        (b"[" * 200_000, "line 1: not valid JSON"),
        (b" \n", "there is no row"),
    ],
)
def test_a_bad_line_is_named_and_leaves_nothing_behind(client, loop, body, words):
    answer = client.post(path(loop, "import"), content=body, headers={"content-type": "application/x-ndjson"})
    assert words in answer.json()["detail"]
    assert answer.status_code == 422
    assert loop.store.jobs.live(loop.project.id) == []
    assert list((loop.store.artifacts / "staged").iterdir()) == []


# -- projects ------------------------------------------------------------------------------------------------------


def test_a_project_is_made_and_changed(client, store):
    body = {
        "name": "fruit", "labels": ["apple", "pear"], "columns": [{"name": "size", "kind": "number"}],
        "settings": {"audit_share": 0.2},
    }  # fmt: skip
    made = client.post("/projects", json=body)
    assert (made.status_code, made.json()["settings"]["audit_share"]) == (201, 0.2)
    there = f"/projects/{made.json()['id']}"
    changed = client.patch(there, json={"settings": {"lease_s": 60}, "labels": ["plum"]}).json()
    assert (changed["settings"]["lease_s"], changed["settings"]["audit_share"]) == (60, 0.2)
    assert changed["labels"] == ["apple", "pear", "plum"]
    assert store.events.latest(made.json()["id"])[0].actor == "ana"
    assert "exists already" in problem(client.post("/projects", json=body), 422, "InvalidInput")


def test_other_weights_bring_the_queue_in_their_order_and_other_settings_do_not(client, trained):
    there = f"/projects/{trained.project.id}"
    client.patch(there, json={"settings": {"lease_s": 60}})
    assert trained.store.jobs.live(trained.project.id) == []
    client.patch(there, json={"settings": {"weights": {"margin": 1.0}}})
    (job,) = trained.store.jobs.live(trained.project.id)
    assert (job.kind, job.trigger, job.requested_by) == ("predict", "new weights", "ana")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"audit_share": 2}, "out of range"), ({"audit_share": "much"}, "not what it takes"),
        ({"audit_share": True}, "not what it takes"), ({"lease": 1}, "is no setting"),
        ({"weights": {"margin": "x"}}, "not what it takes"), ({"weights": [1]}, "not what it takes"),
        ({"costs": {"a": 1}}, "not what it takes"), ({"segments": [1]}, "not what it takes"),
        ({"seed": 1.5}, "not what it takes"), ({"policy": "wild"}, "choose one of"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_and_nothing_changes(client, trained, settings, words):
    answer = client.patch(f"/projects/{trained.project.id}", json={"settings": settings})
    assert words in problem(answer, 422, "InvalidSetting")
    assert trained.store.projects.get(trained.project.id).settings == trained.project.settings


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_retrain_is_a_job_that_can_be_followed_and_called_off(client, trained):
    client.post(path(trained, "feedback"), json={"item": open_item(trained).id, "target": "a"})
    asked = client.post(path(trained, "retrain"), json={})
    assert (asked.status_code, asked.json()["requested_by"]) == (202, "ana")
    there = asked.headers["location"]
    assert client.get(there).json() == asked.json()
    assert client.post(path(trained, "retrain"), json={}).json()["id"] == asked.json()["id"]
    assert client.post(f"{there}/cancel", json={}).json()["state"] == "cancelled"
    assert "is over already (cancelled)" in problem(client.post(f"{there}/cancel", json={}), 409, "Refused")
    client.post(path(trained, "retrain"), json={})
    done = worker.run_next(trained.store, "test")
    assert client.get(f"/jobs/{done.id}").json()["result"]["version"] == 2
    newest = client.get(path(trained, "jobs"), params={"limit": 1}).json()
    older = client.get(path(trained, "jobs"), params={"limit": 5, "before": newest["next"]}).json()
    assert [each["id"] for each in newest["items"] + older["items"]] == sorted(
        (each["id"] for each in newest["items"] + older["items"]), reverse=True
    )


def test_a_polling_client_reads_an_unchanged_answer_once(client, trained):
    for what in ("jobs", "versions", "accuracy"):
        first = client.get(path(trained, what))
        tag = first.headers["etag"]
        again = client.get(path(trained, what), headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    trained.request_rescore("test")
    assert client.get(path(trained, "jobs"), headers={"If-None-Match": tag}).status_code == 200


# -- who -----------------------------------------------------------------------------------------------------------


def test_a_name_may_have_any_letters_and_must_be_one(client, trained):
    item = open_item(trained)
    named = client.post(
        path(trained, "feedback"), json={"item": item.id, "target": "a"}, headers={"X-Feedback-User": "J%C3%BCrgen"}
    )
    assert named.json()["reviewer"] == "Jürgen"
    for name in ("x" * 81, "a%00b"):
        answer = client.get("/projects", headers={"X-Feedback-User": name})
        assert "is not a name" in problem(answer, 422, "InvalidInput")


# -- the client ----------------------------------------------------------------------------------------------------


def test_the_client_does_the_whole_loop_over_a_socket(trained, tmp_path):
    with ExitStack() as stack, served(trained.store.url) as address:
        ana = Client(address, "points", name="ana")
        stack.callback(ana.close)
        said = ana.predict([[2.5, 2.5]])["predictions"][0]
        stored = ana.feedback("a", item=said["item"])
        assert (stored["reviewer"], stored["verdict"]) == ("ana", "correct")
        ana.undo(stored["id"])
        cards = ana.draw(3)
        assert ana.release([cards[2]["draw"]]) == 1
        answers = [
            {"item": card["item"], "target": "a", "draw": card["draw"], "version": card["version"]}
            for card in cards[:2]
        ]
        assert len(ana.feedback_batch(answers)) == 2
        assert [each["verdict"] for each in ana.pages("feedback", limit=1)][:2] == ["correct", "undo"]
        assert ana.add_items([{"input": [8.5, 8.5]}])["added"] == 1
        job = ana.import_items({"input": [n + 0.125, n]} for n in range(50))
        assert worker.run_here(trained.store, trained.store.jobs.get(job["id"])).result == {"added": 50}
        assert ana.wait(job["id"])["state"] == "done"
        assert [each["number"] for each in ana.versions()] == [1]
        with pytest.raises(RemoteError, match="choose one of a, b") as refusal:
            ana.feedback("z", input=[1, 2])
        assert (refusal.value.status, refusal.value.code) == (422, "InvalidFeedback")
        with pytest.raises(NotFound, match="create it there first"):
            Client(address, "nothing")
        ana.close()
    with pytest.raises(RemoteError, match="does not answer"):
        ana.versions()
