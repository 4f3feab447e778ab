"""Drift alerts: told once, answered as feedback; a dismissed kind asks for more, an accept restores it, undo undoes."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from feedback_core import drift_alerts, triggers
from feedback_core.api import create_api
from feedback_core.errors import NotFound, Refused
from feedback_core.triggers import calming, drift
from feedback_core.triggers.calming import Calm
from feedback_core.types import DriftAlert
from tests.conftest import raw
from tests.test_cli_loop import said
from tests.test_trigger_tick import answer, configure, finish, more, tick

# -- the rules -------------------------------------------------------------------------------------------------------

OLD = {"x": [1.0, 2.0, 3.0, 4.0], "k": ["a"] * 2 + ["b"] * 2, "m": [1.0, 1.0, 1.0, 1.0]}
NEW = {"x": [3.0, 4.0, 5.0, 6.0], "k": ["a"] * 1 + ["b"] * 3, "m": [1.0, 1.0, None, None]}


def test_a_drift_says_which_way_a_column_went_and_where_the_gap_is_widest():
    found = {row.column: row for row in drift.compare(OLD, NEW)}
    x, k, m = (found[name] for name in ("x", "k", "m"))
    # Of 1 2 3 4 and 3 4 5 6 the distribution functions lie 1/2 apart from 2 on: 2 of 4 are above it, then 4 of 4.
    assert (x.direction, x.effect, x.place, x.share_before, x.share_now) == ("higher", 0.5, 2.0, 0.5, 1.0)
    assert (k.direction, k.place, k.share_before, k.share_now) == ("more", "b", 0.5, 0.75)
    assert (m.direction, m.place, m.share_before, m.share_now) == ("missing", None, 0.0, 0.5)
    back = {row.column: row for row in drift.compare(NEW, OLD)}
    assert (back["x"].direction, back["x"].share_now - back["x"].share_before) == ("lower", 0.5)
    assert (back["k"].direction, back["k"].place) == ("more", "a")
    assert back["m"].direction == "present"


def test_a_drift_is_told_in_words():
    assert drift.told("higher", "2.0", 0.5, 1.0) == "100 % of the newest values are above 2, 50 % before"
    assert drift.told("lower", 2.5, 0.1, 0.4) == "40 % of the newest values are 2.5 or below, 10 % before"
    assert drift.told("more", "b", 0.5, 0.75) == "75 % of the newest values are 'b', 50 % before"
    assert drift.told("missing", None, 0.0, 0.5) == "50 % of the newest values are missing, 0 % before"


@pytest.mark.parametrize(
    ("value", "direction", "place", "expected"),
    [
        (2.1, "higher", "2.0", True),
        (2.0, "higher", "2.0", False),
        (2.0, "lower", "2.0", True),
        ("b", "more", "b", True),
        ("a", "more", "b", False),
        (None, "missing", None, True),
        (None, "higher", "2.0", False),
        (1.0, "missing", None, False),
        (1.0, "present", None, True),
        (1.0, "", None, False),
    ],
)
def test_the_shifted_rows_lie_on_the_side_that_has_grown(value, direction, place, expected):
    assert drift.shifted(value, direction, place) is expected


def alert(answered: str | None, effect: float = 0.4, version: int = 1, column: str = "x") -> DriftAlert:
    return DriftAlert(
        1, 1, version, column, "higher", "2.0", "Kolmogorov-Smirnov distance", effect, 1e-6, 0.005, 0.1, 0.5, 1, 0, 200,
        0.0, 0.0, answered, "ann", 1.0,
    )  # fmt: skip


KIND = ("x", "higher", "")


def test_each_dismissal_divides_the_level_by_ten_and_an_accept_restores_it():
    assert calming.needed(Calm(), 0.005) == (0.005, 0.1)
    once = calming.calm([alert("dismiss")], version_id=2)
    assert once == {KIND: Calm(1, 0.0, 0.0)}
    assert calming.needed(once[KIND], 0.005) == (0.0005, 0.1)
    twice = calming.calm([alert("dismiss"), alert("dismiss")], version_id=2)
    assert calming.needed(twice[KIND], 0.005) == (0.00005, 0.1)
    restored = calming.calm([alert("dismiss"), alert("dismiss"), alert("accept")], version_id=2)
    assert calming.needed(restored[KIND], 0.005) == (0.005, 0.1)
    assert calming.calm([alert("dismiss", column="y")], version_id=2).get(KIND) is None


def test_one_version_hears_of_the_same_drift_again_only_when_it_has_grown_by_a_quarter():
    known = calming.calm([alert("dismiss", effect=0.4, version=1)], version_id=1)[KIND]
    assert calming.needed(known, 0.005) == (0.0005, pytest.approx(0.5))
    taken = calming.calm([alert("accept", effect=0.4, version=1)], version_id=1)[KIND]
    assert calming.needed(taken, 0.005) == (0.005, 0.1)
    assert (calming.is_news(0.49, taken), calming.is_news(0.5, taken)) == (False, True)


def test_a_dismissed_kind_asks_for_no_retrain_until_it_is_clearer():
    def column(p, effect=0.4):
        return drift.ColumnDrift("x", "Kolmogorov-Smirnov distance", effect, p, "higher", 2.0, 0.1, 0.5)

    calm = {KIND: Calm(1)}
    assert drift.condition([column(0.004)], 250, 1, 0.01).met is True
    assert drift.condition([column(0.004)], 250, 1, 0.01, calm).met is False
    assert drift.condition([column(0.0004)], 250, 1, 0.01, calm).met is True
    said = drift.condition([column(0.004)], 250, 1, 0.01, calm).sentence
    assert said.startswith("every drift of look 1 was dismissed; the clearest, 'x' has")
    higher_dismissed = drift.ColumnDrift("x", "Kolmogorov-Smirnov distance", 0.4, 0.004, "lower", 2.0, 0.1, 0.5)
    assert drift.condition([higher_dismissed], 250, 1, 0.01, calm).met is True


answers = st.lists(st.tuples(st.sampled_from(["accept", "dismiss"]), st.floats(0.1, 1.0)), max_size=12)


@given(answers, st.floats(1e-6, 0.2))
def test_a_dismissal_never_makes_an_alert_likelier_and_an_accept_never_less_likely(given_before, level):
    before = [alert(said, effect) for said, effect in given_before]
    for version in (1, 2):
        now = calming.needed(calming.calm(before, version).get(KIND, Calm()), level)
        calmer = calming.needed(calming.calm([*before, alert("dismiss")], version)[KIND], level)
        restored = calming.needed(calming.calm([*before, alert("accept")], version)[KIND], level)
        assert calmer[0] == pytest.approx(now[0] / 10)
        assert calmer[1] >= now[1]
        assert restored == (level, calming.LEAST_EFFECT)


# -- the loop --------------------------------------------------------------------------------------------------------


@pytest.fixture
def drifted(trained):
    """A look at 200 items of which the first number has moved by one; nothing retrains by itself."""
    configure(trained, on_input_drift=True, corrections_rule="off", quiet_s=0.0, cool_down_s=0.0)
    more(trained, 200, seed=6, shift=1.0)
    assert tick(trained) is None
    return trained


def open_alerts(loop):
    return drift_alerts.page(loop, open_only=True)


def due(loop):
    return triggers.why(loop.store, loop.project, loop.clock()).due


def test_a_look_that_finds_a_drift_stores_one_alert_and_the_next_look_brings_its_figures_up_to_date(drifted):
    (first,) = open_alerts(drifted)
    assert (first.alert.column_name, first.alert.direction, first.alert.look) == ("x0", "higher", 1)
    assert first.alert.version_id == drifted.store.versions.champion(drifted.project.id).id
    assert first.sentence.startswith("x0: ")
    assert "of the newest values are above" in first.sentence
    assert first.calm == ""
    more(drifted, 200, seed=7, shift=1.0)
    tick(drifted)
    (again,) = open_alerts(drifted)
    assert (again.alert.id, again.alert.look) == (first.alert.id, 2)
    assert [e.kind for e in drifted.store.events.latest(drifted.project.id) if "drift" in e.kind] == ["drift alerted"]
    tick(drifted)
    assert len(open_alerts(drifted)) == 1


def test_a_dismissed_drift_asks_for_nothing_and_is_not_told_again_about_the_same_version(drifted):
    assert due(drifted) is True
    (seen,) = open_alerts(drifted)
    drift_alerts.dismiss(drifted, seen.alert.id, "ann", "the new sensor")
    assert due(drifted) is False
    more(drifted, 200, seed=7, shift=1.0)
    tick(drifted)
    assert open_alerts(drifted) == []
    (kept,) = drift_alerts.page(drifted)
    assert (kept.alert.answer, kept.alert.answered_by, kept.alert.note) == ("dismiss", "ann", "the new sensor")
    assert kept.calm.startswith("Dismissed 1 time: another alert of this kind takes proof at 0.1 % in place of 1 %")
    # It has grown by more than a quarter, and is clearer by far.
    more(drifted, 200, seed=8, shift=3.0)
    tick(drifted)
    assert [each.alert.id for each in open_alerts(drifted)] == [kept.alert.id + 1]
    assert due(drifted) is True


def test_undo_brings_back_what_a_dismissal_took_away(drifted):
    (seen,) = open_alerts(drifted)
    before = triggers.why(drifted.store, drifted.project, drifted.clock())
    drift_alerts.dismiss(drifted, seen.alert.id, "ann")
    drift_alerts.undo(drifted, seen.alert.id, "bob")
    assert triggers.why(drifted.store, drifted.project, drifted.clock()) == before
    assert open_alerts(drifted) == [seen]
    with pytest.raises(Refused, match="nothing to undo"):
        drift_alerts.undo(drifted, seen.alert.id, "bob")
    kinds = [event.kind for event in drifted.store.events.latest(drifted.project.id, 2)]
    assert kinds == ["drift answer taken back", "drift alert dismissed"]


def test_an_accepted_drift_puts_the_open_shifted_rows_up_for_review(drifted):
    (seen,) = open_alerts(drifted)
    accepted = drift_alerts.accept(drifted, seen.alert.id, "ann", "review")
    hand = drifted.draw_batch("ann", 3, accepted.session.id)
    place = float(seen.alert.place)
    assert all(drifted.store.items.get(draw.item_id).values[0] > place for draw in hand)
    assert len(hand) == 3
    assert accepted.session.size == len(drift_alerts.shifted(drifted, seen.alert))
    with pytest.raises(Refused, match="ann has answered this alert already"):
        drift_alerts.dismiss(drifted, seen.alert.id, "bob")
    assert due(drifted) is True  # what is accepted goes on asking for a retrain
    tick(drifted)
    assert open_alerts(drifted) == []


def test_an_accepted_drift_asks_for_a_retrain_where_there_is_something_to_learn(drifted):
    (seen,) = open_alerts(drifted)
    with pytest.raises(Refused, match="Nothing has come in"):
        drift_alerts.accept(drifted, seen.alert.id, "ann", "retrain")
    assert open_alerts(drifted) == [seen]
    answer(drifted, 1)
    accepted = drift_alerts.accept(drifted, seen.alert.id, "ann", "retrain")
    assert (accepted.job.kind, accepted.job.trigger) == ("retrain", "drift of x0 accepted")
    finish(drifted)


def test_an_alert_of_another_project_is_unknown_and_answers_cannot_be_changed(drifted):
    with pytest.raises(NotFound, match="no drift alert with id 99"):
        drift_alerts.dismiss(drifted, 99, "ann")
    (seen,) = open_alerts(drifted)
    drift_alerts.dismiss(drifted, seen.alert.id, "ann")
    for statement in (
        "delete from drift_answers",
        "update drift_answers set answer = 'accept'",
        "delete from drift_alerts",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw(drifted.store, statement)


# -- REST and command line -------------------------------------------------------------------------------------------


def test_alerts_are_listed_dismissed_taken_back_and_accepted_over_rest(drifted):
    client = TestClient(create_api(drifted.store.url), headers={"X-Feedback-User": "ana"})
    path = f"/projects/{drifted.project.id}/drift-alerts"
    (found,) = client.get(path, params={"open_only": True}).json()["items"]
    assert (found["column_name"], found["direction"], found["answer"]) == ("x0", "higher", None)
    one = f"{path}/{found['id']}"
    dismissed = client.post(f"{one}/dismiss", json={"note": "a holiday"}).json()["alert"]
    assert (dismissed["answer"], dismissed["answered_by"], dismissed["note"]) == ("dismiss", "ana", "a holiday")
    assert client.get(path, params={"open_only": True}).json() == {"items": [], "next": None}
    twice = client.post(f"{one}/accept", json={})
    assert (twice.status_code, twice.json()["detail"][:37]) == (409, "ana has answered this alert already: ")
    assert client.post(f"{one}/undo", json={}).json()["alert"]["answer"] is None
    accepted = client.post(f"{one}/accept", json={"then": "review"}).json()
    assert (accepted["alert"]["answer"], accepted["session"], accepted["job"]) == ("accept", 1, None)
    assert client.post(f"{path}/99/dismiss", json={}).status_code == 404


def test_alerts_are_listed_and_answered_on_the_command_line(drifted):
    url = drifted.store.url
    (found,) = said(url, "drift-alerts", "--open")
    assert found["column_name"] == "x0"
    number = str(found["id"])
    assert said(url, "drift-alert", number, "dismiss", "--by", "ann")["answered_by"] == "ann"
    assert said(url, "drift-alerts", "--open") == []
    assert said(url, "drift-alert", number, "undo", "--by", "ann")["answer"] is None
    assert said(url, "drift-alert", number, "accept", "--by", "ann", "--then", "review")["answer"] == "accept"
