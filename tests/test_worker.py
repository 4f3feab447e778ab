"""The worker: every job ends done or failed with a reason, done once, whoever dies on the way."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from feedback_core import staging, worker
from feedback_core.errors import CannotTrain, NotFound, Refused
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.store.jobs import MAX_ATTEMPTS, PATIENCE_S
from feedback_core.types import Decision, Job, JobLine, Rows
from feedback_core.worker import LEASE_S, run_next
from tests.conftest import make_loop, rows


def request(loop: Loop, kind: str = "predict", **payload: object) -> Job:
    return loop.store.jobs.request(
        loop.project.id, kind, trigger="manual", by="ann", now=loop.clock(), payload=payload or None
    )


def run(loop: Loop, name: str = "w1") -> Job | None:
    return run_next(loop.store, name, loop.clock)


def jobs(loop: Loop) -> list[tuple[str, str]]:
    """Kind and state of every job, oldest first."""
    return [(job.kind, job.state) for job in reversed(loop.store.jobs.latest(loop.project.id))]


def counts(loop: Loop) -> dict[str, int]:
    return loop.store.tallies.of(loop.project.id, "items")


# -- asking --------------------------------------------------------------------------------------------------------


def test_a_second_request_while_one_waits_gives_the_same_job(loop):
    first = request(loop, "retrain")
    loop.clock.now += 60
    again = loop.store.jobs.request(loop.project.id, "retrain", trigger="threshold", by="bob", now=loop.clock())
    assert again == first
    assert (first.state, first.trigger, first.requested_by) == ("waiting", "manual", "ann")
    assert [job.id for job in loop.store.jobs.live(loop.project.id)] == [first.id]


def test_a_request_while_one_runs_is_a_job_of_its_own(loop):
    first = request(loop)
    loop.store.jobs.claim("w1", loop.clock(), LEASE_S)
    assert request(loop).id != first.id
    assert jobs(loop) == [("predict", "running"), ("predict", "waiting")]


def test_two_imports_that_wait_together_are_both_done(loop):
    folder = staging.folder(loop.store.artifacts)
    for seed in (5, 6):
        file = staging.write(rows(10, seed=seed, labelled=False)[0], folder)
        request(loop, "import", file=file, train=False)
    assert [run(loop).result, run(loop).result] == [{"added": 10}, {"added": 10}]
    assert run(loop) is None
    assert counts(loop)["pool/open"] == 120


def test_there_is_nothing_to_do_without_a_request(loop):
    assert run(loop) is None
    with pytest.raises(NotFound, match="There is no job 7"):
        loop.store.jobs.get(7)


# -- doing ---------------------------------------------------------------------------------------------------------


def test_the_first_retrain_is_judged_promoted_and_followed_by_a_scoring_of_the_pool(loop):
    loop.request_retrain("ann")
    done = run(loop)
    assert (done.state, done.progress, done.message, done.attempts) == ("done", 1.0, "done", 1)
    assert done.result == {"version": 1, "finding": "first", "action": "promote"}
    champion = loop.store.versions.champion(loop.project.id)
    assert (champion.number, champion.created_by) == (1, "ann")
    report = loop.store.versions.report_on(champion.id)
    assert (report.decision, report.decided_by, report.decision_reason) == ("promote", "gate", "first version")
    assert jobs(loop) == [("retrain", "done"), ("predict", "waiting")]
    assert run(loop).result == {"items": 100}
    assert loop.draw("ann").strategy == "priority"


def test_a_later_retrain_leaves_a_judged_candidate_for_a_person_to_decide(trained):
    item = next(item for chunk in trained.store.items.export(trained.project.id) for item in chunk if item.predicted)
    trained.record(Decision(item.id, "ann", "confirm", version_id=item.version_id))
    trained.request_retrain("ann")
    done = run(trained)
    assert (done.state, done.result["version"]) == ("done", 2)
    first, second = trained.store.versions.all(trained.project.id)
    assert (first.status, second.status, second.parent_id) == ("champion", "candidate", first.id)
    report = trained.store.versions.report_on(second.id)
    assert (report.finding, report.action) == (done.result["finding"], done.result["action"])
    assert (report.challenger_id, report.champion_id, report.decision) == (second.id, first.id, None)
    assert sorted(jobs(trained)) == [("effects", "waiting"), ("retrain", "done")]


def test_an_import_stores_the_staged_rows_and_asks_for_the_first_version(store, clock):
    loop = make_loop(store, clock)
    folder = staging.folder(store.artifacts)
    request(loop, "import", file=staging.write(rows(60)[0], folder), train=True)
    assert run(loop).result == {"added": 60}
    assert list(folder.iterdir()) == []
    assert jobs(loop) == [("import", "done"), ("retrain", "waiting")]
    assert (run(loop).state, run(loop).state) == ("done", "done")
    assert store.versions.champion(loop.project.id).number == 1


def test_an_import_into_a_project_with_a_champion_asks_for_its_predictions(trained):
    file = staging.write(rows(10, seed=5, labelled=False)[0], staging.folder(trained.store.artifacts))
    request(trained, "import", file=file, train=False)
    assert [run(trained).result, run(trained).result] == [{"added": 10}, {"items": 110}]


def test_an_import_whose_worker_died_half_way_ends_with_every_row_once(store, clock):
    loop = make_loop(store, clock)
    content, folder = rows(60)[0], staging.folder(store.artifacts)
    request(loop, "import", file=staging.write(content, folder), train=False)
    store.jobs.claim("dead", clock(), LEASE_S)
    loop.add_items(Rows(content.inputs[:30], content.keys[:30], content.labels[:30]), "ann")
    clock.now += LEASE_S + 1
    done = run(loop)
    assert (done.state, done.attempts, done.result) == ("done", 2, {"added": 30})
    assert counts(loop)["train/base"] + counts(loop)["holdout/base"] == 60
    assert list(folder.iterdir()) == []


def test_an_import_whose_file_is_gone_says_so(loop):
    request(loop, "import", file="gone.jsonl", train=False)
    failed = run(loop)
    assert (failed.state, failed.error) == ("failed", "The staged file gone.jsonl is gone: upload the data again.")


def test_staged_rows_come_back_as_they_were(tmp_path):
    content = Rows([b'["\xc3\xa9 \\"x\\"",1.5]', b"[null,2.0]"], ["k1", None], ["a", None])
    name = staging.write(content, tmp_path / "staged")
    assert staging.read(tmp_path / "staged" / name) == content
    assert [path.name for path in (tmp_path / "staged").iterdir()] == [name]


def test_a_retrain_whose_worker_died_after_each_step_still_ends_in_one_promoted_version(loop, clock):
    loop.request_retrain("ann")
    job = loop.store.jobs.claim("dead 1", clock(), LEASE_S)
    version = loop.retrain("ann", job.id)

    clock.now += LEASE_S + 1
    loop.store.jobs.claim("dead 2", clock(), LEASE_S)
    assert loop.retrain("ann", job.id) == version
    loop.judge(version)
    loop.promote(version, "gate", "first version", rescore=True)

    clock.now += LEASE_S + 1
    done = run(loop)
    assert (done.state, done.attempts, done.result["version"]) == ("done", 3, 1)
    assert [found.status for found in loop.store.versions.all(loop.project.id)] == ["champion"]
    assert len(loop.store.versions.reports(loop.project.id)) == 1
    assert jobs(loop) == [("retrain", "done"), ("predict", "waiting")]


# -- failing -------------------------------------------------------------------------------------------------------


def test_a_training_set_that_cannot_be_fitted_fails_the_job_in_words(store, clock):
    loop = make_loop(store, clock)
    content = rows(60)[0]
    loop.add_items(Rows(content.inputs, content.keys, ["a"] * 60), "test")
    loop.request_retrain("ann")
    failed = run(loop)
    n = counts(loop)["train/base"]
    assert failed.state == "failed"
    assert failed.error == f"All {n} labelled rows say 'a': a model needs at least two classes to learn from."
    assert failed.finished_at == clock.now
    assert store.versions.all(loop.project.id) == []
    assert run(loop) is None


def test_an_unexpected_error_fails_the_job_with_its_type_and_message_and_is_logged(loop, monkeypatch, caplog):
    def broken(_loop, _job, _progress):
        return {"share": 1 / 0}

    monkeypatch.setitem(worker.KINDS, "broken", broken)
    job = request(loop, "broken")
    failed = run(loop)
    assert (failed.id, failed.state, failed.error) == (job.id, "failed", "ZeroDivisionError: division by zero")
    assert "Traceback" in caplog.text
    assert "in broken" in caplog.text


def test_a_job_of_a_kind_nobody_knows_fails_instead_of_running_forever(loop):
    request(loop, "dance")
    assert (run(loop).state, jobs(loop)) == ("failed", [("dance", "failed")])


def test_a_failed_job_does_not_stand_in_the_way_of_the_next(loop):
    request(loop, "dance")
    loop.request_retrain("ann")
    assert [run(loop).state, run(loop).state] == ["failed", "done"]


# -- leases --------------------------------------------------------------------------------------------------------


def test_a_running_job_belongs_to_one_worker_until_its_lease_expires(loop, clock):
    job = request(loop)
    mine = loop.store.jobs.claim("w1", clock(), LEASE_S)
    assert (mine.id, mine.state, mine.attempts, mine.started_at) == (job.id, "running", 1, clock.now)
    clock.now += LEASE_S
    assert loop.store.jobs.claim("w2", clock(), LEASE_S) is None
    clock.now += 1
    taken = loop.store.jobs.claim("w2", clock(), LEASE_S)
    assert (taken.id, taken.attempts, taken.started_at) == (job.id, 2, mine.started_at)


def test_a_heartbeat_renews_the_lease(loop, clock):
    job = request(loop)
    loop.store.jobs.claim("w1", clock(), LEASE_S)
    for _ in range(5):
        clock.now += LEASE_S - 1
        assert loop.store.jobs.beat(job.id, "w1", clock(), LEASE_S) is True
    assert loop.store.jobs.claim("w2", clock(), LEASE_S) is None
    assert loop.store.jobs.get(job.id).heartbeat_at == clock.now


def test_a_project_has_one_job_running_and_another_project_is_not_held_up(loop, clock):
    other = Loop(loop.store, replace(loop.project, id=second_project(loop)), clock=clock)
    mine, waiting, elsewhere = request(loop, "retrain"), request(loop, "predict"), request(other, "predict")
    claim = loop.store.jobs.claim
    assert claim("w1", clock(), LEASE_S).id == mine.id
    assert claim("w2", clock(), LEASE_S).id == elsewhere.id
    assert claim("w3", clock(), LEASE_S) is None
    loop.store.jobs.finish(mine.id, "w1", {}, clock())
    assert claim("w3", clock(), LEASE_S).id == waiting.id


def second_project(loop: Loop) -> int:
    old = loop.project
    return loop.store.projects.create(
        "elsewhere", old.schema, old.labels, old.settings, salt=1, now=loop.clock(), actor="test"
    ).id


def test_a_worker_that_lost_its_lease_changes_nothing_any_more(loop, clock):
    job = request(loop)
    store = loop.store.jobs
    store.claim("w1", clock(), LEASE_S)
    clock.now += LEASE_S + 1
    store.claim("w2", clock(), LEASE_S)
    store.report(job.id, "w2", 0.25, "w2 works")
    before = store.get(job.id)
    assert store.beat(job.id, "w1", clock() + 99, LEASE_S) is False
    assert store.report(job.id, "w1", 0.9, "w1 works") is False
    assert store.finish(job.id, "w1", {"by": "w1"}, clock()) is False
    assert store.fail(job.id, "w1", "w1 gave up", clock()) is False
    assert store.get(job.id) == before
    assert store.finish(job.id, "w2", {"by": "w2"}, clock()) is True
    assert (store.get(job.id).state, store.get(job.id).result) == ("done", {"by": "w2"})
    assert store.fail(job.id, "w2", "too late", clock()) is False


def test_a_worker_overtaken_in_the_middle_stops_at_its_next_report(loop, clock, monkeypatch, caplog):
    steps = []

    def slow(inner, job, progress):
        progress(0.1, "begun")
        steps.append("begun")
        clock.now += LEASE_S + 1
        inner.store.jobs.claim("w2", clock(), LEASE_S)
        progress(0.9, "nearly there")
        steps.append("must not happen")
        return {}

    monkeypatch.setitem(worker.KINDS, "slow", slow)
    request(loop, "slow")
    left = run(loop, "w1")
    assert steps == ["begun"]
    assert (left.state, left.attempts, left.error, left.result) == ("running", 2, None, {})
    assert "was taken over by another worker" in caplog.text
    assert loop.store.jobs.finish(left.id, "w2", {}, clock()) is True


def test_a_job_that_kills_its_worker_every_time_is_failed_with_where_it_was(loop, clock):
    job = request(loop, "retrain")
    for n in range(MAX_ATTEMPTS):
        assert loop.store.jobs.claim(f"w{n}", clock(), LEASE_S).attempts == n + 1
        loop.store.jobs.report(job.id, f"w{n}", 0.4, "fitting")
        clock.now += LEASE_S + 1
    assert loop.store.jobs.claim("w9", clock(), LEASE_S) is None
    failed = loop.store.jobs.get(job.id)
    assert (failed.state, failed.attempts, failed.finished_at) == ("failed", 3, clock.now)
    assert failed.error == (
        "The worker died 3 times while running this job (last at 40 %: fitting). "
        "The current champion keeps serving; look at the worker log, then request it again."
    )
    assert loop.request_retrain("ann").id != job.id


def test_the_heartbeat_keeps_a_long_job_through_many_leases(loop, clock, monkeypatch):
    monkeypatch.setattr(worker, "BEAT_S", 0.01)
    beaten = []

    def long_job(inner, job, progress):
        for _ in range(3):
            clock.now += LEASE_S - 1
            deadline = time.monotonic() + 20
            while inner.store.jobs.get(job.id).heartbeat_at != clock.now and time.monotonic() < deadline:
                progress(0.5, "waiting for the next beat")
            beaten.append(inner.store.jobs.claim("w2", clock(), LEASE_S))
        return {}

    monkeypatch.setitem(worker.KINDS, "long", long_job)
    request(loop, "long")
    assert (run(loop).state, beaten) == ("done", [None, None, None])


def test_an_import_whose_worker_died_after_its_last_step_ends_done(loop: Loop) -> None:
    job = loop.store.jobs.request(
        loop.project.id, "import", trigger="upload", by="ana", now=0, payload={"file": "gone.jsonl", "train": False}
    )
    loop.store.jobs.claim("dead", 0, 1)
    done = run_next(loop.store, "next", lambda: 100.0)
    assert (done.id, done.state, done.result) == (job.id, "done", {"added": 0})


# -- what may pass, and what is said -------------------------------------------------------------------------------


def test_a_job_that_found_the_database_locked_is_tried_again_with_growing_pauses(loop, clock, monkeypatch):
    monkeypatch.setattr("feedback_core.store.sqlite.BUSY_S", 0.01)
    path = loop.store.url.removeprefix("sqlite:///")
    impatient = open_store(loop.store.url)

    def locked_out(inner, job, progress):
        with closing(sqlite3.connect(path)) as other:
            other.execute("begin immediate")
            impatient.jobs.report(job.id, "w1", 0.5, "this cannot be stored")
        return {}

    monkeypatch.setitem(worker.KINDS, "locked", locked_out)
    job = request(loop, "locked")
    for pause in (5.0, 20.0):
        waits = run(loop)
        assert (waits.state, waits.not_before) == ("waiting", clock.now + pause)
        assert waits.error.startswith("Another program has kept ")
        assert run(loop) is None, "not before its time"
        clock.now += pause
    failed = run(loop)
    assert (failed.id, failed.state, failed.attempts) == (job.id, "failed", MAX_ATTEMPTS)
    assert failed.error.endswith("close what holds it open. Tried 3 times.")


def test_a_job_that_ran_out_of_memory_says_so_and_is_not_tried_again(loop, monkeypatch):
    def greedy(inner, job, progress):
        raise MemoryError("Unable to allocate 74.5 GiB")

    monkeypatch.setitem(worker.KINDS, "greedy", greedy)
    request(loop, "greedy")
    failed = run(loop)
    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.error.startswith("Memory ran out (Unable to allocate 74.5 GiB): give the machine more of it")


def test_a_job_keeps_its_progress_its_log_and_its_error(loop, monkeypatch):
    def talkative(inner, job, progress):
        progress(0.1, "first step")
        progress(0.2, "first step")
        logging.getLogger("sklearn").warning("it did not converge")
        raise CannotTrain("there is nothing to learn")

    monkeypatch.setitem(worker.KINDS, "talkative", talkative)
    job = request(loop, "talkative")
    run(loop)
    logging.getLogger("sklearn").warning("after it")
    said = [(line.level, line.text) for line in loop.store.job_lines.of(job.id)]
    assert said == [
        ("info", "10% first step"),
        ("warning", "it did not converge"),
        ("error", "there is nothing to learn"),
    ]


def test_the_log_of_a_job_keeps_its_newest_lines_and_old_jobs_lose_theirs(loop, monkeypatch):
    monkeypatch.setattr("feedback_core.store.job_lines.KEPT_JOBS", 2)
    monkeypatch.setattr("feedback_core.store.job_lines.MOST_LINES", 3)
    monkeypatch.setitem(worker.KINDS, "quiet", lambda *_: {})
    jobs_ = []
    for n in range(4):
        jobs_.append(request(loop, "quiet", n=n))
        run(loop)
        loop.store.job_lines.add(jobs_[-1].id, [JobLine(n, "info", f"line {k}") for k in range(5)])
    kept = [[line.text for line in loop.store.job_lines.of(job.id)] for job in jobs_]
    newest = ["line 2", "line 3", "line 4"]
    assert kept == [[], [], newest, newest]


def test_a_job_cancelled_while_it_runs_here_stops_at_its_next_report(loop, monkeypatch):
    def endless(inner, job, progress):
        progress(0.1, "begun")
        loop.cancel(job.id, "bob")
        progress(0.2, "must not be seen")
        return {}

    monkeypatch.setitem(worker.KINDS, "endless", endless)
    request(loop, "endless")
    ended = run(loop)
    assert (ended.state, ended.message, ended.cancelled_by, ended.result) == ("cancelled", "begun", "bob", {})
    with pytest.raises(Refused, match=r"is over already \(cancelled\)"):
        loop.cancel(ended.id, "ann")
    other = Loop(loop.store, replace(loop.project, id=second_project(loop)))
    with pytest.raises(NotFound, match="There is no job 1 in"):
        other.cancel(ended.id, "ann")


def test_a_cancelled_job_whose_worker_died_is_not_taken_up_again(loop, clock):
    job = request(loop)
    loop.store.jobs.claim("dead", clock(), LEASE_S)
    loop.cancel(job.id, "bob")
    clock.now += LEASE_S + 1
    assert run(loop) is None
    assert loop.store.jobs.get(job.id).state == "cancelled"


def test_a_study_gives_way_to_another_project_only_when_that_finds_no_process(trained, clock):
    study = request(trained, "forecast")
    running = trained.store.jobs.claim("w1", clock(), LEASE_S)
    assert running.id == study.id
    request(Loop(trained.store, replace(trained.project, id=second_project(trained)), clock=clock), "retrain")
    assert trained.store.jobs.has_more_urgent(running, clock()) is False, "a free process takes it up at once"
    assert trained.store.jobs.has_more_urgent(running, clock() + PATIENCE_S) is True
    trained.store.jobs.claim("w2", clock(), LEASE_S)
    request(Loop(trained.store, replace(trained.project, id=second_id(trained)), clock=clock), "predict")
    assert trained.store.jobs.has_more_urgent(running, clock() + 60) is False, "that project is busy itself"


def second_id(loop: Loop) -> int:
    return max(project.id for project in loop.store.projects.all())
