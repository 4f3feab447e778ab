"""What follows the verdict on a version that nobody asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedback_core import triggers, unattended, worker
from feedback_core.errors import Refused
from feedback_core.loop import Loop
from feedback_core.settings import Settings
from feedback_core.types import GateReport, Job, Version
from tests.test_trigger_tick import QUICK, answer, configure, tick


def judge_as(loop: Loop, version: Version, action: str, finding: str = "not measurably different") -> GateReport:
    """A stored report with another advice, so that each branch is met; everything else is real."""
    report = loop.judge(version)
    fields = {
        "challenger_id": version.id,
        "champion_id": report.champion_id,
        "finding": finding,
        "action": action,
        "reasons": ("as the test says",),
        "numbers": dict(report.numbers),
        "policy": loop.store.projects.get(loop.project.id).settings.policy,
        "created_at": loop.clock(),
    }
    return loop.store.versions.add_report(loop.project, fields)


def fired(loop: Loop) -> tuple[Job, Version]:
    """A retrain that a trigger has started, trained and not judged yet."""
    answer(loop, 5)
    job = tick(loop)
    assert loop.store.jobs.claim("w", loop.clock(), 20).id == job.id
    return job, loop.retrain(job.requested_by, job.id)


def go_on(loop: Loop, job: Job) -> dict[str, object]:
    """What the worker does with the job, from whatever is stored already."""
    return worker.retrain(loop, job, lambda _share, _message: None)


def close(loop: Loop, job: Job) -> None:
    loop.store.jobs.finish(job.id, "w", {}, loop.clock())


@pytest.fixture
def automatic(trained: Loop) -> Loop:
    configure(trained, automatic=True, **QUICK)
    return trained


@pytest.mark.parametrize(
    ("action", "under", "policy", "expected"),
    [
        ("promote", "balanced", "balanced", "promote"),
        ("promote", "strict", "strict", "promote"),
        ("refuse", "strict", "strict", "refuse"),
        ("hold", "balanced", "balanced", "wait"),
        ("promote", "balanced", "strict", "wait"),
        ("refuse", "manual", "manual", "wait"),
        ("promote", "balanced", "manual", "wait"),
    ],
)
def test_only_what_the_present_policy_advises_is_done(action, under, policy, expected):
    assert unattended.step(action, under, policy) == expected


@pytest.mark.parametrize("policy", ["strict", "balanced"])
def test_what_the_gate_advises_becomes_champion_with_cause_and_verdict_as_reason(automatic, policy):
    configure(automatic, policy=policy)
    job, version = fired(automatic)
    judge_as(automatic, version, "promote", "better")
    assert go_on(automatic, job) == {"version": 2, "finding": "better", "action": "promote"}
    report = automatic.store.versions.report_on(version.id)
    assert (report.decision, report.decided_by) == ("promote", "gate")
    assert report.decision_reason == "started by 5 corrections; the verdict was better"
    assert automatic.store.versions.champion(automatic.project.id).id == version.id
    assert "predict" in [each.kind for each in automatic.store.jobs.live(automatic.project.id)]


def test_what_the_gate_advises_against_is_refused(automatic):
    job, version = fired(automatic)
    judge_as(automatic, version, "refuse", "worse")
    go_on(automatic, job)
    assert automatic.store.versions.get(version.id).status == "refused"
    assert automatic.store.versions.report_on(version.id).decision_reason.endswith("the verdict was worse")
    assert automatic.store.versions.champion(automatic.project.id).number == 1


def test_an_open_verdict_waits_until_a_newer_candidate_takes_its_place(automatic):
    job, older = fired(automatic)
    judge_as(automatic, older, "hold")
    go_on(automatic, job)
    assert automatic.store.versions.get(older.id).status == "candidate"
    close(automatic, job)
    job, newer = fired(automatic)
    judge_as(automatic, newer, "hold")
    go_on(automatic, job)
    states = {v.number: v.status for v in automatic.store.versions.all(automatic.project.id)}
    assert states == {1: "champion", 2: "refused", 3: "candidate"}
    assert automatic.store.versions.report_on(older.id).decision_reason == "a newer candidate was trained"
    assert automatic.store.versions.report_on(newer.id).decision is None


def test_a_candidate_that_a_person_asked_for_is_never_decided_or_closed(automatic):
    answer(automatic, 1)
    own = automatic.retrain("ann")
    judge_as(automatic, own, "promote", "better")
    assert unattended.settle(automatic, own, automatic.store.versions.report_on(own.id)).status == "candidate"
    job, version = fired(automatic)
    judge_as(automatic, version, "refuse", "worse")
    go_on(automatic, job)
    assert automatic.store.versions.get(own.id).status == "candidate"


@pytest.mark.parametrize("changes", [{"policy": "manual"}, {"act_on_verdict": False}])
@pytest.mark.parametrize("action", ["promote", "refuse", "hold"])
def test_under_the_policy_manual_or_switched_off_everything_waits_for_a_person(automatic, changes, action):
    job, older = fired(automatic)
    judge_as(automatic, older, "hold")
    close(automatic, job)
    configure(automatic, **changes)
    job, version = fired(automatic)
    judge_as(automatic, version, action)
    go_on(automatic, job)
    states = [v.status for v in automatic.store.versions.all(automatic.project.id)]
    assert states == ["champion", "candidate", "candidate"]


def test_a_job_taken_up_again_after_a_kill_decides_once(automatic):
    job, version = fired(automatic)
    judge_as(automatic, version, "promote", "better")
    first = go_on(automatic, job)  # killed before the job is closed
    events = len(automatic.store.events.latest(automatic.project.id))
    assert go_on(automatic, job) == first
    assert len(automatic.store.events.latest(automatic.project.id)) == events
    assert [v.status for v in automatic.store.versions.all(automatic.project.id)] == ["retired", "champion"]


def test_a_verdict_whose_worker_was_killed_before_it_acted_is_carried_out_at_the_next_tick(automatic):
    job, version = fired(automatic)
    judge_as(automatic, version, "promote", "better")
    unattended.settle_left_open(automatic)
    assert automatic.store.versions.get(version.id).status == "candidate"  # its job is at it
    close(automatic, job)
    worker.tick_all(automatic.store, automatic.clock(), triggers.Shadows())
    report = automatic.store.versions.report_on(version.id)
    assert (report.decision, report.decision_reason) == (
        "promote",
        "started by 5 corrections; the verdict was better",
    )
    assert unattended.settle_left_open(automatic) is None


def test_a_second_look_whose_worker_was_killed_is_carried_out_too(automatic):
    job, version = fired(automatic)
    judge_as(automatic, version, "hold")
    go_on(automatic, job)
    close(automatic, job)
    assert unattended.settle_left_open(automatic) is None
    judge_as(automatic, version, "refuse", "worse")
    assert unattended.settle_left_open(automatic).status == "refused"


@pytest.mark.parametrize("changes", [{"policy": "manual"}, {"policy": "strict"}, {"act_on_verdict": False}])
def test_a_verdict_left_open_for_a_person_stays_open_at_every_tick(automatic, changes):
    job, version = fired(automatic)
    judge_as(automatic, version, "promote", "better")
    close(automatic, job)
    configure(automatic, **changes)
    unattended.settle_left_open(automatic)
    assert automatic.store.versions.get(version.id).status == "candidate"


def test_nobodys_verdict_is_taken_for_one_that_a_person_asked_for(automatic):
    answer(automatic, 5)
    job = tick(automatic)
    assert automatic.request_retrain("ann").id == job.id
    automatic.store.jobs.claim("w", automatic.clock(), 20)
    hers = automatic.store.jobs.get(job.id)
    version = automatic.retrain(hers.requested_by, hers.id)
    judge_as(automatic, version, "promote", "better")
    go_on(automatic, hers)
    close(automatic, hers)
    assert unattended.settle_left_open(automatic) is None
    assert automatic.store.versions.get(version.id).status == "candidate"


def test_a_verdict_that_another_champion_has_overtaken_is_left_to_a_person(automatic):
    job, version = fired(automatic)
    answer(automatic, 1)
    other = automatic.retrain("ann")
    judge_as(automatic, version, "promote", "better")
    judge_as(automatic, other, "promote", "better")
    automatic.promote(other, "ann", "ours")
    go_on(automatic, job)
    assert automatic.store.versions.get(version.id).status == "candidate"
    assert automatic.store.versions.champion(automatic.project.id).id == other.id


def test_the_reason_of_the_gate_is_none_to_act_against_its_advice(automatic):
    _, version = fired(automatic)
    judge_as(automatic, version, "hold")
    with pytest.raises(Refused, match="not advised by the gate"):
        automatic.promote(version, "gate", "because")
    automatic.promote(version, "ann", "because")


def test_the_page_says_what_will_happen_to_what_it_trains():
    balanced = Settings(automatic=True)
    assert unattended.sentence(balanced).startswith("The gate's verdict is carried out")
    assert "because the policy is manual" in unattended.sentence(replace(balanced, policy="manual"))
    assert "waits for a person to decide." in unattended.sentence(replace(balanced, act_on_verdict=False))
