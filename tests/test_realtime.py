"""Learning in real time: what is held is the fold of the stored order, and only the gate makes it champion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from feedback_core import realtime, triggers, worker
from feedback_core.errors import CannotTrain, Refused
from feedback_core.loop import Loop
from feedback_core.models import BUILDERS, for_task
from feedback_core.realtime import plan, standing
from feedback_core.realtime.following import key, order
from feedback_core.realtime.following import start as begin
from feedback_core.realtime.learner import can_go_on, fold
from feedback_core.reproduce import reproduce
from feedback_core.store import open_store
from feedback_core.store import realtime as store_realtime
from feedback_core.types import Decision, LiveStep, Rows, Schema
from tests.conftest import TWO_NUMBERS
from tests.test_trigger_tick import configure, tick


def decide(loop: Loop, n: int = 1, who: str = "ann", wrong: bool = True) -> list[int]:
    """n decisions on the next open items; gives the entries."""
    entries = []
    for _ in range(n):
        draw = loop.draw(who)
        item = loop.store.items.get(draw.item_id)
        other = next(label for label in loop.project.labels if label != item.predicted)
        target = other if wrong else item.predicted
        decision = Decision(item.id, who, "correct", target, version_id=item.version_id, draw_id=draw.id)
        entries.append(loop.record(decision)[0].id)
        loop.clock.now += 1
    return entries


def follow(loop: Loop, challengers: realtime.Challengers) -> int:
    return challengers.follow(loop.store, loop.project)


def bits(learner: object) -> bytes:
    """Everything the last step of a learner has fitted."""
    model = learner.pipeline().named_steps["model"]
    return b"".join(np.asarray(model.__dict__[name]).tobytes() for name in ("coef_", "intercept_", "t_"))


def held(challengers: realtime.Challengers, loop: Loop) -> object:
    return challengers._known[loop.project.id].learner


def rebuilt(loop: Loop) -> object:
    """The same from the store alone."""
    wanted = order(loop.store, loop.project)
    bodies = loop.store.items.inputs([lesson.item_id for lesson in wanted.lessons])
    return fold(begin(loop.store, loop.project, wanted), [key(lesson) for lesson in wanted.lessons], bodies)


@pytest.fixture
def live(loop: Loop) -> Loop:
    """A project whose champion can go on learning."""
    configure(loop, estimator="sgd", realtime=True)
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


@pytest.fixture
def challengers(live: Loop) -> realtime.Challengers:
    return realtime.Challengers(live.clock, timer=lambda: 0.0)


# -- rules ---------------------------------------------------------------------------------------------------------


def test_a_small_base_is_replayed_whole_and_a_large_one_through_a_seeded_reservoir():
    assert plan.reservoir(4, seed=1).tolist() == [0, 1, 2, 3]
    chosen = plan.reservoir(10_000, seed=1, size=100)
    assert (len(chosen), len(set(chosen)), chosen.tolist()) == (100, 100, sorted(chosen.tolist()))
    assert chosen.tolist() == plan.reservoir(10_000, seed=1, size=100).tolist()
    assert chosen.tolist() != plan.reservoir(10_000, seed=2, size=100).tolist()


@given(st.integers(1, 300), st.integers(0, 5), st.integers(0, 1_000))
def test_each_step_replays_three_rows_that_its_place_alone_decides(size, seed, place):
    found = plan.replayed(size, seed, place)
    assert len(found) == plan.REPLAY == 3
    assert ((found >= 0) & (found < size)).all()
    assert (found == plan.replayed(size, seed, place)).all()


def test_a_class_that_reviewers_see_too_often_counts_less():
    # Ten lessons, all 'a', with thirty base rows half of which are 'a': 25 of 40 rows are 'a', 15 are 'b'.
    assert plan.weights(["a", "b"], {"a": 0.5, "b": 0.5}, {"a": 10}).tolist() == pytest.approx(
        [0.5 / 0.625, 0.5 / 0.375]
    )
    # A class in line with the base keeps its weight, and no class counts more than threefold.
    assert plan.weights(["a"], {"a": 0.5, "b": 0.5}, {"a": 5, "b": 5}).tolist() == [1.0]
    assert plan.weights(["c"], {"a": 0.999, "c": 0.001}, {"c": 9}).tolist() == [pytest.approx(1 / 3)]


@given(st.lists(st.integers(0, 3), max_size=8), st.lists(st.integers(0, 3), max_size=8))
def test_what_two_orders_have_in_common_is_the_longest_equal_beginning(old, new):
    n = plan.common(old, new)
    assert old[:n] == new[:n]
    assert n in (len(old), len(new)) or old[n] != new[n]


@given(st.integers(1, 60), st.integers(1, 600), st.data())
def test_an_undo_learns_again_less_than_twice_what_lies_behind_it_from_few_copies(every, turns, data):
    places: list[int] = []
    for turn in range(1, turns + 1):
        places = plan.kept([*places, turn * every], every)
    n = turns * every + data.draw(st.integers(0, every - 1))
    undone = data.draw(st.integers(0, n - 1))
    begin = max((place for place in places if place <= undone), default=0)
    assert n - begin < 2 * max(n - undone, every)
    assert len(places) <= 8 + 2.5 * np.log2(turns + 1)


def test_which_models_can_go_on_learning():
    def can(name: str, **params: object) -> bool:
        return can_go_on(Schema(TWO_NUMBERS.columns), name, params)

    assert can("sgd")
    assert can("own_estimator", path="sklearn.neural_network.MLPClassifier")
    assert not any(can(name) for name in ("logistic_regression", "random_forest", "hist_gradient_boosting"))


def test_errors_before_learning_weigh_by_how_likely_an_entry_was_reported():
    def step(challenger: bool, champion: bool, q: float | None) -> LiveStep:
        return LiveStep(1, challenger, champion, q, champion, 0.0, 0.4)

    steps = [step(False, True, 1.0), step(False, False, 0.25), step(True, True, 1.0)]
    # Weights 1, 4 and 1 of 6: the challenger is wrong on the last, the champion on first and last.
    assert standing.error([s.challenger_wrong for s in steps], steps).value == pytest.approx(1 / 6)
    assert standing.error([s.champion_wrong for s in steps], steps).value == pytest.approx(2 / 6)
    found = standing.gain(steps)
    assert (found.value, found.n) == (pytest.approx(1 / 6), 3)
    assert found.low < 0 < found.high
    assert standing.path(steps)["champion"] == pytest.approx([1.0, 0.2, 1 / 3])


def test_two_that_never_differ_are_not_known_to_be_equal():
    steps = [LiveStep(n, False, False, 1.0, False, 0.0, 0.1) for n in range(50)]
    found = standing.gain(steps)
    assert (found.value, found.n) == (0.0, 50)
    assert found.low < 0 < found.high


# -- following -----------------------------------------------------------------------------------------------------


def test_each_entry_is_answered_before_it_is_learned_and_its_lag_is_kept(live, challengers):
    follow(live, challengers)
    decide(live, 3)
    live.clock.now += 0.5
    assert follow(live, challengers) == 3
    steps = live.store.realtime.steps(live.project.id)
    assert [(s.champion_wrong, s.correction, s.propensity) for s in steps] == [(True, True, 1.0)] * 3
    assert [s.learned_at - s.given_at for s in steps] == pytest.approx([3.5, 2.5, 1.5])
    state = live.store.realtime.state(live.project.id)
    assert (state.lessons, state.skipped, state.estimator, state.trouble) == (3, 0, "sgd", "")
    assert state.origin_id == live.store.versions.champion(live.project.id).id


def test_what_follows_along_is_bit_for_bit_what_the_store_rebuilds(live, challengers):
    follow(live, challengers)
    for n in (1, 3, 2):
        decide(live, n)
        follow(live, challengers)
    assert bits(held(challengers, live)) == bits(rebuilt(live))
    assert bits(held(challengers, live)) != bits(fold(held(challengers, live).origin, [], []))


def test_an_undo_a_rejection_and_a_change_of_mind_leave_no_trace(live, challengers):
    entries = decide(live, 5)
    follow(live, challengers)
    before = bits(held(challengers, live))
    extra = decide(live, 1)
    follow(live, challengers)
    live.undo(extra[0], "ann")
    follow(live, challengers)
    assert bits(held(challengers, live)) == before
    live.rule([entries[1]], "reject", "mia", "no")
    follow(live, challengers)
    assert len(held(challengers, live).keys) == 4
    item = live.store.items.get(live.store.feedback.latest(live.project.id, 50, "ann")[-1].item_id)
    live.record(Decision(item.id, "ann", "correct", item.predicted, version_id=item.version_id))
    follow(live, challengers)
    assert held(challengers, live).keys[-1][1:] == (item.id, item.predicted)
    assert bits(held(challengers, live)) == bits(rebuilt(live))
    assert [s.feedback_id for s in live.store.realtime.steps(live.project.id)] == [k[0] for k in rebuilt(live).keys]


def items_of(loop: Loop, *entries: int) -> set[int]:
    """Ids of the items that entries are about."""
    return {said.item_id for said in loop.store.feedback.latest(loop.project.id, 1_000) if said.id in entries}


def told(loop: Loop) -> list[tuple[object, ...]]:
    """All that the steps say but for their times."""
    return [
        (s.feedback_id, s.challenger_wrong, s.champion_wrong, s.propensity, s.correction)
        for s in loop.store.realtime.steps(loop.project.id)
    ]


def from_nothing(loop: Loop) -> list[tuple[object, ...]]:
    """What the steps are that a follow without any memory makes."""
    with loop.store.realtime._driver.writing() as session:
        session.execute("delete from realtime_steps")
        session.execute("delete from realtime")
    follow(loop, realtime.Challengers(loop.clock, timer=lambda: 0.0))
    return told(loop)


def test_after_a_promotion_and_a_roll_back_entries_speak_only_of_the_champion_that_was_asked(live, challengers):
    decide(live, 3)
    follow(live, challengers)
    first, version = live.store.versions.champion(live.project.id), live.retrain("test")
    decide(live, 5)
    follow(live, challengers)
    live.judge(version)
    live.promote(version, "test", "because")
    live.predict()
    follow(live, challengers)
    promoted = told(live)
    assert [propensity for _, _, _, propensity, _ in promoted] == [None] * 5
    assert realtime.view(live.store, live.project, live.clock()).champion.n == 0
    assert from_nothing(live) == promoted
    decide(live, 2)
    follow(live, challengers)
    live.rollback(live.store.versions.get(first.id), "test", "because", suspect=False)
    follow(live, challengers)
    back = told(live)
    assert [propensity for _, _, _, propensity, _ in back] == [1.0] * 8 + [None] * 2
    assert from_nothing(live) == back


def test_an_entry_on_what_nothing_was_predicted_for_is_no_correction(live, challengers):
    live.add_items(Rows([b"[0.11,0.2]"], ["new"], [None]), "test")
    live.record(Decision(live.store.items.by_key(live.project.id, "new").id, "ann", "correct", "b"))
    follow(live, challengers)
    said = live.store.feedback.latest(live.project.id, 1)[0]
    assert (said.predicted, [s.correction for s in live.store.realtime.steps(live.project.id)]) == (None, [False])


def test_an_entry_older_than_the_champion_that_stands_only_now_is_learned_too(live, challengers):
    first = decide(live, 1)[0]
    draw = live.draw("ann")
    item = live.store.items.get(draw.item_id)
    given = Decision(item.id, "ann", "correct", "a", version_id=item.version_id, draw_id=draw.id)
    before = live.record(given)[0]
    against = live.record(Decision(item.id, "bob", "correct", "b", version_id=item.version_id))[0]
    decide(live, 2)
    live.rule([first], "reject", "mia", "no")
    version = live.retrain("test")
    live.judge(version)
    live.promote(version, "test", "because")
    live.predict()
    newer = decide(live, 1)
    assert follow(live, challengers) == 1
    live.undo(against.id, "bob")  # the conflict is resolved
    assert follow(live, challengers) == 2
    assert [k[0] for k in held(challengers, live).keys] == [before.id, *newer]
    live.rule([first], "accept", "mia")
    follow(live, challengers)
    assert [k[0] for k in held(challengers, live).keys] == [first, before.id, *newer]
    assert bits(held(challengers, live)) == bits(rebuilt(live))
    assert live.store.realtime.state(live.project.id).upto == live.store.feedback.latest(live.project.id, 1)[0].id
    frozen = judged(live)
    assert reproduce(live.store, live.project, frozen).same
    assert {item.id} <= set(live.store.versions.taught(frozen.id)[0].tolist())


def test_after_a_few_entries_only_their_items_are_looked_at_and_after_an_event_all(live, challengers):
    decide(live, 6)
    follow(live, challengers)
    before = order(live.store, live.project)
    assert len(before.lessons) == 6
    entries = decide(live, 2)
    live.undo(entries[0], "ann")
    live.undo(before.lessons[1].feedback_id, "ann")
    said = items_of(live, *entries, before.lessons[1].feedback_id)
    assert live.store.realtime.news(live.project.id, {}, before.mark).items == said
    after = order(live.store, live.project, before)
    assert after == order(live.store, live.project)
    assert len(after.lessons) == 6
    live.rule([before.lessons[2].feedback_id], "reject", "mia", "no")
    assert live.store.realtime.news(live.project.id, {}, after.mark).items is None
    assert order(live.store, live.project, after) == order(live.store, live.project)


def test_a_row_of_the_champion_that_falls_and_stands_again_is_seen_by_a_look_at_its_item_alone(live):
    entries = decide(live, 5)
    version = live.retrain("ann")
    live.judge(version)
    live.promote(version, "ann", "test")
    before = order(live.store, live.project)
    (fallen,) = items_of(live, entries[0])
    label = live.store.items.get(fallen).label
    live.undo(entries[0], "ann")
    after = order(live.store, live.project, before)
    assert after.fallen == {fallen}
    assert after == order(live.store, live.project)
    decide(live, 1)
    live.record(Decision(fallen, "bob", "correct", label, version_id=live.store.items.get(fallen).version_id))
    again = order(live.store, live.project, after)
    assert again.fallen == frozenset()
    assert again == order(live.store, live.project)


def test_what_takes_long_is_left_to_the_next_look(live, monkeypatch):
    monkeypatch.setattr("feedback_core.realtime.following.MOST_AT_ONCE", 2)
    decide(live, 5)
    seconds = iter(range(100))
    slow = realtime.Challengers(live.clock, timer=lambda: float(next(seconds)))
    looks = [worker.follow_all(live.store, slow, live.clock) for _ in range(3)]
    assert looks == [1, 1, 0]
    state = live.store.realtime.state(live.project.id)
    assert (state.lessons, state.upto) == (5, live.store.feedback.latest(live.project.id, 1)[0].id)


def test_a_fallen_label_of_a_large_champion_waits_for_a_retrain_and_says_so(live, challengers, monkeypatch):
    entries = decide(live, 5)
    version = live.retrain("ann")
    live.judge(version)
    live.promote(version, "ann", "test")
    monkeypatch.setattr("feedback_core.realtime.following.MOST_REFITTED", version.n_base + 4)
    follow(live, challengers)
    live.undo(entries[0], "ann")
    with pytest.raises(CannotTrain, match="1 label that version 2 has learned no longer stands, and fitting its"):
        follow(live, challengers)
    monkeypatch.setattr("feedback_core.realtime.following.MOST_REFITTED", version.n_base + 5)
    follow(live, challengers)
    assert bits(held(challengers, live)) == bits(rebuilt(live))


def test_an_undo_far_back_starts_from_a_copy_and_not_from_the_beginning(live, challengers, monkeypatch):
    monkeypatch.setattr("feedback_core.realtime.learner.KEEP_EVERY", 4)
    entries = decide(live, 11)
    follow(live, challengers)
    first = live.store.realtime.steps(live.project.id)
    live.clock.now += 100
    live.undo(entries[9], "ann")
    assert follow(live, challengers) == 2  # the ninth, which comes after the copy of eight, and the eleventh
    assert bits(held(challengers, live)) == bits(rebuilt(live))
    now = live.store.realtime.steps(live.project.id)
    assert [s.learned_at for s in now] == [s.learned_at for s in first if s.feedback_id != entries[9]]


def test_a_new_process_holds_the_same_and_keeps_the_lags_that_were_measured(live, challengers):
    decide(live, 6)
    follow(live, challengers)
    before = live.store.realtime.steps(live.project.id)
    live.clock.now += 1_000
    again = realtime.Challengers(live.clock, timer=lambda: 0.0)
    live.store = open_store(live.store.url)
    assert follow(live, again) == 6
    assert bits(held(again, live)) == bits(held(challengers, live))
    assert live.store.realtime.steps(live.project.id) == before


def test_rows_of_the_champion_that_are_taken_back_are_not_part_of_the_start(live, challengers):
    entries = decide(live, 5)
    version = live.retrain("ann")
    live.judge(version)
    live.promote(version, "ann", "test")
    follow(live, challengers)
    assert held(challengers, live).keys == []
    whole = len(held(challengers, live).origin.ids)
    live.undo(entries[0], "ann")
    follow(live, challengers)
    assert len(held(challengers, live).origin.ids) == whole - 1
    assert bits(held(challengers, live)) == bits(rebuilt(live))


def test_holdout_and_audit_rows_are_never_learned(live, challengers):
    configure(live, audit_share=1.0)
    decide(live, 4)
    configure(live, audit_share=0.0, gold_share=1.0)
    draw = live.draw("ann")
    gold = live.store.items.get(draw.item_id)
    live.record(Decision(gold.id, "ann", "correct", gold.base_label, draw_id=draw.id))
    configure(live, gold_share=0.0)
    decide(live, 2)
    assert follow(live, challengers) == 2
    locked = set(live.store.items.locked_rows(live.project.id).ids)
    learner = held(challengers, live)
    assert len(locked) > 4
    assert not locked & ({item_id for _, item_id, _ in learner.keys} | set(learner.origin.ids))


def test_an_input_equal_to_a_locked_one_is_never_learned(live, challengers):
    locked = live.store.items.locked_rows(live.project.id)
    body = locked.inputs[0].encode()
    live.add_items(Rows([body], ["twin"], [None]), "test")
    twin = live.store.items.by_key(live.project.id, "twin")
    if twin.split == "pool":
        live.record(Decision(twin.id, "ann", "correct", "a"))
    decide(live, 1)
    follow(live, challengers)
    assert twin.id not in {item_id for _, item_id, _ in held(challengers, live).keys}


def test_a_label_the_champion_does_not_know_is_counted_and_left_to_a_retrain(live, challengers):
    live.project = live.store.projects.update(live.project, labels=("a", "b", "c"), now=live.clock(), actor="test")
    item = live.store.items.get(live.draw("ann").item_id)
    live.record(Decision(item.id, "ann", "correct", "c", version_id=item.version_id))
    decide(live, 1)
    follow(live, challengers)
    state = live.store.realtime.state(live.project.id)
    assert (state.lessons, state.skipped) == (1, 1)
    assert bits(held(challengers, live)) == bits(rebuilt(live))


def test_beside_a_champion_that_cannot_go_on_a_linear_model_learns(trained):
    configure(trained, realtime=True)
    decide(trained, 2)
    challengers = realtime.Challengers(trained.clock, timer=lambda: 0.0)
    assert follow(trained, challengers) == 2
    assert trained.store.realtime.state(trained.project.id).estimator == "sgd"
    assert "logistic regression cannot go on learning" in realtime.view(trained.store, trained.project, 0).sentence


def test_only_changes_are_looked_at_and_trouble_is_told_and_tried_again_later(live, challengers):
    def look() -> int:
        return worker.follow_all(live.store, challengers, live.clock)

    assert (look(), look()) == (1, 0)
    decide(live, 1)
    assert (look(), look()) == (1, 0)
    model = next(live.store.artifacts.rglob("model.skops"))
    body = model.read_bytes()
    model.write_bytes(b"broken")
    fresh = realtime.Challengers(live.clock, timer=lambda: 0.0)
    assert worker.follow_all(live.store, fresh, live.clock) == 1
    assert "has changed (SHA-256" in realtime.view(live.store, live.project, live.clock()).why_not
    assert worker.follow_all(live.store, fresh, live.clock) == 0
    model.write_bytes(body)
    live.clock.now += 31
    assert worker.follow_all(live.store, fresh, live.clock) == 1
    assert realtime.view(live.store, live.project, live.clock()).why_not == ""


def test_switched_off_it_is_not_followed(live, challengers):
    configure(live, realtime=False)
    assert worker.follow_all(live.store, challengers, live.clock) == 0
    assert realtime.view(live.store, live.project, live.clock()).why_not == "It is switched off."


# -- judging -------------------------------------------------------------------------------------------------------


def judged(loop: Loop) -> object:
    job = realtime.request(loop.store, loop.project, "ann", loop.clock())
    done = worker.run_next(loop.store, "w", loop.clock, only=job.id)
    assert done.state == "done", done.error
    return loop.store.versions.numbered(loop.project.id, done.result["version"])


def test_a_frozen_one_is_a_candidate_with_lineage_a_report_and_one_look(live, challengers):
    decide(live, 6)
    follow(live, challengers)
    version = judged(live)
    assert (version.status, version.estimator, version.streamed, version.n_feedback) == ("candidate", "sgd", 6, 6)
    assert version.parent_id == live.store.versions.champion(live.project.id).id
    assert set(live.store.versions.taught(version.id)[0]) == set(live.store.items.training_rows(live.project.id).ids)
    report = live.store.versions.report_on(version.id)
    assert (report.numbers["looks"], report.decision) == (1, None)
    frozen = live.model(version).named_steps["model"]
    assert (frozen.coef_ == held(challengers, live).pipeline().named_steps["model"].coef_).all()
    with pytest.raises(Refused, match=f"Version {version.number} is this challenger"):
        realtime.request(live.store, live.project, "ann", live.clock())


def test_only_the_lessons_of_versions_that_may_be_the_same_are_read(live, monkeypatch):
    decide(live, 2)
    judged(live)
    decide(live, 1)
    same, read = judged(live), []
    taught = live.store.realtime.taught
    monkeypatch.setattr(live.store.realtime, "taught", lambda version: read.append(version) or taught(version))
    with pytest.raises(Refused, match="Version 3 is this challenger"):
        realtime.request(live.store, live.project, "ann", live.clock())
    decide(live, 1)
    realtime.request(live.store, live.project, "ann", live.clock())
    assert read == [same.id]


def test_a_frozen_one_is_rebuilt_bit_for_bit_from_the_stored_order(live):
    entries = decide(live, 6)
    version = judged(live)
    live.undo(entries[2], "ann")
    decide(live, 2)
    assert reproduce(live.store, live.project, version).same


def test_a_frozen_one_is_rebuilt_when_rows_of_its_start_had_fallen(live):
    entries = decide(live, 4)
    champion = live.retrain("ann")
    live.judge(champion)
    live.promote(champion, "ann", "test")
    live.predict()
    live.undo(entries[0], "ann")
    decide(live, 3)
    assert reproduce(live.store, live.project, judged(live)).same


def test_a_job_taken_up_again_gives_the_version_it_stored(live):
    decide(live, 2)
    job = realtime.request(live.store, live.project, "ann", live.clock())
    given = (live.store, live.project, "ann", job.id, live.clock(), lambda *_: None)
    first = realtime.new_version(*given)
    decide(live, 1)
    assert realtime.new_version(*given).id == first.id


def test_after_so_many_corrections_it_is_judged_by_itself_once(live, challengers):
    configure(live, realtime_every=4)
    decide(live, 2, wrong=False)
    decide(live, 3)

    def asked() -> list[str]:
        worker.follow_all(live.store, challengers, live.clock)
        return [j.trigger for j in live.store.jobs.latest(live.project.id) if j.kind == "real time"]

    assert asked() == []
    decide(live, 1)
    assert asked() == asked() == ["4 corrections learned in real time"]
    worker.run_next(live.store, "w", live.clock)
    assert live.store.versions.all(live.project.id)[-1].created_by == "trigger"
    decide(live, 3)
    assert len(asked()) == 1
    decide(live, 1)
    assert len(asked()) == 2


def test_what_could_not_ask_for_a_verdict_asks_again_later(live, challengers, monkeypatch):
    configure(live, realtime_every=3)
    decide(live, 3)
    with monkeypatch.context() as broken:
        broken.setattr(store_realtime, "ask", lambda *_, **__: 1 / 0)
        assert worker.follow_all(live.store, challengers, live.clock) == 1
    assert "ZeroDivisionError" in live.store.realtime.state(live.project.id).trouble
    assert worker.follow_all(live.store, challengers, live.clock) == 0
    live.clock.now += 31
    assert worker.follow_all(live.store, challengers, live.clock) == 1
    assert [job.kind for job in live.store.jobs.live(live.project.id)].count("real time") == 1
    assert live.store.realtime.state(live.project.id).trouble == ""
    live.clock.now += 31
    assert worker.follow_all(live.store, challengers, live.clock) == 0


def test_a_waiting_job_that_a_person_asks_for_too_is_hers_and_hers_stays_hers(live, challengers):
    configure(live, realtime_every=3, automatic=True)
    decide(live, 3)
    follow(live, challengers)
    job = live.store.realtime.ask_when_due(live.project.id, 3, live.clock())
    assert (job.requested_by, job.trigger) == ("trigger", "3 corrections learned in real time")
    hers = realtime.request(live.store, live.project, "ann", live.clock())
    assert (hers.id, hers.requested_by, hers.trigger) == (job.id, "ann", "manual")
    assert live.store.jobs.get(job.id) == hers
    assert realtime.request(live.store, live.project, "bob", live.clock()) == hers
    decide(live, 3)
    follow(live, challengers)
    assert live.store.realtime.ask_when_due(live.project.id, 3, live.clock()) == hers
    worker.run_next(live.store, "w", live.clock, only=job.id)
    assert live.store.versions.all(live.project.id)[-1].created_by == "ann"


def test_nothing_learned_is_nothing_to_judge(live):
    with pytest.raises(Refused, match="Nothing has been learned since version 1"):
        realtime.request(live.store, live.project, "ann", live.clock())
    configure(live, realtime=False)
    with pytest.raises(Refused, match="switch it on"):
        realtime.request(live.store, live.project, "ann", live.clock())


def test_a_judged_challenger_takes_nothing_from_the_next_retrain_unless_it_becomes_champion(live):
    configure(live, automatic=True, corrections_rule="fixed", retrain_threshold=6, cool_down_s=3_600.0, quiet_s=0.0)
    live.clock.now += 3_600
    decide(live, 3)
    refused = judged(live)
    live.refuse(refused, "ann")
    decide(live, 2)
    open_still = judged(live)
    assert live.store.feedback.pending(live.project.id) == {"correct": 5}
    said = {one.name: one.sentence for one in triggers.why(live.store, live.project, live.clock()).conditions}
    assert said["corrections"].startswith("5 of 6 corrections")
    assert tick(live) is None
    live.promote(open_still, "ann", "it is what the test asks for")
    assert live.store.feedback.pending(live.project.id) == {}
    decide(live, 5)
    judged(live)
    assert live.store.feedback.pending(live.project.id) == {"correct": 5}
    live.clock.now += 3_600
    assert tick(live) is None
    decide(live, 1)
    assert tick(live).trigger == "6 corrections"


def test_a_judged_challenger_starts_no_cool_down(live):
    configure(live, automatic=True, corrections_rule="fixed", retrain_threshold=6, cool_down_s=3_600.0, quiet_s=0.0)
    live.clock.now += 3_600
    decide(live, 6)
    judged(live)
    assert tick(live).trigger == "6 corrections"


def test_what_waits_for_a_retrain_is_counted_anew_in_a_database_of_before(live, url):
    decide(live, 3)
    judged(live)
    db = Database(url.removeprefix("sqlite:///"))
    db.execute("delete from tallies where kind = 'pending'")
    db.execute("delete from _sqlite_migrations where name = '0021_retrain_counts'")
    db.conn.commit()
    assert open_store(url).feedback.pending(live.project.id) == {"correct": 3}


def test_a_retrain_after_a_judged_challenger_is_not_refused_as_a_repetition(live):
    decide(live, 2)
    judged(live)
    assert live.request_retrain("ann").kind == "retrain"


def test_many_entries_at_once_are_stored_in_order_and_learned_to_the_last(live, challengers, monkeypatch):
    monkeypatch.setattr("feedback_core.realtime.following.MOST_AT_ONCE", 3)
    decide(live, 8)
    assert follow(live, challengers) == 8
    state = live.store.realtime.state(live.project.id)
    assert (state.lessons, state.upto) == (8, live.store.feedback.latest(live.project.id, 1)[0].id)
    assert bits(held(challengers, live)) == bits(rebuilt(live))


def test_every_builder_says_whether_it_can_go_on():
    for name in for_task("classification", TWO_NUMBERS):
        if name != "own_estimator":
            model = BUILDERS[name](TWO_NUMBERS, 0, {}).named_steps["model"]
            assert can_go_on(TWO_NUMBERS, name, {}) == hasattr(model, "partial_fit"), name
    assert can_go_on(TWO_NUMBERS, "sgd", {})
    assert not can_go_on(TWO_NUMBERS, "hist_gradient_boosting", {})
