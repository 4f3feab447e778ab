"""The worker's tick: it fires once, counts every entry once, and loses nothing when it is broken off."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from feedback_core import intake, triggers, worker
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.store import triggers as trigger_store
from feedback_core.triggers import gather, looking, regret
from feedback_core.triggers.lessons import without
from feedback_core.types import Decision, Job, Rows, TrainingRows
from tests.conftest import TWO_NUMBERS, make_loop, rows

QUICK = {"quiet_s": 0.0, "cool_down_s": 0.0}


def configure(loop: Loop, **changes: object) -> None:
    """Change settings of the project, as the page does."""
    settings = replace(loop.project.settings, **changes)
    loop.project = loop.store.projects.update(loop.project, settings=settings, now=loop.clock(), actor="test")


def tick(loop: Loop, shadows: triggers.Shadows | None = None) -> Job | None:
    return triggers.tick(loop.store, loop.project, loop.clock(), shadows or triggers.Shadows())


def answer(loop: Loop, n: int, wrong: bool = True, who: str = "ann") -> None:
    """n decisions on drawn cards: corrections when `wrong`, else confirmations."""
    for _ in range(n):
        draw = loop.draw(who)
        item = loop.store.items.get(draw.item_id)
        other = next(label for label in loop.project.labels if label != item.predicted)
        target = other if wrong else item.predicted
        loop.record(Decision(item.id, who, "correct", target, version_id=item.version_id, draw_id=draw.id))


def finish(loop: Loop) -> None:
    """Do the retrain that waits, as the worker would, on the loop's clock."""
    job = loop.store.jobs.claim("w", loop.clock(), 20)
    loop.judge(loop.retrain(job.requested_by, job.id))
    loop.store.jobs.finish(job.id, "w", {}, loop.clock())


def retrains(loop: Loop) -> list[Job]:
    return [job for job in loop.store.jobs.latest(loop.project.id) if job.kind == "retrain"]


def kinds(loop: Loop) -> list[str]:
    return [event.kind for event in reversed(loop.store.events.latest(loop.project.id))]


def test_by_default_nothing_starts_by_itself_and_the_page_still_says_that_it_is_due(trained):
    answer(trained, 5)
    trained.clock.now += 4_000
    assert tick(trained) is None
    assert retrains(trained) == []
    assert trained.store.triggers.state(trained.project.id) is None
    said = triggers.why(trained.store, trained.project, trained.clock())
    assert (said.due, said.free, said.fires) == (True, True, False)
    assert said.answer.startswith("Due (5 of 5 corrections), and nothing holds it back: start it")


def test_a_number_of_corrections_starts_one_retrain_that_names_them(trained):
    configure(trained, automatic=True, **QUICK)
    answer(trained, 4)
    assert tick(trained) is None
    answer(trained, 1)
    job = tick(trained)
    assert (job.kind, job.trigger, job.requested_by, job.state) == ("retrain", "5 corrections", "trigger", "waiting")
    assert tick(trained) is None
    event = trained.store.events.latest(trained.project.id, 1)[0]
    assert (event.kind, event.details["cause"], event.details["job"]) == ("retrain triggered", "5 corrections", job.id)
    assert event.details["conditions"]["corrections"] == "5 of 5 corrections"
    finish(trained)
    assert tick(trained) is None
    assert [job.state for job in retrains(trained)] == ["done"]
    answer(trained, 5)
    assert tick(trained).trigger == "5 corrections"


def test_quiet_time_and_cool_down_hold_it_back_until_they_are_over(trained):
    configure(trained, automatic=True)
    trained.clock.now += 3_600
    answer(trained, 5)
    trained.clock.now += 119
    assert tick(trained) is None
    trained.clock.now += 1
    assert tick(trained) is not None
    finish(trained)
    answer(trained, 5)
    trained.clock.now += 3_599
    assert tick(trained) is None
    said = triggers.why(trained.store, trained.project, trained.clock())
    assert "at most one every hour, 1 second to go" in said.answer
    trained.clock.now += 1
    assert tick(trained) is not None


def test_a_manual_retrain_starts_the_cool_down_too(trained):
    configure(trained, automatic=True, quiet_s=0.0)
    trained.clock.now += 4_000
    answer(trained, 5)
    trained.request_retrain("ann")
    finish(trained)
    answer(trained, 5)
    trained.clock.now += 100
    assert tick(trained) is None


