"""Labels turned round after a while: which are asked about, what each answer does, and its undo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import inspection
from feedback_core.errors import NotFound
from feedback_core.loop import Loop
from feedback_core.store import reversals
from feedback_core.store.migrations import evidence
from feedback_core.training import DAY_S
from pages._reversals import proposed_days
from tests.test_pages import press, texts
from tests.test_rulings import now, pool, say

ROOT = Path(__file__).parent.parent


def later(loop: Loop, days: float) -> None:
    loop.clock.now += days * DAY_S


def asked(loop: Loop) -> list[tuple[int, str, str]]:
    """Item, earlier and later label of every question, the newest first."""
    found, _ = loop.store.reversals.page(loop.project.id)
    return [(after.item_id, before.target, after.target) for before, after in found]


# -- which labels are asked about ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "is_asked"), [(0.9, False), (1, True), (60, True)])
def test_different_reviewers_are_asked_about_from_a_day_on(trained: Loop, days: float, is_asked: bool) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    later(trained, days)
    say(trained, x, "b", "bob")
    assert asked(trained) == ([(x, "a", "b")] if is_asked else [])


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_a_label_that_a_version_was_taught_is_asked_about_at_once(trained: Loop, who: str) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    trained.retrain("test")
    say(trained, x, "b", who)
    assert asked(trained) == [(x, "a", "b")]
    (found,), following = inspection.reversals(trained.store, trained.project)
    assert (found.learned_earlier, found.learned_later, following) == ((2,), (), None)


def test_a_change_of_mind_before_any_version_learned_the_label_is_no_question(trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    later(trained, 30)
    say(trained, x, "b", "ann")
    assert asked(trained) == []


def test_the_same_label_again_a_flag_and_a_withdrawn_label_turn_nothing_round(trained: Loop) -> None:
    x, y, z = pool(trained)[:3]
    withdrawn = [say(trained, item, "a", "ann") for item in (x, y, z)][2]
    trained.undo(withdrawn.id, "ann")
    later(trained, 2)
    say(trained, x, "a", "bob")
    say(trained, y, None, "bob", "flag")
    say(trained, z, "b", "bob")
    assert asked(trained) == []


def test_an_item_turned_twice_is_asked_about_once_and_a_withdrawn_turn_no_more(trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    later(trained, 2)
    say(trained, x, "b", "bob")
    later(trained, 2)
    third = say(trained, x, "a", "cy")
    assert asked(trained) == [(x, "b", "a")]
    trained.undo(third.id, "cy")
    assert asked(trained) == [(x, "a", "b")]


def test_questions_come_page_by_page_within_a_bounded_look(trained: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    items = pool(trained)[:5]
    for item in items:
        say(trained, item, "a", "ann")
    later(trained, 2)
    for item in items:
        say(trained, item, "b", "bob")
    for item in items[3:]:
        trained.rule([trained.store.feedback.of_item(item)[0].id], "accept", "meg")
    monkeypatch.setattr(reversals, "SCAN", 2)
    seen, before = [], None
    while True:
        found, before = trained.store.reversals.page(trained.project.id, before=before, limit=2)
        seen.append([after.item_id for _, after in found])
        if before is None:
            break
    # The two newest are answered: the first page has looked at them alone.
    assert seen == [[], [items[2], items[1]], [items[0]]]


def test_entries_from_before_the_migration_are_found_as_if_they_had_been_recorded_after_it(trained: Loop) -> None:
    x, y, z = pool(trained)[:3]
    for item in (x, y, z):
        say(trained, item, "a", "ann")
    say(trained, z, "b", "ann")
    trained.retrain("test")
    say(trained, x, "b", "ann")
    later(trained, 2)
    say(trained, y, "b", "bob")
    say(trained, y, "a", "cy")
    connection = sqlite3.connect(trained.store.url.removeprefix("sqlite:///"))
    with closing(connection) as db:
        recorded = db.execute("select id, reverses from feedback").fetchall()
        db.execute("drop trigger feedback_reverses_immutable")
        db.execute("update feedback set reverses = null")
        update = next(each for each in evidence._RECEIPTS.split(";") if "update feedback" in each)
        db.execute(update.partition("update feedback")[1] + update.partition("update feedback")[2])
        assert db.execute("select id, reverses from feedback").fetchall() == recorded
    assert sum(reverses is not None for _, reverses in recorded) == 2


# -- the answers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def turned(trained: Loop) -> Loop:
    """The first item of the pool: a by ann, taught to version 2, then b by bob."""
    say(trained, pool(trained)[0], "a", "ann")
    trained.retrain("test")
    later(trained, 40)
    say(trained, pool(trained)[0], "b", "bob")
    return trained


def test_the_world_changed_makes_the_newer_label_count_and_is_logged_and_undone(turned: Loop) -> None:
    x = pool(turned)[0]
    assert now(turned, x) == ("conflict", None)
    ruled = turned.world_changed(x, "meg")
    assert now(turned, x) == ("labelled", "b")
    event = next(e for e in turned.store.events.latest(turned.project.id) if e.kind == "world changed")
    newer = turned.store.feedback.of_item(x)[-1]
    assert (event.actor, event.details) == (
        "meg", {"item": x, "entry": newer.id, "before": "a", "now": "b", "ruling": ruled.id},
    )  # fmt: skip
    assert turned.store.rulings.latest(turned.project.id)[0].event.details["reason"] == (
        "the world changed: a then, b now"
    )
    assert (asked(turned), turned.store.reversals.world_changes(turned.project.id)) == ([], [40 * DAY_S])
    with pytest.raises(NotFound, match="No label of this item was turned round"):
        turned.world_changed(x, "meg")
    turned.undo_ruling(ruled.id, "meg")
    assert now(turned, x) == ("conflict", None)
    assert (len(asked(turned)), turned.store.reversals.world_changes(turned.project.id)) == (1, [])


@pytest.mark.parametrize("label", ["a", "b"])
def test_someone_was_wrong_settles_it_without_a_change_of_the_world(turned: Loop, label: str) -> None:
    x = pool(turned)[0]
    turned.settle(x, label, "meg")
    assert now(turned, x) == ("labelled", label)
    assert (asked(turned), turned.store.reversals.world_changes(turned.project.id)) == ([], [])


def test_a_label_nobody_gives_any_more_is_decided_by_an_entry_of_ones_own(trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    trained.retrain("test")
    say(trained, x, "b", "ann")
    ruled = trained.decide(x, "a", "meg", "b was a slip")
    assert now(trained, x) == ("labelled", "a")
    own = trained.store.feedback.of_item(x)[-1]
    assert (own.reviewer, own.target, own.ruling, own.note) == ("meg", "a", "accept", "b was a slip")
    assert asked(trained) == []
    trained.undo_ruling(ruled.id, "meg")
    assert now(trained, x) == ("conflict", None)


# -- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(page):
    """Opens the questions on the Feedback page."""

    def open_page() -> AppTest:
        app = page("feedback")
        app.segmented_control(key="feedback_view").set_value("conflicts").run()
        app.segmented_control(key="conflicts_view").set_value("turned").run()
        assert not app.exception
        return app

    return open_page


def test_the_page_asks_why_with_both_labels_and_what_learned_them(page, turned: Loop) -> None:
    app = page()
    said = texts(app).replace("\\", "")
    assert "Did the world change, or was someone wrong?" in said
    assert [each.value for each in app.subheader][-2:] == ["a", "b"]
    assert "ann · " in said
    assert "Learned by version 2" in said
    assert "No version learned it" in said
    assert app.segmented_control(key="conflicts_view").options[1] == "Changed over time (1)"


def test_the_world_changed_is_one_press_and_proposes_that_labels_fade(page, turned: Loop) -> None:
    app = press(page(), "The world changed: it is b now")
    assert now(turned, pool(turned)[0]) == ("labelled", "b")
    assert "Shall older labels fade?" in texts(app)
    assert app.number_input(key="half_life").value == 40
    assert "40 days lie between the two labels of this one item" in texts(app)
    app.number_input(key="half_life").set_value(30.0).run()
    app = press(app, "Let older labels fade")
    assert turned.store.projects.get(turned.project.id).settings.label_half_life_days == 30
    assert "Shall older labels fade?" not in texts(app)


def test_the_half_life_proposed_is_the_median_age_of_the_labels_that_were_out_of_date() -> None:
    assert proposed_days([20 * DAY_S, 300 * DAY_S, 44.4 * DAY_S]) == 44
    assert proposed_days([10 * DAY_S, 20 * DAY_S]) == 15
    assert proposed_days([60.0]) == 1


@pytest.mark.parametrize("label", ["a", "b"])
def test_someone_was_wrong_is_one_press(page, turned: Loop, label: str) -> None:
    app = press(page(), f"Someone was wrong: it is {label}")
    assert now(turned, pool(turned)[0]) == ("labelled", label)
    assert "Shall older labels fade?" not in texts(app)
    assert "No label was turned round" in texts(app)


def test_a_first_label_that_its_reviewer_has_replaced_can_still_be_the_right_one(page, trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    trained.retrain("test")
    say(trained, x, "b", "ann")
    press(page(), "Someone was wrong: it is a")
    assert now(trained, x) == ("labelled", "a")


def test_a_conflict_can_be_given_any_label_of_the_project(page, trained: Loop) -> None:
    x = pool(trained)[0]
    entry = say(trained, x, "a", "ann")
    trained.rule([entry.id], "ask", "meg")
    app = page()
    app.segmented_control(key="conflicts_view").set_value("open").run()
    assert app.selectbox(key=f"other-{x}").options == ["b"]
    press(app, "Decide")
    assert now(trained, x) == ("labelled", "b")
