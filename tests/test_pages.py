"""Every page from the entry script on a real temporary store; then the store is asked what happened."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import accuracies
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Column, Decision, Rows, Schema
from feedback_core.worker import run_next
from tests.conftest import ROOT, TWO_NUMBERS, make_loop, rows
from tests.conftest import page as page

PAGES = ("overview", "review", "feedback", "retrain", "predictions", "map", "clusters", "insights", "setup")


def press(app: AppTest, caption: str) -> AppTest:
    """Click the one button whose caption starts like this."""
    found = [button for button in app.button if button.label.startswith(caption)]
    assert len(found) == 1, [button.label for button in app.button]
    found[0].click().run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything written on a page."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.success,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("name", PAGES)
def test_without_a_project_every_page_says_what_to_do(page, name: str) -> None:
    app = page(name)
    assert "Your data" in app.get("file_uploader")[0].label if name == "setup" else "no project" in app.info[0].title


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_project_without_items(page, store: Store, name: str) -> None:
    create_project(store, "empty", Schema((Column("x", "number"),)), ("a", "b"), actor="test")
    page(name)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_trained_project(page, trained: Loop, name: str) -> None:
    page(name)


def test_the_overview_names_the_one_next_step_of_each_state(page, loop: Loop) -> None:
    assert press_label(page()) == "Train the first version"
    version = loop.retrain("test")
    loop.judge(version)
    assert press_label(page()) == "Decide"
    loop.promote(version, "test")
    loop.predict()
    assert press_label(page()) == "Review items"
    correct_wrongly(loop, 5)
    assert press_label(page()) == "Retrain"
    loop.request_retrain("test")
    assert press_label(page()) == "Watch it"


def press_label(app: AppTest) -> str:
    return next(button.label for button in app.button if button.key == "overview_next")


def correct_wrongly(loop: Loop, n: int) -> None:
    """n corrections, each to the label the model did not choose."""
    for _ in range(n):
        draw = loop.draw("ben")
        item = loop.store.items.get(draw.item_id)
        other = "a" if item.predicted == "b" else "b"
        loop.record(Decision(item.id, "ben", "correct", other, version_id=item.version_id, draw_id=draw.id))


def test_the_overview_shows_the_champions_accuracy_with_interval_and_n(page, trained: Loop) -> None:
    score = trained.store.versions.champion(trained.project.id).metrics["holdout"]["accuracy"]
    app = page()
    shown = next(metric for metric in app.metric if metric.label.startswith("Version 1"))
    assert shown.value == f"{score['value']:.1%}"
    assert f"95 % interval {score['low']:.1%} to {score['high']:.1%}, n = 102 rows" in texts(app)


def test_the_overview_says_how_right_the_champion_has_been_since_its_promotion(page, trained: Loop) -> None:
    assert "All items since its promotion (random draws stand for those nobody saw): not measured" in texts(page())
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 1.0})
    trained.project = trained.store.projects.update(trained.project, settings=settings, now=1.0, actor="test")
    correct_wrongly(trained, 4)
    found = accuracies.accuracies(trained.store, trained.project, trained.clock()).reported
    assert (found.value, found.n) == (0.0, 4)
    assert f"nobody saw): 0.0 % (0.0 to {100 * found.high:.1f}, n = 4)" in texts(page())


def test_more_corrections_than_asked_for_read_as_such(page, trained: Loop) -> None:
    correct_wrongly(trained, 6)
    app = page()
    assert "6 corrections collected, 5 asked for: retraining is due." in texts(app).replace("\\", "")
    assert next(metric.value for metric in app.metric if metric.label == "Corrections") == "6"
    assert "6 decisions in all, confirmations included; 5 corrections make a retrain due" in texts(app)


def test_one_of_a_kind_is_not_counted_in_the_plural(page, store: Store, clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(1, labelled=False)[0], "test")
    assert any(caption.value.startswith("item · ") for caption in page().caption)


def test_a_name_with_two_underscores_opens_the_review_page(page, trained: Loop, monkeypatch) -> None:
    monkeypatch.setenv("USER", "ana__of___ops")
    assert page("review").sidebar.text_input(key="reviewer").value == "ana_of_ops"


def test_an_audit_accuracy_far_below_the_holdout_is_explained(page, trained: Loop) -> None:
    champion = trained.store.versions.champion(trained.project.id)
    assert "well below the holdout" not in texts(page())
    low = {"accuracy": {"value": 0.4, "low": 0.3, "high": 0.5, "n": 80}}
    trained.store.versions.set_metrics(champion.id, {**champion.metrics, "audit": low})
    assert "What comes in now is got right well below the holdout" in texts(page())


def dealt(app: AppTest) -> dict:
    """What the review page hands to the deck in the browser; test_deck.py and test_deck_browser.py do the rest."""
    (deck,) = [each for each in app.get("bidi_component") if each.proto.component_name.endswith("review_deck")]
    return json.loads(deck.proto.json)


def test_the_review_page_deals_a_hand_with_prediction_and_reasons(page, trained: Loop) -> None:
    data = dealt(page("review"))
    hand = trained.store.draws.hand(trained.project.id, "ana", 0)
    assert (data["order"], len(hand)) == ([draw.id for draw in hand], 40)
    assert data["labels"] == ["a", "b"]
    assert data["left"] == {"word": "open", "n": 100, "conflict": 0}
    for card, draw in zip(data["cards"], hand, strict=True):
        item = trained.store.items.get(draw.item_id)
        prediction = trained.store.predictions.history(item.id)[0]
        assert (card["draw"], card["item"], card["version"]) == (draw.id, item.id, item.version_id)
        assert card["predicted"] == item.predicted
        assert card["proba"] == pytest.approx(prediction.proba, abs=1e-4)
        start, parts = card["why"].removesuffix(".").split(": ")
        assert start == f"Priority {item.priority:.2f} of 1"
        assert {part.split()[0] for part in parts.split(", ")} == {"diversity", "margin"}
        assert sum(float(part.split()[1]) for part in parts.split(", ")) == pytest.approx(item.priority, abs=0.011)
        assert [field["value"] for field in card["fields"]] == [f"{value:g}" for value in item.values]


def test_opening_the_review_page_again_deals_the_same_hand(page, trained: Loop) -> None:
    assert dealt(page("review"))["order"] == dealt(page("review"))["order"]


def test_an_audit_card_holds_no_prediction_at_all(page, trained: Loop) -> None:
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 1.0})
    trained.store.projects.update(trained.project, settings=settings, now=0, actor="test")
    cards = dealt(page("review"))["cards"]
    assert {(card["strategy"], card["predicted"], card["proba"]) for card in cards} == {("audit", None, None)}
    assert {card["blind"] for card in cards} == {True}
    assert [card["similar"] for card in cards] == [[]] * len(cards)
    assert "Drawn at random" in cards[0]["why"]


def test_a_question_with_a_known_answer_looks_like_any_audit_card(page, trained: Loop) -> None:
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 0.5, "gold_share": 0.5})
    trained.store.projects.update(trained.project, settings=settings, now=0, actor="test")
    shown = dealt(page("review"))
    assert shown["hand"].keys() == {"audit"}  # a lone known answer in hand would be told from the others
    assert len(shown["cards"]) == sum(shown["hand"].values()) == 40
    assert {(card["strategy"], card["blind"], card["predicted"]) for card in shown["cards"]} == {("audit", True, None)}
    assert len({card["why"] for card in shown["cards"]}) == 1


def test_a_chosen_item_is_the_first_card(page, trained: Loop) -> None:
    least = trained.store.items.page(trained.project.id, wanted(), sort="priority", limit=100)[-1]
    draw = Loop(trained.store, trained.project).draw_item("ana", least.id)
    card = dealt(page("review"))["cards"][0]
    assert (card["draw"], card["why"]) == (draw.id, "You opened this item yourself.")


def test_an_empty_queue_says_which_kind_of_empty(page, store: Store) -> None:
    project = create_project(store, "few", Schema((Column("t", "text"),)), ("a", "b"), actor="test")
    assert dealt(page("review"))["empty"][0] == "Nothing to review"
    loop = Loop(store, project)
    loop.add_items(Rows([b'["hello"]'], [None], [None]), "test")
    (draw,) = loop.draw_batch("ben", 1)
    assert dealt(page("review"))["empty"] == [
        "Nothing for you now",
        "The open items are in other hands (ben has 1), or you have spoken on them already.",
    ]
    loop.record(Decision(draw.item_id, "ben", "skip", draw_id=draw.id))
    loop.record(Decision(draw.item_id, "ana", "skip"))
    assert dealt(page("review"))["empty"][1].startswith("You have skipped every item")
    loop.record(Decision(draw.item_id, "ben", "correct", "a"))
    assert dealt(page("review"))["empty"][0] == "All done"


def test_images_and_gaps_are_dealt_for_what_they_are(page, store: Store) -> None:
    schema = Schema((Column("scan", "image", (2, 2)), Column("age", "number"), Column("remark", "text")))
    project = create_project(store, "mixed", schema, ("a", "b"), actor="test")
    Loop(store, project).add_items(Rows([b'[[0,1,2,3],null,"<b>hi</b>"]'], [None], [None]), "test")
    scan, age, remark = dealt(page("review"))["cards"][0]["fields"]
    assert (scan["name"], scan["kind"], scan["value"][:22]) == ("scan", "image", "data:image/png;base64,")
    assert (age["name"], age["value"]) == ("age", None)
    assert remark == {"name": "remark", "kind": "text", "value": "<b>hi</b>", "unusual": None}


def test_retrain_shows_the_verdict_and_promotes_from_the_page(page, trained: Loop) -> None:
    correct_wrongly(trained, 3)
    app = press(page("retrain"), "Retrain now")
    (job,) = trained.store.jobs.live(trained.project.id)
    assert (job.kind, job.state, job.requested_by) == ("retrain", "waiting", "ana")
    run_next(trained.store, "test")
    app = page("retrain")
    report = trained.store.versions.reports(trained.project.id)[0]
    shown = next(metric for metric in app.metric if metric.label == "Difference")
    assert shown.value == f"{100 * report.numbers['difference']['value']:+.1f} points"
    app.text_input(key=f"reason-{report.challenger_id}").set_value("looked at the rows").run()
    press(app, "Promote version 2")
    champion = trained.store.versions.champion(trained.project.id)
    decided = trained.store.versions.report_on(champion.id)
    assert (champion.number, decided.decision, decided.decided_by) == (2, "promote", "ana")
    # What moved is told of every new version; the queue is scored anew by the one that was promoted.
    assert {job.kind for job in trained.store.jobs.live(trained.project.id)} == {"effects", "predict"}


def test_keep_the_champion_closes_the_case(page, trained: Loop) -> None:
    correct_wrongly(trained, 3)
    trained.judge(trained.retrain("test"))
    press(page("retrain"), "Keep the champion")
    assert [v.status for v in trained.store.versions.all(trained.project.id)] == ["champion", "refused"]


def test_while_the_gate_advises_to_wait_neither_decision_stands_out(page, trained: Loop) -> None:
    assert trained.judge(trained.retrain("test")).action == "hold"  # the same recipe on the same rows
    app = page("retrain")
    assert "The gate advises: wait." in texts(app)
    kinds = {button.label: button.proto.type for button in app.button}
    assert (kinds["Promote version 2"], kinds["Keep the champion"]) == ("secondary", "secondary")


def test_rolling_back_needs_a_reason_and_then_works(page, trained: Loop) -> None:
    correct_wrongly(trained, 3)
    version = trained.retrain("test")
    trained.judge(version)
    trained.promote(version, "test", "why not")
    app = press(page("retrain"), "Roll back to this version")
    assert "needs a reason" in texts(app)
    app.text_input(key="back-1").set_value("v2 misses b").run()
    press(app, "Roll back to this version")
    assert trained.store.versions.champion(trained.project.id).number == 1


def retrain_button(app: AppTest):
    return next(button for button in app.button if button.key == "retrain_now")


def test_retrain_is_greyed_out_with_the_reason_while_it_cannot_work(page, trained: Loop) -> None:
    button = retrain_button(page("retrain"))
    assert button.disabled
    assert button.help.startswith("Nothing has come in since the last version")
    correct_wrongly(trained, 1)
    assert not retrain_button(page("retrain")).disabled
    trained.request_retrain("test")
    assert retrain_button(page("retrain")).help.startswith("Rows are being stored or a version is being trained")


def test_retrain_asks_for_labels_of_two_classes_before_the_first_version(page, store: Store, clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(6, labelled=False)[0], "test")
    assert retrain_button(page("retrain")).help.startswith("There is no label to learn from yet")
    for label in ("a", "a", "b"):
        draw = loop.draw("ben")
        loop.record(Decision(draw.item_id, "ben", "correct", label, draw_id=draw.id))
        if label == "a":
            said = retrain_button(page("retrain")).help
            assert (
                said == "Every label says 'a'\\: a model needs at least two classes, so label an item of another one."
            )
    assert not retrain_button(page("retrain")).disabled


def test_deciding_against_the_gate_asks_for_a_reason_and_success_is_green(page, trained: Loop) -> None:
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"policy": "manual"})
    trained.project = trained.store.projects.update(trained.project, settings=settings, now=0, actor="test")
    correct_wrongly(trained, 3)
    version = trained.retrain("test")
    trained.judge(version)
    app = page("retrain")
    assert "The gate advises: wait" in texts(app)
    app = press(app, "Promote version 2")
    assert "is not advised by the gate" in app.warning[0].value
    assert not app.success
    app.text_input(key=f"reason-{version.id}").set_value("seen").run()
    app = press(app, "Promote version 2")
    assert app.success[0].value.startswith("Version 2 is the champion now")
    assert not app.warning


def test_every_report_of_a_version_is_listed_with_both_samples_and_the_p_of_its_finding(page, trained: Loop) -> None:
    trained.add_items(rows(300, seed=7, labelled=False)[0], "test")
    trained.predict()
    correct_wrongly(trained, 380)
    second = trained.retrain("test")
    trained.judge(second)
    trained.promote(second, "ann", "to try it")
    trained.rollback(trained.store.versions.all(trained.project.id)[0], "ben", "it was worse")
    app = page("retrain")
    first = next(each for each in app.expander if each.label.startswith("Version 1"))
    said = "\n".join(caption.value for caption in first.caption)
    assert said.index("Promoted by ben") < said.index("Promoted by test")
    worse = next(each for each in app.expander if each.label.startswith("Version 2"))
    numbers = trained.store.versions.report_on(second.id).numbers
    said = "\n".join(caption.value for caption in worse.caption)
    assert numbers["lost"] > numbers["gained"]
    assert f"for a loss: p = {numbers['p_worse']:.3g}" in said
    assert "The scores in this list are the holdout's alone" in texts(app)


def test_both_locked_samples_are_named_in_a_report(page, trained: Loop) -> None:
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"audit_share": 1.0})
    trained.project = trained.store.projects.update(trained.project, settings=settings, now=0, actor="test")
    correct_wrongly(trained, 10)
    trained.judge(trained.retrain("test"))
    said = texts(page("retrain"))
    assert "Of these 112 locked rows: " in said
    assert "points on 102 rows of the holdout, " in said
    assert "points on 10 rows of the audit sample." in said


def test_with_a_handful_of_locked_rows_no_difference_is_shown_as_if_it_were_measured(page, store: Store, clock) -> None:
    loop = make_loop(store, clock, holdout_share=0.1)
    loop.add_items(rows(60)[0], "test")
    for _ in range(2):
        version = loop.retrain("test")
        report = loop.judge(version)
        if report.finding == "first":
            loop.promote(version, "test")
    assert report.numbers["n"] < 30
    app = page("retrain")
    assert [metric.label for metric in app.metric if metric.label in ("Difference", "Probably better (cautious)")] == []
    assert "so few can prove nothing" in texts(app)
    assert "95 % interval of the difference" not in texts(app)


def test_the_predictions_table_pages_through_every_item_once(page, store: Store, clock) -> None:
    project = create_project(store, "big", TWO_NUMBERS, ("a", "b"), actor="test")
    loop = Loop(store, project, clock=clock, rng=np.random.default_rng(0))
    loop.add_items(rows(250, labelled=False)[0], "test")
    app = page("predictions")
    seen = []
    for _ in range(3):
        seen += list(app.dataframe[0].value["Item"])
        app = press(app, "Next") if len(seen) < 250 else app
    assert len(seen) == len(set(seen)) == 250


def test_filters_narrow_the_table(page, trained: Loop) -> None:
    app = page("predictions")
    app.selectbox(key="items_predicted").select("a").run()
    expected = sum(item.predicted == "a" for chunk in trained.store.items.export(trained.project.id) for item in chunk)
    assert f"{expected} items match" in texts(app)
    app.text_input(key="items_search").set_value("no such key").run()
    assert "0 items match" in texts(app)


def test_insights_draws_the_accuracy_and_volume_of_the_store(page, trained: Loop) -> None:
    correct_wrongly(trained, 3)
    app = page("insights")
    charts = []
    for part in ("progress", "feedback", "outlook"):
        app.query_params["view"] = part
        charts += [json.loads(chart.proto.spec) for chart in app.run().get("plotly_chart")]
    score = trained.store.versions.champion(trained.project.id).metrics["holdout"]["accuracy"]
    assert charts[0]["data"][0]["y"] == [score["value"]]
    assert [(trace["name"], trace["y"]) for trace in charts[1]["data"]] == [("Corrected", [3])]
    counted = charts[-1]["data"]
    assert sum(sum(trace["y"]) for trace in counted) == pytest.approx(100)


CSV = "id,tenure,plan,remark,left\n" + "\n".join(
    f"c{n},{n % 37},{'gold' if n % 3 else 'blue'},said <b>{n}</b> things to us today,{'yes' if n % 37 > 18 else 'no'}"
    for n in range(200)
)


def test_a_project_is_made_from_an_uploaded_csv(page, store: Store) -> None:
    app = page("setup")
    app.file_uploader(key="upload").upload("customers.csv", CSV.encode()).run()
    assert not app.exception
    assert "All 200 rows are fine" in texts(app)
    press(app, "Create and train the first version")
    project = store.projects.named("customers")
    assert project.labels == ("no", "yes")
    assert {column.name: column.kind for column in project.schema.columns} == {
        "tenure": "number",
        "plan": "category",
        "remark": "text",
    }
    while run_next(store, "test"):
        pass
    assert store.versions.champion(project.id).number == 1
    assert sum(store.tallies.of(project.id, "items").values()) == 200


def test_a_few_labelled_rows_are_said_to_prove_nothing_before_the_project_is_made(page, store: Store) -> None:
    few = "\n".join(CSV.splitlines()[:61])
    app = page("setup")
    app.file_uploader(key="upload").upload("few.csv", few.encode()).run()
    assert "About 12 locked rows cannot prove any version better: 30 are the least" in app.warning[0].value


def test_problems_are_listed_by_row_and_column_before_anything_is_stored(page, store: Store) -> None:
    broken = CSV.replace("c5,5,", "c5,five,").replace("c7,7,", "c7,inf,")
    app = page("setup")
    app.file_uploader(key="upload").upload("customers.csv", broken.encode()).run()
    listed = next(frame.value for frame in app.dataframe if "What" in frame.value.columns)
    assert listed[["Row", "Column", "Value"]].to_numpy().tolist() == [[6, "tenure", "five"], [8, "tenure", "inf"]]
    assert "'tenure' is a number, but 2 of its cells are not, such as five" in texts(app)
    assert [error.value for error in app.error] == [
        "2 problems. Rows with a problem are left out; the other 198 can be imported."
    ]
    assert store.projects.all() == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("one.csv", b"x,y\n1,a\n2,a\n3,a\n", "two classes"),
        ("twice.csv", b"x,x\n1,2\n", "x"),
        ("ragged.csv", b"x,y\n1,2\n1,2,3\n", "2"),
    ],
)
def test_a_bad_file_is_explained_and_nothing_is_stored(
    page, store: Store, name: str, content: bytes, words: str
) -> None:
    app = page("setup")
    app.file_uploader(key="upload").upload(name, content).run()
    assert not app.exception
    assert app.error
    assert words in texts(app)
    assert store.projects.all() == []


def test_rows_are_added_to_a_project_and_predicted(page, trained: Loop) -> None:
    app = page("setup")
    app.segmented_control(key="section").set_value("Add rows").run()
    app.file_uploader(key=f"more-{trained.project.id}").upload("more.csv", b"x0,x1\n9,9\n8,8\n").run()
    press(app, "Add 2 rows")
    while run_next(trained.store, "test"):
        pass
    assert "2 rows stored just now." in texts(page("retrain"))
    assert trained.store.tallies.of(trained.project.id, "items")["pool/open"] == 102
    newest = trained.store.items.page(trained.project.id, wanted(), sort="newest", limit=2)
    assert [item.predicted for item in newest] == ["b", "b"]


def wanted():
    from feedback_core.types import ItemFilter

    return ItemFilter()


def setup_section(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="section").set_value(name).run()
    assert not app.exception
    return app


def test_every_setting_is_editable_with_a_tooltip_saved_and_logged(page, trained: Loop) -> None:
    own = trained.project.id
    app = setup_section(page("setup"), "Settings")
    numbers = {"retrain_threshold": 77, "audit_share": 12.5, "gold_share": 5.0, "blind_share": 20.0, "lease_s": 60.0}
    for name, value in (numbers | {"max_loss": 2.0}).items():
        app.number_input(key=f"setting-{name}-{own}").set_value(value)
    app.segmented_control(key=f"setting-policy-{own}").set_value("strict")
    app.selectbox(key=f"setting-estimator-{own}").select("random_forest")
    shown = [*app.number_input, *app.segmented_control, *app.selectbox]
    assert all(widget.help for widget in shown if str(widget.key).startswith("setting-"))
    app = press(app, "Save")
    assert [success.value for success in app.success] == ["Settings saved."]
    before = trained.project.settings
    assert trained.store.projects.get(own).settings == replace(
        before,
        retrain_threshold=77,
        audit_share=0.125,
        gold_share=0.05,
        blind_share=0.2,
        lease_s=60.0,
        max_loss=0.02,
        policy="strict",
        estimator="random_forest",
    )
    assert trained.store.events.latest(own)[0].kind == "settings changed"


def test_settings_that_contradict_each_other_are_refused_in_words(page, trained: Loop) -> None:
    app = setup_section(page("setup"), "Settings")
    for name in ("audit_share", "gold_share"):
        app.number_input(key=f"setting-{name}-{trained.project.id}").set_value(60.0)
    app = press(app, "Save")
    assert "are more than all draws together" in app.error[0].value
    assert trained.store.projects.get(trained.project.id).settings == trained.project.settings


def test_a_project_is_renamed_archived_and_restored(page, trained: Loop) -> None:
    create_project(trained.store, "second", TWO_NUMBERS, ("a", "b"), actor="test")
    app = setup_section(page("setup"), "Project")
    next(field for field in app.text_input if field.label == "Project name").set_value("plane")
    app = press(app, "Rename")
    assert app.selectbox(key="project").value == "plane"
    assert app.success[0].value == "The project is called plane now."
    archive = f"archive-name-{trained.project.id}"
    app.text_input(key=archive).set_value("points").run()
    assert next(button for button in app.button if button.key == "archive").disabled
    app.text_input(key=archive).set_value("plane").run()
    app = press(app, "Archive this project")
    assert app.selectbox(key="project").options == ["second"]
    assert trained.store.tallies.of(trained.project.id, "items")["pool/open"] == 100
    app = press(app, "Restore")
    assert app.selectbox(key="project").options == ["plane", "second"]
    assert app.selectbox(key="project").value == "plane"
    kinds = [event.kind for event in trained.store.events.latest(trained.project.id, 3)]
    assert kinds == ["project restored", "project archived", "project renamed"]


def test_the_only_project_can_be_archived_and_restored_from_an_empty_setup(page, trained: Loop) -> None:
    app = setup_section(page("setup"), "Project")
    app.text_input(key=f"archive-name-{trained.project.id}").set_value("points").run()
    app = press(app, "Archive this project")
    assert "Your data" in app.get("file_uploader")[0].label
    assert page().info[0].title == "There is no project yet"
    app = press(app, "Restore")
    assert app.selectbox(key="project").value == "points"


def uploaded(app: AppTest, key: str, text: str) -> AppTest:
    app.file_uploader(key=key).upload("data.csv", text.encode()).run()
    assert not app.exception
    return app


def picked(app: AppTest, title: str) -> str | None:
    return next(box.value for box in app.selectbox if box.label == title)


def test_more_rows_find_their_label_and_id_and_say_where_they_will_go(page, trained: Loop) -> None:
    lines = [f"{n},{n},{-n / 7:.3f},{'a' if n % 2 else '' if n % 4 else 'b'}" for n in range(1, 41)]
    app = setup_section(page("setup"), "Add rows")
    app = uploaded(app, f"more-{trained.project.id}", "row_id,x0,x1,truth\n" + "\n".join(lines))
    assert (picked(app, "Label column"), picked(app, "Id column")) == ("truth", "row_id")
    said = re.search(
        r"\*\*(\d+) rows\*\* to the base data that versions learn from, \*\*(\d+) rows\*\* to the locked holdout that "
        r"judges them, \*\*10 rows\*\* to the review queue\.",
        texts(app),
    )
    before = trained.store.tallies.of(trained.project.id, "items")
    press(app, "Add 40 rows")
    while run_next(trained.store, "test"):
        pass
    after = trained.store.tallies.of(trained.project.id, "items")
    added = {name: after[name] - before[name] for name in ("train/base", "holdout/base", "pool/open")}
    assert added == {"train/base": int(said[1]), "holdout/base": int(said[2]), "pool/open": 10}


def test_a_label_of_decimal_numbers_is_refused_whatever_was_guessed(page, store: Store) -> None:
    lines = [f"{n / 7:.3f},{n % 5},{'yes' if n % 2 else 'no'}" for n in range(300)]
    app = uploaded(page("setup"), "upload", "price,rooms,sold\n" + "\n".join(lines))
    assert picked(app, "Label column") == "sold"
    next(box for box in app.selectbox if box.label == "Label column").select("price").run()
    task = next(control for control in app.segmented_control if control.label == "What is predicted")
    assert task.value == "regression"
    task.set_value("classification").run()
    assert "'price' holds 300 different numbers" in app.error[0].value.replace("\\", "")
    assert not [button for button in app.button if button.label.startswith("Create")]


def test_decimal_commas_are_read_and_told(page, store: Store) -> None:
    lines = [f"{n},5;{'yes' if n % 2 else 'no'}" for n in range(40)]
    app = uploaded(page("setup"), "upload", "price;sold\n" + "\n".join(lines))
    assert "'price' is written with decimal commas: 0,5 is read as 0.5." in texts(app).replace("\\", "")
    press(app, "Create and train the first version")
    assert [column.kind for column in store.projects.named("data").schema.columns] == ["number"]


def test_a_long_list_of_classes_says_how_many_more_there_are(page, store: Store) -> None:
    app = uploaded(page("setup"), "upload", "x,label\n" + "\n".join(f"{n},c{n % 32:02}" for n in range(96)))
    assert "c18, c19 and 12 more" in texts(app)


def test_the_holdout_share_is_chosen_at_creation(page, store: Store) -> None:
    app = uploaded(page("setup"), "upload", CSV)
    next(field for field in app.number_input if field.label == "Holdout share (%)").set_value(35.0).run()
    press(app, "Create and train the first version")
    assert store.projects.named("data").settings.holdout_share == 0.35


def test_markup_in_names_is_shown_as_text(page, store: Store) -> None:
    nasty = "<img src=x onerror=alert(1)> **bold** [link](http://x) :red[x] $x$"
    project = create_project(store, nasty, Schema((Column("t", "text"),)), ("<b>a</b>", "*b*"), actor="<i>ana</i>")
    Loop(store, project).add_items(Rows([json.dumps([nasty]).encode()], [None], [None]), "test")
    assert "\\<img src=x onerror=alert\\(1\\)\\>" in texts(page("overview"))


def test_a_damaged_model_file_is_announced(page, trained: Loop) -> None:
    champion = trained.store.versions.champion(trained.project.id)
    (trained.store.artifacts / champion.artifact / "model.skops").write_bytes(b"damaged")
    assert app_errors(page()) == ["The champion's model file is missing or was changed"]


def app_errors(app: AppTest) -> list[str]:
    return [element.title for element in app.error]


def test_the_next_step_of_a_project_chosen_by_hand_leads_to_its_page(page, trained: Loop) -> None:
    create_project(trained.store, "second", TWO_NUMBERS, ("a", "b"), actor="test")
    app = page()
    app.selectbox(key="project").select("second").run()
    assert app.query_params["project"] == "second"
    press(app, "Add data")
    assert app.title[0].value == "Setup"
    assert app.selectbox(key="project").value == "second"


def test_a_project_in_the_address_is_opened(page, trained: Loop) -> None:
    create_project(trained.store, "second", TWO_NUMBERS, ("a", "b"), actor="test")
    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60)
    app.query_params["project"] = "second"
    assert app.run().title[0].value == "second"


def test_the_download_is_made_of_bytes(page, trained: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    made = []
    app = page("setup")
    monkeypatch.setattr(st, "download_button", lambda _label, produce, **_options: made.append(produce()))
    app.segmented_control(key="section").set_value("Export").run()
    assert made
    rows = made[0]
    assert rows.count(b"\n") == 301
    assert rows.startswith("\ufeffkey,split,state,x0,x1,label".encode())


def test_adding_rows_says_which_columns_are_not_read(page, trained: Loop) -> None:
    app = page("setup")
    app.get("button_group")[0].set_value("Add rows").run()
    file = b"x0,x1,kind\n1,2,a\n3,4,new\n"  # a new class: not taken for the label column by itself
    app.file_uploader(key=f"more-{trained.project.id}").upload("more.csv", file).run()
    assert not app.exception
    assert any("Not read: kind" in warning.value for warning in app.warning)


def test_a_guessed_label_that_is_not_chosen_stays_a_feature(page, store: Store) -> None:
    app = page("setup")
    app.file_uploader(key="upload").upload("customers.csv", CSV.encode()).run()
    next(box for box in app.selectbox if box.label == "Label column").select_index(0).run()
    listed = next(frame.value for frame in app.dataframe if "Kind" in frame.value.columns)
    assert "left" in set(listed["Column"])


@pytest.mark.parametrize("cleared", [False, True])
def test_without_a_name_the_page_asks_for_one_and_nothing_else_is_shown(
    page, trained: Loop, monkeypatch: pytest.MonkeyPatch, cleared: bool
) -> None:
    if not cleared:
        monkeypatch.setattr("getpass.getuser", lambda: "")
    app = page()
    if cleared:
        app.sidebar.text_input(key="reviewer").set_value("  ").run()
    assert [title.value for title in app.title] == ["Who are you?"]
    assert not app.metric
    app.main.text_input(key="reviewer").set_value(" Bea ").run()
    assert app.title[0].value == "points"
    app.switch_page("retrain.py").run()
    assert app.sidebar.text_input(key="reviewer").value == "Bea"


def test_every_judged_version_offers_its_report_and_the_champion_its_card(page, trained):
    trained.judge(trained.retrain("test"))
    offered = [each.proto.label for each in page("retrain").get("download_button")]
    assert offered == ["Refinement report", "Refinement report"]
    assert [each.proto.label for each in page("overview").get("download_button")] == ["Model card"]


def test_items_that_are_not_predicted_yet_are_shown_with_the_reason(page, loop: Loop) -> None:
    version = loop.retrain("test")
    loop.judge(version)
    assert "Nothing is predicted before the first version" in texts(page("predictions"))
    loop.promote(version, "test")
    app = page("predictions")
    assert len(app.dataframe[0].value) == 100, "there is no order by priority yet, and they are there all the same"
    assert "100 items here not predicted yet" in texts(app)
    loop.predict()
    assert "not predicted" not in texts(page("predictions"))


def test_the_map_leads_to_groups_beside_a_model(page, trained: Loop) -> None:
    assert "Group these items" in [each.proto.label for each in page("map").get("page_link")]