def test_a_retrain_that_failed_is_not_repeated_at_once(trained):
    configure(trained, automatic=True, **QUICK)
    answer(trained, 5)
    job = tick(trained)
    trained.store.jobs.claim("w", trained.clock(), 20)
    trained.store.jobs.fail(job.id, "w", "no memory", trained.clock())
    trained.clock.now += 599
    assert tick(trained) is None
    trained.clock.now += 1
    assert tick(trained) is not None


def test_a_crash_in_the_middle_of_firing_leaves_neither_half(trained, monkeypatch):
    configure(trained, automatic=True, **QUICK)
    answer(trained, 5)

    def die(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(trigger_store.events, "log", die)
        with pytest.raises(KeyboardInterrupt):
            tick(trained)
    assert retrains(trained) == []
    assert trained.store.triggers.state(trained.project.id).fired_at is None
    assert tick(trained) is not None
    assert len(retrains(trained)) == 1


def test_eight_workers_that_tick_at_once_start_one_retrain_and_count_each_entry_once(trained, url):
    configure(trained, automatic=True, corrections_rule="auto", retrain_cost=1.0, **QUICK)
    answer(trained, 20, wrong=False)
    answer(trained, 12)
    start, problems = threading.Barrier(8), []

    def work():
        try:
            store, shadows = open_store(url), triggers.Shadows()
            project = store.projects.get(trained.project.id)
            start.wait()
            for _ in range(4):
                triggers.tick(store, project, trained.clock(), shadows)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(retrains(trained)) <= 1
    counted = [row.feedback_id for row in trained.store.triggers.regret(trained.project.id)]
    assert counted == sorted(set(counted))
    assert len(counted) == 32


def test_a_stale_worker_cannot_fire_again_what_has_fired_and_is_over(trained):
    configure(trained, automatic=True, **QUICK)
    answer(trained, 5)
    tick(trained)
    stale = replace(trained.store.triggers.state(trained.project.id), fired_at=None)
    finish(trained)
    assert trained.store.triggers.fire(stale, "5 corrections", {}, trained.clock()) is None
    assert len(retrains(trained)) == 1


def test_a_retrain_that_somebody_asked_for_a_moment_before_is_not_asked_for_again(trained):
    configure(trained, automatic=True, **QUICK)
    assert tick(trained) is None
    answer(trained, 5)
    trained.request_retrain("ann")
    state = trained.store.triggers.state(trained.project.id)
    assert trained.store.triggers.fire(state, "5 corrections", {}, trained.clock()) is None
    assert trained.store.triggers.state(trained.project.id).fired_at is None
    assert [job.requested_by for job in retrains(trained)] == ["ann"]


# -- auto ------------------------------------------------------------------------------------------------------------


def auto(loop: Loop, **changes: object) -> None:
    configure(loop, corrections_rule="auto", **QUICK | changes)


def test_each_entry_is_answered_by_a_shadow_that_has_not_seen_it_and_summed_up_by_hand(trained):
    auto(trained)
    shadows = triggers.Shadows()
    answer(trained, 6, wrong=False)
    answer(trained, 6)
    tick(trained, shadows)
    entries = {entry.id: entry for entry in trained.store.feedback.latest(trained.project.id, 50)}
    kept = trained.store.triggers.regret(trained.project.id)
    assert [row.feedback_id for row in kept] == sorted(entries)
    # A shadow that had learned the false labels of its questions would answer them as falsely; fitted on base rows
    # alone it says what is usual, and is as wrong about them as the champion.
    model = trained.model(trained.store.versions.champion(trained.project.id))
    items = trained.store.items.many([entries[row.feedback_id].item_id for row in kept])
    frame = intake.decode([intake.encode_one(item.values, TWO_NUMBERS) for item in items], TWO_NUMBERS)
    alike = [str(label) for label in model.predict(frame)]
    assert [row.shadow_wrong for row in kept] == [
        said != entries[row.feedback_id].target for said, row in zip(alike, kept, strict=True)
    ]
    total = 0.0
    for row in kept:
        assert row.champion_wrong is (entries[row.feedback_id].verdict == "correct")
        total = regret.step(total, row.champion_wrong, row.shadow_wrong, row.propensity)
        assert row.total == total
    state = trained.store.triggers.state(trained.project.id)
    assert (state.regret, state.entries, state.upto) == (total, 12, kept[-1].feedback_id)
    tick(trained, shadows)
    tick(trained)
    assert trained.store.triggers.regret(trained.project.id) == kept


def test_a_shadow_that_remembers_every_row_is_still_wrong_about_what_it_is_asked_for_the_first_time(trained):
    auto(trained, estimator="random_forest", params={"n_estimators": 25, "bootstrap": False}, weights={"random": 1.0})
    trained.predict()
    answer(trained, 12)
    tick(trained)
    kept = trained.store.triggers.regret(trained.project.id)
    # The labels are false; a forest without bootstrap that had learned them would repeat each of the twelve.
    assert sum(row.shadow_wrong for row in kept) >= 9
    assert all(row.champion_wrong for row in kept)


def test_the_shadow_learns_what_the_champion_has_not_and_the_regret_grows_until_it_fires(store, clock):
    """The world turns round after the first version: what was 'a' is 'b' now, and only the shadow is told."""
    loop = make_loop(
        store, clock, automatic=True, corrections_rule="auto", retrain_cost=8.0, least_corrections=10, **QUICK
    )
    loop.add_items(rows(40)[0], "test")
    loop.add_items(rows(300, seed=1, labelled=False)[0], "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    shadows, totals = triggers.Shadows(), []
    for _ in range(30):
        answer(loop, 5)
        job = tick(loop, shadows)
        if job is not None:
            break
        totals.append(store.triggers.state(loop.project.id).regret)
    assert job is not None
    assert job.trigger.endswith("avoidable errors")
    assert totals[:5] == [0.0] * 5 or max(totals[:5]) < totals[-1]
    assert store.triggers.state(loop.project.id).regret == 0
    last = store.events.latest(loop.project.id, 1)[0]
    assert last.details["regret"] >= 8 == last.details["cost"]


def test_an_entry_that_nobody_asked_for_or_was_taken_back_counts_for_no_regret(trained):
    auto(trained)
    item = trained.store.items.first_ids(trained.project.id, 2)
    for item_id in item:
        shown = trained.store.items.get(item_id)
        trained.record(Decision(item_id, "ann", "confirm", version_id=shown.version_id))
    answer(trained, 3)
    undone = trained.store.feedback.latest(trained.project.id, 1)[0]
    trained.undo(undone.id, "ann")
    tick(trained)
    kept = [row.feedback_id for row in trained.store.triggers.regret(trained.project.id)]
    assert len(kept) == 2
    assert undone.id not in kept
    assert trained.store.triggers.state(trained.project.id).upto == undone.id + 1


def test_a_second_reviewer_of_an_item_is_no_test_of_a_shadow_that_may_have_learned_from_the_first(trained):
    auto(trained)
    answer(trained, 1)
    first = trained.store.feedback.latest(trained.project.id, 1)[0]
    draw = trained.draw_item("bob", first.item_id)
    shown = trained.store.items.get(first.item_id)
    trained.record(Decision(first.item_id, "bob", "confirm", version_id=shown.version_id, draw_id=draw.id))
    tick(trained)
    assert [row.feedback_id for row in trained.store.triggers.regret(trained.project.id)] == [first.id]


def test_the_shadow_is_fitted_again_after_twenty_five_entries_and_once_a_tick_at_most(trained, monkeypatch):
    auto(trained)
    fits = []
    fitted = triggers.shadow._fitted
    monkeypatch.setattr(triggers.shadow, "_fitted", lambda *given: fits.append(1) or fitted(*given))
    answer(trained, 60, wrong=False)
    shadows = triggers.Shadows()
    for looked, made in ((25, 1), (50, 2), (60, 3), (60, 3)):
        tick(trained, shadows)
        assert (len(trained.store.triggers.regret(trained.project.id)), len(fits)) == (looked, made)


def test_what_the_shadow_is_asked_about_is_left_out_of_its_lessons_and_base_rows_stay():
    known = TrainingRows((1, 2, 3), ("[1]", "[2]", "[3]"), ("a", "b", "a"), (False, True, True), 9)
    left = without(known, frozenset({1, 3}))
    assert (left.ids, left.labels, left.from_feedback) == ((1, 2), ("a", "b"), (False, True))


def test_a_new_champion_begins_the_regret_anew_and_the_old_sums_are_logged(trained):
    auto(trained)
    answer(trained, 6)
    tick(trained)
    version = trained.retrain("ann")
    trained.judge(version)
    answer(trained, 2)
    tick(trained)
    restarted = [event for event in trained.store.events.latest(trained.project.id) if event.kind == "regret restarted"]
    assert [event.details["entries"] for event in restarted] == [6]
    assert trained.store.triggers.state(trained.project.id).entries == 2


def test_each_change_of_the_threshold_is_logged_with_its_sums_and_reasons(trained):
    auto(trained)
    tick(trained)
    answer(trained, 3, wrong=False)
    tick(trained)
    configure(trained, retrain_cost=33.0)
    tick(trained)
    tick(trained)
    changed = [
        event.details for event in trained.store.events.latest(trained.project.id) if event.kind == "threshold changed"
    ]
    assert [(event["from"], event["to"], event["entries"], event["priced"]) for event in changed] == [
        (20, 33, 3, True),
        (0, 20, 0, False),
    ]
    assert changed[1]["retrain_s"] is None


def test_the_cost_is_proposed_from_measured_seconds(trained):
    job = (
        trained.request_retrain("ann")
        if trained.due().entries
        else trained.store.jobs.request(trained.project.id, "retrain", trigger="manual", by="ann", now=trained.clock())
    )
    trained.store.jobs.claim("w", trained.clock(), 20)
    trained.store.jobs.finish(job.id, "w", {}, trained.clock() + 40)
    for n in range(3):
        draw = trained.draw("ann")
        item = trained.store.items.get(draw.item_id)
        other = next(label for label in trained.project.labels if label != item.predicted)
        trained.record(
            Decision(item.id, "ann", "correct", other, version_id=item.version_id, draw_id=draw.id, seconds=4.0 + n)
        )
    assert gather.cost(trained.store, trained.project, trained.store.triggers.retrains(trained.project.id)) == (
        20,
        {"priced": False, "retrain_s": 40, "correction_s": 5.0},
    )


def test_a_recipe_that_is_too_dear_falls_back_to_corrections_and_says_so(trained):
    auto(trained, retrain_cost=4.0, least_corrections=1)
    tick(trained)
    answer(trained, 3)
    tick(trained)
    state = trained.store.triggers.state(trained.project.id)
    assert trained.store.triggers.add_regret(state, [], upto=state.upto, shadow_s=7.0, now=trained.clock()) is True
    said = triggers.why(trained.store, trained.project, trained.clock())
    assert said.conditions[0].sentence == (
        "3 of 12 corrections, by the square-root rule: fitting a shadow took 7 seconds here, at most 5 are spent on it"
    )
    answer(trained, 1)
    tick(trained)
    assert trained.store.triggers.state(trained.project.id).upto == state.upto
    configure(trained, params={"C": 0.5})
    tick(trained)
    assert trained.store.triggers.state(trained.project.id).upto == state.upto + 1


# -- schedule and drift ----------------------------------------------------------------------------------------------


def test_a_schedule_fires_at_its_time_when_something_is_new_and_is_passed_over_when_not(trained):
    # The clock starts on 14 Nov 2023, 22:13:20 UTC.
    configure(trained, automatic=True, corrections_rule="off", schedule="0 3 * * *", **QUICK)
    tick(trained)
    trained.clock.now += 6 * 3_600
    assert tick(trained) is None
    answer(trained, 1)
    assert tick(trained) is None
    trained.clock.now += 23 * 3_600
    assert tick(trained).trigger == "schedule 0 3 * * *"
    finish(trained)
    answer(trained, 1)
    trained.clock.now += 60
    assert tick(trained) is None


def test_switching_a_schedule_on_does_not_make_up_for_times_before_it(trained):
    answer(trained, 1)
    trained.clock.now += 10 * 86_400
    configure(trained, automatic=True, corrections_rule="off", schedule="0 3 * * *", **QUICK)
    assert tick(trained) is None
    assert triggers.why(trained.store, trained.project, trained.clock()).due is False


def more(loop: Loop, n: int, seed: int, shift: float = 0.0) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2)) + [shift, 0]
    inputs = [intake.encode_one(point.round(4).tolist(), TWO_NUMBERS) for point in points]
    loop.clock.now += 1
    loop.add_items(Rows(inputs, [None] * n, [None] * n), "test")
    loop.predict()


