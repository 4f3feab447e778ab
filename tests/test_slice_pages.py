"""Slices, sessions, weights and the map through the pages; then the store is asked what happened."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.store.sessions import SHOWN
from feedback_core.types import Column, Decision, ItemFilter, Rows, Schema
from feedback_core.worker import run_next
from tests.test_pages import dealt, press, texts


def found(app: AppTest) -> int:
    return int(next(c.value for c in app.caption if " match" in c.value).split()[0].replace(",", ""))


@pytest.fixture
def churn(store: Store, clock) -> Loop:
    """60 open customers with a number and a category."""
    schema = Schema((Column("tenure", "number"), Column("plan", "category")))
    loop = Loop(store, create_project(store, "churn", schema, ("no", "yes"), actor="test", now=clock()), clock=clock)
    inputs = [json.dumps([float(n), "gold" if n % 3 else "blue"], separators=(",", ":")).encode() for n in range(60)]
    loop.add_items(Rows(inputs, [f"c{n}" for n in range(60)], [None] * 60), "test")
    return loop


def test_values_of_features_narrow_the_table(page, churn: Loop) -> None:
    app = page("predictions")
    app.multiselect(key="items_features").set_value([0, 1]).run()
    app.number_input(key="items_low_0").set_value(10)
    app.number_input(key="items_high_0").set_value(20)
    app.selectbox(key="items_is_1").select("blue").run()
    assert not app.exception
    assert list(app.dataframe[0].value["Item"]) == ["c18", "c15", "c12"]
    assert "3 items match to the end of the list" in texts(app)
    press(app, "Review 3 items")
    (session,) = churn.store.sessions.live(churn.project.id)
    assert (session.name, session.size) == ("tenure from 10 to 20, plan is blue", 3)


def test_a_filter_on_values_goes_on_after_its_bound(page, churn: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    from feedback_core.store import finding

    monkeypatch.setattr(finding, "SCAN", 25)
    app = page("predictions")
    app.multiselect(key="items_features").set_value([0]).run()
    app.number_input(key="items_high_0").set_value(4).run()
    assert "0 items match" in texts(app)
    for _ in range(2):
        next(b for b in app.button if b.label.startswith("Look at the next")).click().run()
        assert not app.exception
    assert list(app.dataframe[0].value["Item"]) == ["c4", "c3", "c2", "c1", "c0"]


def test_filters_are_still_there_after_a_look_at_another_page(page, trained: Loop) -> None:
    app = page("predictions")
    app.selectbox(key="items_predicted").select("a").run()
    app.slider(key="items_confidence").set_value(80).run()
    n = found(app)
    app.switch_page("insights.py").run()
    app.switch_page("predictions.py").run()
    assert (app.selectbox(key="items_predicted").value, app.slider(key="items_confidence").value) == ("a", 80)
    assert found(app) == n < 100


def test_the_model_is_wrong_shows_reviewed_items_that_contradict_it(page, trained: Loop) -> None:
    items = trained.store.items.page(trained.project.id, ItemFilter(), sort="newest", limit=5)
    other = {"a": "b", "b": "a"}
    for n, item in enumerate(items):
        target = other[item.predicted] if n < 3 else item.predicted
        trained.record(Decision(item.id, "ben", "correct", target, version_id=item.version_id))
    app = page("predictions")
    app.pills(key="items_marks").set_value(["wrong"]).run()
    assert found(app) == 3
    assert app.segmented_control(key="items_state").disabled


def test_a_filter_becomes_the_queue_in_one_click(page, trained: Loop) -> None:
    app = page("predictions")
    app.selectbox(key="items_predicted").select("a").run()
    n = found(app)
    press(app, f"Review {n} items")
    assert app.title[0].value == "Review"
    (session,) = trained.store.sessions.live(trained.project.id)
    assert (session.name, session.size, session.created_by) == ("predicted a", n, "ana")
    assert app.selectbox(key="queue").value == session.id
    cards = dealt(app)["cards"]
    assert {(card["strategy"], card["predicted"]) for card in cards} == {("slice", "a")}
    assert "review session" in cards[0]["why"]


def test_a_session_in_the_address_is_opened_and_can_be_left_and_closed(page, trained: Loop) -> None:
    ids = list(next(trained.store.items.pool_chunks(trained.project.id))[0][:2])
    session = trained.open_session(ids, "two of them", "ben")
    app = page()
    app.query_params["session"] = str(session.id)
    app.switch_page("review.py").run()
    assert len(dealt(app)["order"]) == 2
    app.selectbox(key="queue").select(None).run()
    assert len(dealt(app)["order"]) == 40
    app.selectbox(key="queue").select(session.id).run()
    press(app, "Close session")
    assert trained.store.sessions.live(trained.project.id) == []
    assert [box.label for box in app.selectbox if box.key == "queue"] == []
    assert len(dealt(app)["order"]) == 40


def test_a_link_reaches_a_session_that_newer_ones_have_crowded_out(page, trained: Loop) -> None:
    ids = list(next(trained.store.items.pool_chunks(trained.project.id))[0][:2])
    first = trained.open_session(ids, "the first", "ben")
    for n in range(SHOWN):
        trained.open_session(ids, f"newer {n}", "ben")
    assert first.id not in {session.id for session in trained.store.sessions.live(trained.project.id)}
    app = page()
    app.query_params["session"] = str(first.id)
    app.switch_page("review.py").run()
    assert app.selectbox(key="queue").value == first.id
    assert len(dealt(app)["order"]) == 2
    trained.store.sessions.close(trained.project.id, first.id, 1.0)
    app.run()
    assert app.selectbox(key="queue").value is None


def test_a_session_that_is_done_says_what_to_do(page, trained: Loop) -> None:
    item = trained.store.items.page(trained.project.id, ItemFilter(), sort="newest", limit=1)[0]
    session = trained.open_session([item.id], "just one", "ben")
    trained.record(Decision(item.id, "ben", "confirm", version_id=item.version_id))
    app = page()
    app.query_params["session"] = str(session.id)
    app.switch_page("review.py").run()
    assert "“just one”" in app.success[0].value
    assert dealt(app)["empty"][0] == "Session done"


def test_items_of_the_audit_sample_show_no_prediction_in_the_table(page, trained: Loop) -> None:
    from dataclasses import replace

    audited = Loop(trained.store, replace(trained.project, settings=replace(trained.project.settings, audit_share=1.0)))
    (drawn,) = audited.draw_batch("ben", 1)
    key = trained.store.items.get(drawn.item_id).key
    app = page("predictions")
    app.text_input(key="items_search").set_value(key).run()
    assert app.dataframe[0].value[["Prediction", "Before"]].to_numpy().tolist() == [["", ""]]


def test_other_weights_show_their_order_before_they_are_saved(page, trained: Loop) -> None:
    app = page("predictions")
    app.session_state["weights_open"] = True
    app.run()
    assert not app.exception
    keys = {slider.key for slider in app.slider if str(slider.key).startswith("weight-")}
    from feedback_core.prioritize import STRATEGIES

    assert keys == {f"weight-{trained.project.id}-{name}" for name in {*STRATEGIES, "diversity"} - {"width", "alarm"}}
    for name in Settings().weights:
        app.slider(key=f"weight-{trained.project.id}-{name}").set_value(0.0)
    app.slider(key=f"weight-{trained.project.id}-entropy").set_value(1.0).run()
    shown = next(frame.value for frame in app.dataframe if "Place now" in frame.value.columns)
    assert list(shown["New place"]) == list(range(1, 21))
    assert trained.store.projects.get(trained.project.id).settings.weights == Settings().weights
    press(app, "Save this order")
    saved = trained.store.projects.get(trained.project.id).settings.weights
    assert saved == {"entropy": 1.0}
    assert run_next(trained.store, "test").kind == "predict"
    first = trained.store.items.many(trained.store.items.first_ids(trained.project.id, 20))
    from pages._shared import title_of

    assert list(shown["Item"]) == [title_of(item) for item in first]
    press(app, "Weights before the last change")
    assert trained.store.projects.get(trained.project.id).settings.weights == Settings().weights


def opened(page, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The Predictions page with its first row selected: AppTest cannot click a row."""
    import streamlit as st

    real = st.dataframe

    def select_first(*args, **options):
        made = real(*args, **options)
        if options.get("on_select") != "rerun":
            return made
        return type("Chosen", (), {"selection": type("Rows", (), {"rows": [0]})})

    monkeypatch.setattr(st, "dataframe", select_first)
    return page("predictions")


