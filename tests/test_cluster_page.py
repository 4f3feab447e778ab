"""The Groups page, its deck, REST and the command line, on flowers without labels in a real store."""

from __future__ import annotations

import csv
import io
import json

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from feedback_core import cli
from feedback_core.api import create_api
from feedback_core.clustering import deciding, pairs
from feedback_core.clustering.deck import PairAck, apply
from feedback_core.clustering.feedback import ClusterSaid, record
from feedback_core.loop import Loop, create_project
from feedback_core.store import Store
from feedback_core.worker import run_next
from tests.conftest import Clock, raw
from tests.test_clusterings import SCHEMA, answer, in_use, iris_loop, newest, run
from tests.test_pages import page as page
from tests.test_pages import press, texts

Iris = tuple[Loop, dict[int, int]]


@pytest.fixture
def iris(store: Store, clock: Clock) -> Iris:
    return iris_loop(store, clock, task="clustering")


def written(app) -> str:
    return texts(app).replace("\\", "")


# -- the page --------------------------------------------------------------------------------------------------------


def test_a_project_without_items_is_sent_to_setup(page, store: Store) -> None:
    create_project(store, "empty", SCHEMA, (), task="clustering", actor="test")
    app = page("clusters")
    assert app.info[0].title == "There are no groups yet"
    assert "There are no items to group yet: add rows on Setup. They need no labels." in written(app)
    assert not [button for button in app.button if button.key == "recluster"]


@pytest.mark.parametrize("name", ["overview", "review", "feedback", "retrain", "predictions", "map", "insights"])
def test_pages_about_models_lead_from_a_project_without_one_to_its_groups(page, iris: Iris, name: str) -> None:
    app = page(name)
    assert app.info[0].title == "Nothing is predicted here"
    assert not app.get("plotly_chart")


def test_the_first_groups_are_made_by_the_worker_and_shown(page, iris: Iris) -> None:
    loop, _ = iris
    app = page("clusters")
    assert "150 items can be grouped" in written(app)
    app.number_input[0].set_value(3).run()
    press(app, "Make the groups")
    assert run_next(loop.store, "worker", loop.clock).payload == {"k": 3}
    app.run()
    assert "Version 1: 3 groups of 150 items, by likeness alone (k-means)." in written(app)
    assert [header.value for header in app.subheader] == ["Group 1", "Group 2", "Group 3"]
    assert "52 items, 35% of all" in written(app)
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert sorted(len(trace["x"]) for trace in spec["data"]) == [48, 50, 52]
    (stability,) = [metric for metric in app.metric if metric.label == "Stability"]
    assert float(stability.value) == round(in_use(loop).metrics["stability"]["value"], 2)