def test_inputs_that_moved_start_a_retrain_once_two_hundred_have_come_in(trained):
    configure(trained, automatic=True, corrections_rule="off", on_input_drift=True, **QUICK)
    answer(trained, 1)
    more(trained, 150, seed=5, shift=1.0)
    assert tick(trained) is None
    assert trained.store.triggers.state(trained.project.id).drift["seen"] == 150
    more(trained, 50, seed=6, shift=1.0)
    assert tick(trained).trigger == "input drift in x0"
    finish(trained)
    # The version that answered it has seen these rows: the same inputs are no news to it.
    trained.promote(trained.store.versions.all(trained.project.id)[-1], "ann", "test")
    more(trained, 200, seed=7, shift=1.0)
    answer(trained, 1)
    assert tick(trained) is None
    assert trained.store.triggers.state(trained.project.id).drift["look"] == 1


def test_inputs_that_did_not_move_start_nothing_in_five_looks(trained):
    configure(trained, automatic=True, corrections_rule="off", on_input_drift=True, **QUICK)
    answer(trained, 1)
    for n in range(5):
        more(trained, 200, seed=20 + n)
        assert tick(trained) is None
    drift = trained.store.triggers.state(trained.project.id).drift
    assert (drift["seen"], drift["look"]) == (1_000, 5)
    said = triggers.why(trained.store, trained.project, trained.clock()).conditions[0]
    assert "no column moved" in said.sentence


