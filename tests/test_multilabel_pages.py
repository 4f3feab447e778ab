"""Every page with a project whose rows bear several labels, and the deck's data; then the store is asked."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import deck, plans, reports
from feedback_core.loop import Loop, create_project
from feedback_core.multilabel import NONE, joined, parts
from feedback_core.settings import changed
from feedback_core.store import Store
from feedback_core.types import Decision, Feedback, ItemFilter
from feedback_core.wording import share
from tests.conftest import page as page
from tests.test_deck import entry as sent_entry
from tests.test_pages import PAGES, dealt, press
from tests.test_pages import texts as marked
from tests.test_slice_pages import opened

LABELS = ("bright", "heavy", "new", "round")
"""In the order in which the project lists them."""


def texts(app) -> str:
    """What is written on a page, without the signs that keep it from being read as markup."""
    return marked(app).replace("\\", "")


def things(n: int, seed: int = 0) -> tuple[pd.DataFrame, dict[str, str]]:
    """n things of four numbers, each with the labels whose number is large, a third of them not labelled; the truth
    by id, as text."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, len(LABELS))).round(3)
    noisy = numbers + 0.3 * rng.normal(size=numbers.shape)
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(len(LABELS))])
    frame.insert(0, "id", [f"t{seed}-{row}" for row in range(n)])
    sets = [joined([label for label, high in zip(LABELS, row > 0.4, strict=True) if high], LABELS) for row in noisy]
    frame["tags"] = [None if row % 3 == 0 else text.replace("; ", ";") for row, text in enumerate(sets)]
    return frame, dict(zip(frame["id"], sets, strict=True))


