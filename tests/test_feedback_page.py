"""The Feedback page from the entry script on a real temporary store; then the store is asked what happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import inspection
from feedback_core.loop import Loop
from feedback_core.types import Cursor, Decision, EntryFilter, Feedback, RankedEntry
from feedback_core.worker import run_next
from tests.test_pages import press, texts
from tests.test_trust import pool, right, say, wrong

ROOT = Path(__file__).parent.parent


@pytest.fixture
def page(page):
    """Opens the Feedback page."""
    return lambda: page("feedback")


@pytest.fixture
def reviewed(trained: Loop) -> Loop:
    """Ten entries of bob on ten items, the first clearly wrong; ranked."""
    items = sorted(pool(trained)[:10], key=lambda item: -abs(sum(item.values)))
    for n, item in enumerate(items):
        say(trained, item.id, wrong(item) if n == 0 else right(item), "bob", note="typed by <b>hand</b>" if n else "")
    trained.rank_feedback()
    return trained


def words(app: AppTest) -> str:
    """Everything written on the page, without the signs that keep user text from being markup."""
    return texts(app).replace("\\", "")


def table(app: AppTest):
    return app.dataframe[0].value


def choose(app: AppTest, rows: list[int], cells: list[tuple[int, str]] | None = None) -> AppTest:
    """Tick boxes of the list, or press a cell of it."""
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": rows, "columns": [], "cells": cells or []}}
    app.run()
    assert not app.exception
    return app


def first(loop: Loop) -> Feedback:
    return ranked(loop)[0]


def ranked(loop: Loop, **wanted: object) -> list[Feedback]:
    return [one.entry for one in loop.store.ranks.page(loop.project.id, EntryFilter(**wanted))[0]]


def test_without_feedback_the_page_says_what_to_do(page, trained: Loop) -> None:
    assert page().info[0].title == "There is no feedback yet"
    assert trained.store.jobs.live(trained.project.id) == []


def test_the_list_shows_the_most_doubtful_first_with_its_parts(page, reviewed: Loop) -> None:
    app = page()
    rows = table(app)
    entry = first(reviewed)
    assert "10 entries ranked" in words(app)
    assert rows["Said"][0] == f"corrected to {entry.target}"
    assert list(rows["Priority"]) == sorted(rows["Priority"], reverse=True)
    assert rows["Suspicious"][0] == 100.0
    assert rows["Low agreement"][0] == pytest.approx(20)
    # The most doubtful one is open.
    assert f"bob corrected to {entry.target}" in words(app)
    assert "It counts: the item's label is" in words(app)


def test_the_parts_of_the_open_entry_sum_to_its_priority(page, reviewed: Loop) -> None:
    app = page()
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    parts = next(figure for figure in figures if len(figure["data"]) == 5)
    assert [trace["name"] for trace in parts["data"]] == [
        "Suspicious",
        "Contradicted",
        "Low agreement",
        "Far away",
        "High effect",
    ]
    assert sum(trace["x"][0] for trace in parts["data"]) == pytest.approx(table(app)["Priority"][0])


def test_an_entry_is_rejected_and_the_press_undone(page, reviewed: Loop) -> None:
    entry = first(reviewed)
    app = page()
    app.text_input(key=f"reason-{entry.id}").set_value("a slip")
    press(app, "Reject")
    assert reviewed.store.feedback.of_item(entry.item_id)[0].ruling == "reject"
    assert reviewed.store.items.get(entry.item_id).state == "open"
    assert len(table(app)) == 9
    assert "ana rejected 1 entry just now" in words(app)
    assert "a slip" in words(app)
    press(app, "Undo")
    assert reviewed.store.feedback.of_item(entry.item_id)[0].ruling is None
    assert len(table(app)) == 10
    assert "undone or replaced since" in words(app)


def test_several_are_decided_by_one_press_that_names_their_number(page, reviewed: Loop) -> None:
    entries = ranked(reviewed)[:3]
    app = choose(page(), [0, 1, 2])
    assert "3 entries chosen" in words(app)
    press(app, "Reject: 3 entries")
    assert {entry.id for entry in ranked(reviewed, state="reject")} == {entry.id for entry in entries}
    assert len(table(app)) == 7
    press(app, "Undo")
    assert ranked(reviewed, state="reject") == []


def test_a_pressed_cell_opens_its_entry_by_id(page, reviewed: Loop) -> None:
    third = ranked(reviewed)[2]
    app = choose(page(), [], [(2, "Model")])
    assert [button.key for button in app.button if button.label == "Reject"] == [f"rule-reject-{third.id}"]


def test_a_second_opinion_is_asked_for_and_the_other_list_shows_it(page, reviewed: Loop) -> None:
    entry = first(reviewed)
    app = press(page(), "Ask a second opinion")
    assert reviewed.store.items.get(entry.item_id).state == "conflict"
    app.segmented_control(key="entries_state").set_value("ask").run()
    assert len(table(app)) == 1
    assert "A second opinion is wanted" in words(app)
    app.segmented_control(key="feedback_view").set_value("conflicts").run()
    assert "a second opinion is wanted" in words(app)


def test_filters_ask_the_store_and_an_empty_list_says_so(page, reviewed: Loop) -> None:
    app = page()
    app.slider(key="entries_suspicious").set_value(80).run()
    assert len(table(app)) == 3
    app.selectbox(key=f"entries_person-{reviewed.project.id}").select("bob").run()
    assert len(table(app)) == 3
    app.text_input(key="entries_search").set_value("hand").run()
    assert len(table(app)) == 2
    assert "typed by \\<b\\>hand\\</b\\>" in texts(app)
    app.selectbox(key="entries_verdict").select("flag").run()
    assert "No entry matches. Loosen the filters" in words(app)


def test_a_conflict_is_decided_by_one_press(page, reviewed: Loop) -> None:
    item = reviewed.store.items.get(first(reviewed).item_id)
    say(reviewed, item.id, right(item), "cy", note="clearly")
    app = page()
    app.segmented_control(key="feedback_view").set_value("conflicts").run()
    assert "its reviewers differ" in words(app)
    assert "cy · " in words(app)
    press(app, f"It is {right(item)}")
    settled = reviewed.store.items.get(item.id)
    assert (settled.state, settled.label) == ("labelled", right(item))
    assert "Nobody differs here" in words(app)
    press(app, "Undo")
    assert reviewed.store.items.get(item.id).state == "conflict"


def test_conflicts_are_paged(page, reviewed: Loop) -> None:
    for item in pool(reviewed)[40:46]:
        for who, label in (("ann", "a"), ("cy", "b")):
            say(reviewed, item.id, label, who)
    app = page()
    app.segmented_control(key="feedback_view").set_value("conflicts").run()
    assert words(app).count("its reviewers differ") == 5
    press(app, "Next")
    assert (words(app).count("its reviewers differ"), "Page 2" in words(app)) == (1, True)
    press(app, "Back")
    assert words(app).count("its reviewers differ") == 5


def test_newer_entries_are_counted_and_ranked_when_they_are_many(page, reviewed: Loop) -> None:
    more = pool(reviewed)[20:22]
    say(reviewed, more[0].id, "a", "cy")
    app = page()
    assert "1 newer, not ranked yet" in words(app)
    (job,) = reviewed.store.jobs.live(reviewed.project.id)
    assert (job.kind, job.state) == ("rank feedback", "waiting")
    assert "A new ranking waits for the worker" in words(app)
    page()
    assert len(reviewed.store.jobs.live(reviewed.project.id)) == 1
    run_next(reviewed.store, "test")
    assert len(table(page())) == 11


def test_a_failed_ranking_is_told_and_not_repeated_unasked(page, reviewed: Loop) -> None:
    say(reviewed, pool(reviewed)[20].id, "a", "cy")
    job = reviewed.request_ranking("ana")
    reviewed.store.jobs.claim("w", 0, 20)
    reviewed.store.jobs.fail(job.id, "w", "the disk is full", 0)
    app = page()
    assert [(error.title, error.value) for error in app.error] == [("The last ranking failed", "the disk is full")]
    assert reviewed.store.jobs.live(reviewed.project.id) == []
    press(app, "Rank now")
    assert [job.kind for job in reviewed.store.jobs.live(reviewed.project.id)] == ["rank feedback"]


def test_the_button_asks_for_a_ranking(page, reviewed: Loop) -> None:
    press(page(), "Rank now")
    assert [job.kind for job in reviewed.store.jobs.live(reviewed.project.id)] == ["rank feedback"]


# -- what the page reads -------------------------------------------------------------------------------------------


def receipt(loop: Loop, entry: Feedback) -> inspection.Receipt:
    (today,) = (one for chunk in loop.store.feedback.export(loop.project.id) for one in chunk if one.id == entry.id)
    return inspection.receipt(loop.store, loop.project, RankedEntry(today, None, {}))


def test_the_receipt_says_which_versions_learned_from_an_entry_and_what_the_champion_says(reviewed: Loop) -> None:
    entry = first(reviewed)
    assert inspection.sentences(receipt(reviewed, entry))[1] == "No version has learned from it."
    for _ in range(2):
        version = reviewed.retrain("test")
        reviewed.judge(version)
        reviewed.promote(version, "test", "for the test")
    reviewed.predict()
    found = receipt(reviewed, entry)
    assert found.learned == (2, 3)
    counts, teaching, answer = inspection.sentences(found)
    assert counts == f"It counts: the item's label is {entry.target}."
    assert teaching == (
        "It entered version 2, and version 3 learned from it too; the champion, version 3, is among them."
    )
    right_now = found.now.label == entry.target
    assert (found.is_right, found.changed) == (right_now, found.now.label != entry.predicted)
    assert answer.startswith(f"The model said {entry.predicted} when it was given; version 3 ")
    assert answer.endswith(f"{'right' if right_now else 'wrong'} by today's label.")
    reviewed.rule([entry.id], "reject", "meg")
    standing, teaching, answer = inspection.sentences(receipt(reviewed, entry))
    assert standing == "Rejected by meg: it does not count, and nothing learns from it any more."
    # What was learned stays learned: the receipt does not forget it.
    assert teaching == (
        "It entered version 2, and version 3 learned from it too; the champion, version 3, is among them."
    )
    assert answer.endswith("open while the item has no label.")
    version = reviewed.retrain("test")
    assert receipt(reviewed, entry).learned == (2, 3)
    assert entry.item_id not in reviewed.store.versions.lineage(version.id)["ids"]


def test_the_receipt_looks_at_the_last_versions_and_says_so(reviewed: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "VERSIONS_SHOWN", 1)
    entry = first(reviewed)
    for _ in range(4):
        reviewed.retrain("test")
    found = receipt(reviewed, entry)
    assert (found.learned, found.entered, found.exactly, found.more) == ((2, 5), 2, True, True)
    assert inspection.sentences(found)[1] == (
        "It entered version 2, and version 5 learned from it too (of the last 1); the champion, version 1, is not "
        "among them."
    )
    # What was no label when the first version that could have learned it was trained may have entered any later one.
    late = say(reviewed, pool(reviewed)[30].id, "a", "bob")
    asked = reviewed.rule([late.id], "ask", "meg")
    for n in range(3):
        reviewed.retrain("test")
        if n == 0:
            reviewed.undo_ruling(asked.id, "meg")
    unsure = receipt(reviewed, late)
    assert (unsure.learned, unsure.exactly) == ((8,), False)
    assert inspection.sentences(unsure)[1].startswith("It entered version 8 or one before")


def test_the_state_of_every_entry_is_told_in_words(reviewed: Loop) -> None:
    x, y, z = (item.id for item in pool(reviewed)[30:33])
    old, new = say(reviewed, x, "a", "ann"), say(reviewed, x, "b", "ann")
    assert told(reviewed, old) == "ann has answered this item again: the later answer counts."
    reviewed.undo(new.id, "ann")
    assert told(reviewed, new) == "ann took it back: it does not count."
    other = say(reviewed, x, "b", "bob")
    assert told(reviewed, other).startswith("Reviewers differ: the item has no label")
    reviewed.rule([old.id], "accept", "meg")
    assert told(reviewed, old) == "Accepted by meg. It counts: the item's label is a."
    assert told(reviewed, other) == "Outvoted or overruled: the item's label is a."
    assert told(reviewed, say(reviewed, y, None, "ann", "flag")) == "The item was flagged, and is set aside."
    asked = say(reviewed, z, "a", "ann")
    reviewed.rule([asked.id], "ask", "meg")
    assert told(reviewed, asked).startswith("A second opinion is wanted")


def told(loop: Loop, entry: Feedback) -> str:
    return inspection.sentences(receipt(loop, entry))[0]


def test_conflicts_come_page_by_page_with_their_sides(reviewed: Loop) -> None:
    ids = [item.id for item in pool(reviewed)[40:43]]
    for item_id in ids:
        for who, label in (("ann", "a"), ("bob", "b"), ("cy", "b"), ("dee", "a")):
            say(reviewed, item_id, label, who)
    some = inspection.conflicts(reviewed.store, reviewed.project, limit=2)
    rest = inspection.conflicts(reviewed.store, reviewed.project, Cursor(0.0, some[-1].item.id), limit=2)
    assert [conflict.item.id for conflict in (*some, *rest)] == sorted(ids, reverse=True)
    sides = [(side.label, [entry.reviewer for entry in side.entries]) for side in some[0].sides]
    assert (sides, some[0].asked) == ([("a", ["ann", "dee"]), ("b", ["bob", "cy"])], False)


def test_first_labels_are_told_without_a_model(loop: Loop) -> None:
    item = pool(loop)[0]
    entry = loop.record(Decision(item.id, "ann", "correct", "a"))[0]
    found = receipt(loop, entry)
    assert inspection.sentences(found)[1:] == (
        "No version has learned from it.",
        "There is no prediction of the champion for this item yet.",
    )
    assert (found.changed, found.is_right, found.shown) == (None, None, None)


def test_an_outvoted_entry_is_not_to_look_at_any_more_and_comes_back_when_it_counts_again(reviewed: Loop) -> None:
    entry = first(reviewed)
    assert entry in ranked(reviewed)
    item = reviewed.store.items.get(entry.item_id)
    _, third = (say(reviewed, item.id, right(item), who) for who in ("cy", "dee"))
    assert reviewed.store.items.get(item.id).label == right(item) != entry.target
    assert entry.id not in [each.id for each in ranked(reviewed)]
    assert entry.id in [each.id for each in ranked(reviewed, state="any")]
    reviewed.undo(third.id, "dee")
    assert entry.id in [each.id for each in ranked(reviewed)]