def test_the_newest_item_of_a_time_is_found_by_halving(trained):
    before = trained.clock()
    more(trained, 30, seed=5)
    newest = trained.store.items.open_ids(trained.project.id)[-1]
    assert trained.store.triggers.item_at(trained.clock()) == newest
    assert trained.store.triggers.item_at(before) == newest - 30
    assert trained.store.triggers.item_at(before - 1e9) == 0


def test_columns_that_can_be_compared_are_numbers_and_categories():
    assert looking.columns(["[1.5,2.0]", "[null,3.0]"], TWO_NUMBERS) == {"x0": [1.5, None], "x1": [2.0, 3.0]}


def test_errors_that_rise_on_the_audit_sample_start_a_retrain(store, clock):
    loop = make_loop(
        store, clock, automatic=True, corrections_rule="off", on_error_drift=True, audit_share=1.0, **QUICK
    )
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(300, seed=1, labelled=False)[0], "test")
    for round_ in range(2):
        version = loop.retrain("test")
        loop.judge(version)
        loop.promote(version, "test", "test")
        loop.predict()
        if round_ == 0:
            clock.now += 10
            answer(loop, 40, wrong=False)
    clock.now += 10
    answer(loop, 24)
    assert tick(loop) is None
    answer(loop, 1)
    # Audit rows are never learned from: something else has to be new before a retrain can help.
    said = triggers.why(store, loop.project, clock())
    assert said.due is True
    assert said.cause == "error rate on the audit sample"
    assert "100% (87 to 100, n = 25) now, 0% (0 to 9, n = 40) at the promotion" in said.conditions[0].sentence