def founded(store: Store, **settings: object) -> Loop:
    """300 things, a third of them open, and a first version that serves."""
    frame, _ = things(300)
    plan = plans.new_project(frame, label="tags", key="id", task="multilabel")
    wanted = changed(
        plans.first_settings(plan, frame), {"holdout_share": 0.4, "audit_share": 0.0, "blind_share": 0.0} | settings
    )
    project = create_project(store, "things", plan.schema, plan.labels, wanted, actor="test", task=plan.task, salt=1)
    loop = Loop(store, project, rng=np.random.default_rng(0))
    loop.add_items(plan.rows, "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


@pytest.fixture
def loop(store: Store) -> Loop:
    return founded(store)


def answer(loop: Loop, n: int, who: str = "ben", say: str | None = None) -> list[Feedback]:
    """n items of the queue decided by what is true of them, or by what is to be said."""
    _, truth = things(300)
    entries = []
    for _ in range(n):
        draw = loop.draw(who)
        assert draw is not None
        item = loop.store.items.get(draw.item_id)
        said = say or truth[item.key]
        entries += loop.record(Decision(item.id, who, "correct", said, version_id=item.version_id, draw_id=draw.id))
    return entries


def test_every_page_opens_on_a_project_without_rows(page, store: Store) -> None:
    plan = plans.new_project(things(9)[0], label="tags", key="id", task="multilabel")
    create_project(store, "empty", plan.schema, LABELS, actor="test", task="multilabel")
    walk(page())


def walk(app: AppTest) -> dict[str, str]:
    """What stands on each page, opened one after the other."""
    shown = {}
    for name in PAGES:
        app.switch_page(f"{name}.py").run()
        assert not app.exception, name
        shown[name] = texts(app)
    return shown


def test_every_page_shows_sets_that_were_answered_and_judged(page, store: Store) -> None:
    loop = founded(store, audit_share=0.3)
    answer(loop, 20)
    loop.judge(loop.retrain("test"))
    app = page()
    shown = walk(app)
    scores = loop.store.versions.champion(loop.project.id).metrics["holdout"]
    assert f"micro F1 {share(scores['micro_f1'])}; macro F1 {share(scores['macro_f1'])}" in shown["overview"]
    assert f"holdout exact match {share(scores['accuracy'])}" in "".join(each.label for each in retrained(app).expander)
    assert "more right than the champion (Hamming loss)." in shown["retrain"]
    assert "Accuracy is the exact match here" in shown["insights"]
    measured = {metric.label: metric.value for metric in app.switch_page("insights.py").run().metric}
    assert measured["Hamming loss · holdout when judged"] == f"{scores['hamming_loss']['value']:.1%}"


def retrained(app: AppTest) -> AppTest:
    return app.switch_page("retrain.py").run()


def test_mistakes_are_told_label_by_label_and_lead_to_the_open_items_that_hold_it(page, loop: Loop) -> None:
    app = page("insights")
    app.query_params["view"] = "mistakes"
    app.run()
    scores = loop.store.versions.champion(loop.project.id).metrics["holdout"]["per_label"]
    worst = min(scores, key=lambda label: scores[label]["f1"])
    assert f"{worst} has the lowest F1, {scores[worst]['f1']:.2f}: found on" in texts(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    drawn = [trace["x"][0] for trace in figure["data"]]
    assert drawn == [scores[worst][name]["value"] for name in ("recall", "precision")]
    press(app, f"Open items predicted with {worst}")
    found = [worst in text.split("; ") for text in app.dataframe[0].value["Prediction"]]
    assert found
    assert all(found)
    assert len(found) == loop.store.items.count(loop.project.id, ItemFilter(holds=worst))


def test_a_card_holds_every_label_with_its_probability_and_a_blind_one_no_set(page, store: Store) -> None:
    loop = founded(store, blind_share=0.5)
    data = dealt(page("review"))
    assert (data["labels"], data["sets"]) == (list(LABELS), {"none": "(none)", "between": "; "})
    seen = [card for card in data["cards"] if not card["blind"]]
    assert {card["among"] for card in seen} == {""}
    for card in seen:
        held = [label for label, share_ in zip(LABELS, card["proba"], strict=True) if share_ >= 0.5]
        assert card["predicted"] == joined(held, LABELS)
    assert {(card["predicted"], card["proba"]) for card in data["cards"] if card["blind"]} == {(None, None)}
    assert len(seen) < len(data["cards"])
    assert loop.project.settings.blind_share == 0.5


def test_what_a_browser_sends_is_a_confirmation_or_a_correction_of_the_whole_set(loop: Loop) -> None:
    first, second = loop.draw_batch("ana", 2)
    said = loop.store.items.get(first.item_id).predicted
    sent = [
        sent_entry(1, first, said, loop.store.items.get(first.item_id).version_id),
        sent_entry(2, second, "bright; heavy; new; round", loop.store.items.get(second.item_id).version_id),
    ]
    assert [ack.saved for ack in deck.apply(loop, "ana", "c1", sent)] == [True, True]
    assert [ack.saved for ack in deck.apply(loop, "ana", "c1", sent)] == [True, True]
    entries = loop.store.feedback.of_item(first.item_id) + loop.store.feedback.of_item(second.item_id)
    assert [(e.verdict, e.target) for e in entries] == [("confirm", said), ("correct", "bright; heavy; new; round")]
    refused = deck.apply(loop, "ana", "c1", [sent[1] | {"seq": 9, "target": "bright; tall"}])
    assert not refused[0].saved
    assert "'bright; tall' names no labels of this project" in refused[0].message


def test_items_are_found_by_a_label_they_hold_and_by_holding_none(page, loop: Loop) -> None:
    app = page("predictions")
    field = app.selectbox(key="items_predicted")
    assert field.label == "Predicted with"
    assert field.options == ["any", *LABELS, "no label at all"]
    listed = [item.predicted for item in loop.store.items.page(loop.project.id, ItemFilter(), sort="priority")]
    for chosen, count in ((NONE, listed.count(NONE)), ("new", sum("new" in text.split("; ") for text in listed))):
        app.selectbox(key="items_predicted").set_value(chosen).run()
        assert f"{count} items match" in texts(app)
        assert len(app.dataframe[0].value) == count
    press(app, f"Review {count} items")
    assert [session.name for session in loop.store.sessions.live(loop.project.id)] == ["predicted with new"]


def test_a_conflict_names_the_labels_it_is_about_and_takes_any_set(page, loop: Loop) -> None:
    (entry,) = answer(loop, 1, "ben", "bright; heavy")
    seen = loop.store.items.get(entry.item_id)
    loop.record(Decision(seen.id, "cid", "correct", "heavy; new", version_id=seen.version_id))
    assert loop.store.items.get(seen.id).state == "conflict"
    app = page("feedback")
    app.segmented_control(key="feedback_view").set_value("conflicts").run()
    assert "They differ on bright, new." in texts(app)
    app.multiselect(key=f"other-{seen.id}").set_value([NONE, "new"]).run()
    press(app, "Decide")
    assert "There is no set of labels yet" in texts(app)
    assert loop.store.items.get(seen.id).state == "conflict"
    app.multiselect(key=f"other-{seen.id}").set_value(["round", "bright"]).run()
    press(app, "Decide")
    decided = loop.store.items.get(seen.id)
    assert (decided.state, decided.label) == ("labelled", "bright; round")


def test_similar_items_get_one_set_in_one_decision(page, loop: Loop, monkeypatch) -> None:
    app = opened(page, loop, monkeypatch)
    first = loop.store.items.first_ids(loop.project.id, 1)[0]
    assert f"Predicted: {loop.store.items.get(first).predicted}. Each label has a probability" in texts(app)
    app.segmented_control(key=f"similar-{first}-verdict").set_value("correct").run()
    assert app.button(key=f"similar-{first}-apply").disabled
    app.multiselect(key=f"similar-{first}-target").set_value([NONE]).run()
    press(app, "Set the label: 10 items")
    entries = loop.store.feedback.latest(loop.project.id, 99)
    assert len(entries) == 10
    assert {loop.store.items.get(entry.item_id).label for entry in entries} == {NONE}


def test_card_and_report_count_each_label_by_itself(loop: Loop) -> None:
    said = {entry.item_id: (entry.predicted, entry.target) for entry in answer(loop, 10)}
    version = loop.retrain("test")
    report = loop.judge(version)
    learned = loop.store.versions.lineage(version.id)["labels"]
    facts = reports.card_facts(loop.store, loop.project)
    champion = loop.store.versions.champion(loop.project.id)
    base = loop.store.versions.lineage(champion.id)["labels"]
    assert {each["label"]: each["rows"] for each in facts["training"]} == counted(base)
    assert not [limit for limit in facts["limits"] if "never seen" in limit]
    html = loop.report_html(report)
    for label, n in counted(learned).items():
        assert f'<th scope="row">{label}</th><td class="n">{n}</td>' in html
    for label in LABELS:
        added = sum(label in parts(now) and label not in parts(before) for before, now in said.values())
        removed = sum(label not in parts(now) and label in parts(before) for before, now in said.values())
        if added or removed:
            assert f'<th scope="row">{label}</th><td class="n">{added}</td><td class="n">{removed}</td></tr>' in html
    card = loop.card_html()
    assert "It says any number, or none, of 4 labels: bright, heavy, new, round." in card
    assert f"<td>{share(champion.metrics['holdout']['micro_f1'])}</td>" in card


def counted(texts_: list[str]) -> dict[str, int]:
    return dict(Counter(label for text in texts_ for label in (parts(text) or (NONE,))))
