"""A roll-back puts what entered the bad version in doubt: out of training and the trigger, and back on request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import suspects
from feedback_core.errors import Stale
from feedback_core.loop import Loop
from feedback_core.types import Version
from tests.test_rulings import now, pool, say


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