# -- the worker ------------------------------------------------------------------------------------------------------


def test_trouble_with_one_project_is_noted_there_and_holds_up_no_other(trained, monkeypatch, caplog):
    configure(trained, automatic=True, **QUICK)
    answer(trained, 5)
    other = trained.store.projects.create(
        "elsewhere", TWO_NUMBERS, ("a", "b"), trained.project.settings, salt=1, now=trained.clock(), actor="test"
    )
    real = triggers.tick

    def broken(store, project, now, shadows):
        if project.id == other.id or not healed:
            real(store, replace(project, settings=replace(project.settings, automatic=True)), now, shadows)
            raise ZeroDivisionError("by nothing")
        return real(store, project, now, shadows)

    healed = [1]
    monkeypatch.setattr(triggers, "tick", broken)
    worker.tick_all(trained.store, trained.clock(), triggers.Shadows())
    assert len(retrains(trained)) == 1
    assert trained.store.triggers.state(other.id).trouble == "ZeroDivisionError: by nothing"
    assert "by nothing" in triggers.why(trained.store, other, trained.clock()).answer
    assert f"triggers of project {other.id}" in caplog.text
    monkeypatch.setattr(triggers, "tick", real)
    worker.tick_all(trained.store, trained.clock(), triggers.Shadows())
    assert trained.store.triggers.state(other.id).trouble == ""