def test_names_merges_and_splits_are_noted_and_taken_back(page, iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    app, made = page("clusters"), in_use(loop)
    app.text_input(key=f"name-group-{made.id}-2-Group 2").set_value("Setosa").run()
    app.button(key=f"rename-group-{made.id}-2").click().run()
    assert [header.value for header in app.subheader] == ["Group 1", "Setosa", "Group 3"]
    app.selectbox(key=f"merge-with-{made.id}-1").set_value(2).run()
    app.button(key=f"merge-group-{made.id}-1").click().run()
    assert "Merge “Group 1” with “Setosa” · ana" in written(app)
    entry = loop.store.cluster_feedback.newest(loop.project.id)
    app.button(key=f"unsay-{entry}").click().run()
    assert "Merge" not in written(app)
    kinds = raw(loop.store, "select kind from cluster_feedback order by id")
    assert kinds == [("rename",), ("merge",), ("undo",)]


def test_a_verdict_is_told_in_words_and_carried_out(page, iris: Iris) -> None:
    loop, species = iris
    run(loop, 3)
    answer(loop, species, 80)
    run(loop)
    app = page("clusters")
    assert app.subheader[0].value == "New groups (version 2): measurably better"
    assert "Advice: use them." in written(app)
    press(app, "Use the new groups")
    assert in_use(loop).number == 2
    assert "Version 2 is in use." in written(app)
    (kept,) = [metric for metric in app.metric if metric.label == "Answers kept"]
    assert kept.value == f"{100 * newest(loop).metrics['satisfaction']['value']:.0f} %"


def test_new_groups_can_be_looked_at_before_they_are_used_but_not_changed(page, iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    run(loop, 4)
    app = page("clusters")
    assert [header.value for header in app.subheader][1:] == ["Group 1", "Group 2", "Group 3"]
    app.segmented_control(key=f"look-at-{newest(loop).id}").set_value(True).run()
    names = sorted(header.value for header in app.subheader[1:])  # the largest comes first
    assert names == ["Group 1", "Group 2", "Group 3", "Group 4"]
    assert len(json.loads(app.get("plotly_chart")[0].proto.spec)["data"]) == 4
    assert not [button for button in app.button if str(button.key).startswith("rename-group")]
    assert in_use(loop).number == 1


def test_answers_that_contradict_are_shown_with_the_items_between(page, iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    for kind, pair in (("together", (1, 2)), ("together", (2, 3)), ("apart", (1, 3))):
        record(loop, ClusterSaid(kind, "ana", pair))
    said = written(page("clusters"))
    assert "**flower-0** and **flower-2** are said to be apart" in said
    assert "hold them together: **flower-0** — **flower-1** — **flower-2**." in said


def test_an_earlier_version_comes_back_and_the_groups_are_a_file(page, iris: Iris, monkeypatch) -> None:
    loop, _ = iris
    run(loop, 3)
    run(loop, 4)
    deciding.promote(loop, newest(loop), "ana")
    app = page("clusters")
    app.segmented_control(key="clusters_part").set_value("Versions").run()
    first = loop.store.clusterings.numbered(loop.project.id, 1)
    app.text_input(key=f"back-groups-{first.id}").set_value("four are too many").run()
    app.button(key=f"rollback-groups-{first.id}").click().run()
    assert in_use(loop).id == first.id
    assert "Put into use by ana" in written(app)
    assert "four are too many" in written(app)


# -- the deck --------------------------------------------------------------------------------------------------------


def sent(draw, seq: int, kind: str, **more) -> dict:
    body = {"client": "c1", "seq": seq, "kind": kind, "draw": draw.id, "items": [draw.item_a, draw.item_b]}
    return body | {"seconds": 1.5} | more


def test_what_the_browser_sends_is_stored_in_order_and_once(iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    first, second = pairs.hand(loop, "ana", 2)
    entries = [sent(first, 1, "together"), sent(second, 2, "apart"), sent(first, 3, "undo", undoes=1)]
    for _ in range(2):
        assert apply(loop, "ana", entries) == [PairAck("c1", n, True, "") for n in (1, 2, 3)]
    assert raw(loop.store, "select kind, seconds from cluster_feedback order by id") == [
        ("together", 1.5),
        ("apart", 1.5),
        ("undo", None),
    ]
    assert pairs.hand(loop, "ana", 1)[0] == first  # taken back, it is to be answered again


def test_a_forged_entry_is_refused_in_words_and_holds_up_no_other(iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    first, second = pairs.hand(loop, "ana", 2)
    entries = [sent(first, 1, "merge"), sent(first, 2, "together", items=[1]), sent(second, 3, "apart")]
    acks = apply(loop, "ana", entries)
    assert [ack.saved for ack in acks] == [False, False, True]
    assert all(ack.message for ack in acks[:2])
    (ack,) = apply(loop, "ben", [sent(second, 4, "undo", undoes=3)])
    assert (ack.saved, ack.message) == (False, "There is nothing of yours to undo.")


def test_an_entry_that_lacks_a_field_or_holds_something_else_is_refused_by_its_name(iris: Iris) -> None:
    loop, _ = iris
    run(loop, 3)
    (drawn,) = pairs.hand(loop, "ana", 1)
    good = sent(drawn, 1, "together")
    bad = [{name: value for name, value in good.items() if name != left} for left in ("kind", "draw", "items")]
    bad += [good | {"items": "12"}, good | {"items": [1, None]}, good | {"seconds": "long"}, good | {"draw": True}]
    acks = apply(loop, "ana", [*bad, good | {"seq": "1"}, {}, good])
    assert [ack.message.split(" is not")[0] for ack in acks] == [
        "kind=None", "draw=None", "items=None", "items='12'", "items=None", "seconds='long'", "draw=True",
        "seq='1'", "client=None", "",
    ]  # fmt: skip
    assert raw(loop.store, "select kind, item_a, item_b from cluster_feedback") == [
        ("together", *sorted([drawn.item_a, drawn.item_b]))
    ]


# -- REST ------------------------------------------------------------------------------------------------------------


def test_groups_over_rest_from_the_first_to_a_roll_back(iris: Iris) -> None:
    loop, _ = iris
    api = TestClient(create_api(loop.store.url), base_url="http://localhost")
    at = f"/projects/{loop.project.id}/groups"
    assert api.get(at).json()["champion"] is None
    assert api.post(at, json={"k": 1}).status_code == 422
    job = api.post(at, json={"k": 3, "by": "ana"})
    assert (job.status_code, job.json()["kind"]) == (202, "recluster")
    run_next(loop.store, "worker")
    assert [group["size"] for group in api.get(at).json()["groups"]] == [52, 50, 48]
    draw = api.post(f"{at}/pairs", json={"n": 1, "by": "ana"}).json()["pairs"][0]
    assert set(draw) == {"draw", "items"}
    words = {"kind": "apart", "items": draw["items"], "draw": draw["draw"], "by": "ana"}
    for _ in range(2):
        said = api.post(f"{at}/feedback", json=words, headers={"Idempotency-Key": "k1"})
        assert said.status_code == 201
    assert [each["kind"] for each in api.get(f"{at}/feedback").json()["items"]] == ["apart"]
    refused = api.post(f"{at}/feedback", json=words | {"items": [1]})
    assert refused.status_code == 422
    assert "apart takes two different ones" in refused.json()["detail"]
    taken = api.post(f"{at}/feedback/{said.json()['id']}/undo", json={"by": "ana"})
    assert taken.json()["kind"] == "apart"
    api.post(at, json={"k": 4})
    run_next(loop.store, "worker")
    assert [each["number"] for each in api.get(f"{at}/versions").json()] == [2, 1]
    assert api.post(f"{at}/versions/2/compare", json={}).json()["finding"] == "not measurably different"
    assert api.post(f"{at}/versions/2/promote", json={"by": "ana"}).json()["status"] == "champion"
    assert api.post(f"{at}/versions/1/rollback", json={}).status_code == 409
    assert api.post(f"{at}/versions/1/rollback", json={"reason": "too fine"}).json()["status"] == "champion"
    assert api.post(f"{at}/versions/9/promote", json={}).status_code == 404
    table = list(csv.DictReader(io.StringIO(api.get(f"{at}/export").content.decode("utf-8-sig"))))
    assert len(table) == 150
    assert table[0] == {"item": "1", "key": "flower-0", "group": "2", "name": "Group 2"}


# -- the command line ------------------------------------------------------------------------------------------------


def call(url: str, *words: str):
    return CliRunner().invoke(cli.app, [*words, "--database", url], env={"COLUMNS": "200"})


def test_groups_on_the_command_line(iris: Iris) -> None:
    loop, _ = iris
    url = loop.store.url
    assert "make the first ones with `recluster`" in str(call(url, "clusters").exception)
    assert "Clustering 1, k-means, 3 groups: first." in call(url, "recluster", "--groups", "3").output
    assert "Entry 1 is stored." in call(url, "cluster-feedback", "rename", "2", "--name", "Setosa").output
    assert call(url, "cluster-feedback", "undo", "1").output == "Entry 1 is taken back.\n"
    assert json.loads(call(url, "cluster-feedback", "apart", "1", "99", "--json").output)["kind"] == "apart"
    found = json.loads(call(url, "clusters", "--json").output)
    assert [group["size"] for group in found["groups"]] == [52, 50, 48]
    assert "2      Group 2  50" in call(url, "clusters").output
    call(url, "recluster", "--groups", "4", "--by", "ana")
    assert "Clustering 2 is in use." in call(url, "cluster-decide", "promote", "2", "--by", "ana").output
    assert "needs a reason" in str(call(url, "cluster-decide", "rollback", "1").exception)
    assert len(call(url, "clusters", "--export").output.splitlines()) == 151
