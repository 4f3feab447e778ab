"""A roll-back puts what entered the bad version in doubt: out of training and the trigger, and back on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from feedback_core import decisions, suspects
from feedback_core.errors import Stale
from feedback_core.loop import Loop
from feedback_core.types import Version
from tests.test_pages import press, texts
from tests.test_rulings import now, pool, say

ROOT = Path(__file__).parent.parent


def taught(lessons: dict[int, str]) -> suspects.Taught:
    return np.asarray(sorted(lessons), dtype=np.int64), np.asarray([lessons[n] for n in sorted(lessons)], dtype=object)


def promoted(loop: Loop) -> Version:
    """One more version, champion whatever the gate says."""
    version = loop.retrain("test")
    loop.judge(version)
    return loop.promote(version, "test", "for the test")


def first(loop: Loop) -> Version:
    return loop.store.versions.all(loop.project.id)[0]


# -- the rule ------------------------------------------------------------------------------------------------------


def test_newly_taught_is_what_is_new_and_what_was_taught_otherwise() -> None:
    bad = taught({1: "a", 2: "b", 3: "a", 9: "b"})
    assert suspects.newly_taught(bad, taught({1: "a", 2: "a", 4: "b"})) == {2: "b", 3: "a", 9: "b"}
    assert suspects.newly_taught(bad, taught({})) == {1: "a", 2: "b", 3: "a", 9: "b"}


LESSONS = st.dictionaries(st.integers(1, 30), st.sampled_from("abc"))


@settings(deadline=None)
@given(LESSONS, LESSONS)
def test_newly_taught_is_the_difference_of_two_sets_of_lessons(bad: dict[int, str], good: dict[int, str]) -> None:
    assert suspects.newly_taught(taught(bad), taught(good)) == dict(bad.items() - good.items())


# -- the roll-back -------------------------------------------------------------------------------------------------


def test_a_rollback_asks_again_about_what_entered_the_version_left_and_nothing_else(trained: Loop) -> None:
    old, bad, late = (pool(trained)[n : n + 3] for n in (0, 3, 6))
    for item in old:
        say(trained, item, "a", "ann")
    good = promoted(trained)
    wrong = [say(trained, item, "b", "bob").id for item in bad]
    promoted(trained)
    for item in late:
        say(trained, item, "a", "cy")
    back = trained.rollback(trained.store.versions.get(good.id), "meg", "v3 misses a")
    assert (back.version.id, back.version.status, back.number) == (good.id, "champion", 3)
    assert (back.entries, len(back.presses), back.left) == (tuple(wrong), 1, 0)
    assert [now(trained, item) for item in (*old, *late)] == [("labelled", "a")] * 6
    assert [now(trained, item) for item in bad] == [("conflict", None)] * 3
    event = trained.store.rulings.latest(trained.project.id)[0].event
    assert event.details["reason"] == "entered version 3, which was rolled back"
    assert set(bad).isdisjoint(trained.store.items.training_rows(trained.project.id).ids)


def test_suspect_entries_stay_out_of_the_next_trigger_count_and_the_second_opinions_count(trained: Loop) -> None:
    items = pool(trained)[:3]
    for item in items:
        said = trained.store.items.get(item).predicted
        say(trained, item, "b" if said == "a" else "a", "bob")
    assert trained.due().collected == 3
    promoted(trained)
    trained.rollback(first(trained), "meg", "worse")
    assert (trained.due().collected, trained.due().entries) == (0, 0)
    trained.predict()
    draw = trained.draw("cy")
    assert (draw.item_id in items, draw.strategy) == (True, "second opinion")
    said = trained.store.items.get(draw.item_id).predicted
    answer = "b" if said == "a" else "a"
    say(trained, draw.item_id, answer, "cy")
    assert (trained.due().collected, trained.due().entries) == (1, 1)
    assert now(trained, draw.item_id) == ("labelled", answer)
    # Without an answer the others stay out of the next version, whatever its trigger.
    learned = trained.store.versions.lineage(trained.retrain("test").id)["ids"]
    assert set(items) & set(learned) == {draw.item_id}


def test_the_doubt_is_undone_and_a_rollback_without_it_leaves_the_entries_alone(trained: Loop) -> None:
    item = pool(trained)[0]
    said = say(trained, item, "a", "bob")
    second = promoted(trained)
    back = trained.rollback(first(trained), "meg", "worse")
    assert now(trained, item) == ("conflict", None)
    assert trained.undo_rulings(back.presses, "meg") == (said.id,)
    assert now(trained, item) == ("labelled", "a")
    with pytest.raises(Stale, match="nothing left to undo"):
        trained.undo_rulings(back.presses, "meg")
    trained.rollback(trained.store.versions.get(second.id), "meg", "it was fine after all")
    kept = trained.rollback(first(trained), "meg", "the model is too slow", suspect=False)
    assert (kept.entries, kept.presses, kept.left) == ((), (), 0)
    assert now(trained, item) == ("labelled", "a")


def test_more_entries_than_one_press_holds_are_asked_in_several_and_undone_together(
    trained: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "MOST", 2)
    monkeypatch.setattr(suspects, "ASKED", 5)
    items = pool(trained)[:6]
    said = [say(trained, item, "a", "bob").id for item in items]
    promoted(trained)
    back = trained.rollback(first(trained), "meg", "worse")
    # The newest five of six, two at a time.
    assert (back.entries, len(back.presses), back.left) == (tuple(said[1:]), 3, 1)
    trained.rule([said[1]], "accept", "moe")
    assert set(trained.undo_rulings(back.presses, "meg")) == set(said[2:])
    assert [now(trained, item)[0] for item in items] == ["labelled"] * 6


def test_what_waits_for_a_second_opinion_or_was_replaced_since_is_not_asked_about_again(trained: Loop) -> None:
    asked, replaced, plain = pool(trained)[:3]
    entries = [say(trained, item, "a", "bob").id for item in (asked, replaced, plain)]
    promoted(trained)
    trained.rule(entries[:1], "ask", "meg")
    say(trained, replaced, "b", "bob")
    assert trained.suspects(first(trained)).entries == (entries[2],)


def test_what_the_newest_rollback_asks_is_known_while_any_of_it_stands(trained: Loop, monkeypatch) -> None:
    monkeypatch.setattr(suspects, "MOST", 2)
    monkeypatch.setattr(suspects, "ASKED", 3)
    store, project = trained.store, trained.project
    said = [say(trained, item, "a", "bob").id for item in pool(trained)[:4]]
    promoted(trained)
    assert suspects.asked(store, project) is None
    back = trained.rollback(first(trained), "meg", "worse")
    trained.rule([said[0]], "accept", "moe", "not of the roll-back")
    trained.rule([said[1]], "reject", "moe")
    asked = suspects.asked(store, project)
    assert (asked.number, asked.entries, asked.left) == (2, 2, 1)
    assert sorted(asked.presses) == sorted(back.presses)
    trained.undo_rulings(asked.presses, "meg")
    assert suspects.asked(store, project) is None


# -- with one reviewer ---------------------------------------------------------------------------------------------


def test_where_nobody_else_could_answer_a_rollback_asks_only_on_request(trained: Loop) -> None:
    item = pool(trained)[0]
    say(trained, item, "a", "bob")
    second = promoted(trained)
    assert not suspects.anybody_to_ask(trained.store, trained.project, "bob")
    assert decisions.rollback(trained, first(trained), "bob", "worse").entries == ()
    decisions.rollback(trained, trained.store.versions.get(second.id), "bob", "better after all")
    assert suspects.anybody_to_ask(trained.store, trained.project, "meg")
    assert len(decisions.rollback(trained, first(trained), "meg", "worse").entries) == 1


def test_the_only_reviewer_settles_a_doubt_by_looking_again_and_it_stays_settled(trained: Loop) -> None:
    one, two, elsewhere = pool(trained)[:3]
    entry = say(trained, one, "a", "bob").id
    doubted = say(trained, two, "a", "bob").id
    trained.rule([entry, doubted], "ask", "bob")
    assert now(trained, one) == ("conflict", None)
    said = say(trained, one, "b", "bob").id
    assert now(trained, one) == ("labelled", "b")
    # From the first label of a second person on there is somebody to ask; what counted before goes on counting.
    say(trained, elsewhere, "a", "cy")
    trained.rule([said], "accept", "meg")
    trained.rule([said], "ask", "meg")
    trained.undo_ruling(trained.store.rulings.latest(trained.project.id)[0].event.id, "meg")
    assert now(trained, one) == ("labelled", "b")
    say(trained, two, "b", "bob")
    assert now(trained, two) == ("conflict", None)


def test_the_page_of_the_only_reviewer_does_not_ask_and_says_why(page, trained: Loop) -> None:
    item = pool(trained)[0]
    say(trained, item, "a", "ana")
    promoted(trained)
    app = page(first(trained))
    assert not app.checkbox(key="suspect-1").value
    assert "you are the only one who has labelled here" in texts(app)
    app.text_input(key="back-1").set_value("v2 is slow").run()
    app = press(app, "Roll back to this version")
    assert now(trained, item)[0] == "labelled"
    assert [job.kind for job in trained.store.jobs.live(trained.project.id)] == ["predict"]


# -- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(page):
    """Opens Retrain with one version unfolded."""

    def open_page(unfolded: Version) -> AppTest:
        app = page("retrain")
        app.session_state[f"unfolded-{unfolded.id}"] = True
        app.run()
        assert not app.exception
        return app

    return open_page


def test_the_page_names_the_entries_asks_about_them_and_undoes_it(page, trained: Loop) -> None:
    items = pool(trained)[:2]
    for item in items:
        say(trained, item, "a", "bob")
    promoted(trained)
    app = page(first(trained))
    box = app.checkbox(key="suspect-1")
    assert (box.label, box.value) == ("Ask for second opinions on the 2 entries that entered version 2", True)
    app.text_input(key="back-1").set_value("v2 misses b").run()
    app = press(app, "Roll back to this version")
    assert "Second opinions are asked on 2 entries that entered version 2" in texts(app)
    assert [now(trained, item)[0] for item in items] == ["conflict"] * 2
    app = page(first(trained))
    assert "Second opinions are asked on 2 entries" in texts(app), "whoever comes back later can undo it still"
    app = press(app, "Undo")
    assert [now(trained, item)[0] for item in items] == ["labelled"] * 2
    assert "Second opinions are asked" not in texts(app)


def test_the_page_leaves_the_entries_alone_when_the_box_is_cleared(page, trained: Loop) -> None:
    item = pool(trained)[0]
    say(trained, item, "a", "bob")
    promoted(trained)
    app = page(first(trained))
    app.checkbox(key="suspect-1").set_value(False)
    app.text_input(key="back-1").set_value("v2 is slow").run()
    app = press(app, "Roll back to this version")
    assert trained.store.versions.champion(trained.project.id).number == 1
    assert now(trained, item)[0] == "labelled"
    assert "Second opinions" not in texts(app)