def test_similar_items_are_confirmed_together_and_taken_back(page, trained: Loop, monkeypatch) -> None:
    app = opened(page, trained, monkeypatch)
    assert "Similar items" in [head.value for head in app.subheader]
    first = trained.store.items.first_ids(trained.project.id, 1)[0]
    pills = next(box for box in app.get("button_group") if str(box.key).startswith(f"similar-{first}"))
    assert len(pills.value) == 10
    left_out = pills.value[3]
    pills.set_value([n for n in pills.value if n != left_out]).run()
    press(app, "Confirm the prediction: 9 items")
    assert "9 items confirmed" in texts(app)
    assert trained.store.tallies.of(trained.project.id, "total") == {"confirm": 9}
    assert trained.store.items.get(left_out).state == "open"
    press(app, "Undo all")
    assert "9 decisions taken back" in texts(app)
    assert trained.store.tallies.of(trained.project.id, "items")["pool/open"] == 100


def test_the_map_shows_every_item_of_a_small_pool(page, trained: Loop) -> None:
    app = page("map")
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    ids = sorted(n for trace in spec["data"] for n in trace["customdata"])
    assert ids == sorted(next(trained.store.items.pool_chunks(trained.project.id))[0])
    assert {trace["name"] for trace in spec["data"]} == {"a", "b"}
    app.segmented_control(key="map_colour").set_value("Confidence").run()
    shaded = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert np.asarray(shaded["marker"]["color"]).max() <= 1
    app.segmented_control(key="map_method").set_value("t-SNE").run()
    assert not app.get("plotly_chart")
    press(app, "Draw it")
    assert [job.kind for job in trained.store.jobs.live(trained.project.id)] == ["map"]
    run_next(trained.store, "test")
    assert page("map").get("plotly_chart")


def test_every_job_of_the_worker_has_a_name_for_people() -> None:
    from feedback_core.worker import KINDS
    from pages._jobs import DOING

    assert set(DOING) == set(KINDS)


def test_the_map_without_a_model_says_what_to_do(page, loop: Loop) -> None:
    assert "Train the first version" in page("map").info[0].value
