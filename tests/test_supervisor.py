"""The worker and its processes: a job that hangs, grows, crashes or is cancelled ends with the reason, and alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from feedback_core.children import Child
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.store.jobs import BACKOFF_S
from feedback_core.supervisor import Limits, Supervisor, machine_memory
from feedback_core.types import Job

pytestmark = pytest.mark.slow

KINDS = """
import os, signal, sys, time
from feedback_core import child, worker

def hang(loop, job, progress):
    progress(0.25, "hanging")
    time.sleep(600)

def listen(loop, job, progress):
    while True:
        progress(0.5, "listening")
        time.sleep(0.05)

def grow(loop, job, progress):
    progress(0.5, "growing")
    held = []
    while True:
        held.append(b"x" * (32 << 20))
        time.sleep(0.05)

def die_once(loop, job, progress):
    progress(0.75, "about to die")
    if job.attempts == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": job.attempts}

def greet(loop, job, progress):
    print("this goes to the log, not to the worker")
    return {"process": os.getpid()}

child.WARM = ("feedback_core.worker",)
worker.KINDS |= {"hang": hang, "listen": listen, "grow": grow, "die once": die_once, "greet": greet}
child.main(sys.argv[1], int(sys.argv[2]))
"""


def start(url: str) -> Child:
    return Child(url, ("-c", KINDS))


@contextmanager
def supervised(loop: Loop, **limits: float) -> Iterator[Supervisor]:
    supervisor = Supervisor(loop.store, Limits(**limits), loop.clock, start)
    with supervisor.staffed():
        yield supervisor


def request(loop: Loop, kind: str, project_id: int | None = None) -> Job:
    return loop.store.jobs.request(project_id or loop.project.id, kind, trigger="test", by="ann", now=loop.clock())


def turn_until(supervisor: Supervisor, condition: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        supervisor.turn()


def state(store: Store, job: Job) -> str:
    return store.jobs.get(job.id).state


def greeted(loop: Loop, supervisor: Supervisor) -> int:
    """Process id of whoever does the next job."""
    job = request(loop, "greet")
    turn_until(supervisor, lambda: state(loop.store, job) == "done")
    return loop.store.jobs.get(job.id).result["process"]


def elsewhere(loop: Loop) -> int:
    old = loop.project
    return loop.store.projects.create(
        "elsewhere", old.schema, old.labels, old.settings, salt=1, now=loop.clock(), actor="test"
    ).id


def test_a_job_in_the_middle_of_something_is_cancelled_and_another_project_goes_on(loop):
    store = loop.store
    stuck, next_one, other = request(loop, "hang"), request(loop, "greet"), request(loop, "listen", elsewhere(loop))
    with supervised(loop) as supervisor:
        turn_until(supervisor, lambda: "hanging" in store.jobs.get(stuck.id).message)
        turn_until(supervisor, lambda: store.jobs.get(other.id).message == "listening")
        assert state(store, next_one) == "waiting", "one at a time in a project"
        assert loop.cancel(stuck.id, "bob").cancelled_by == "bob"
        turn_until(supervisor, lambda: state(store, stuck) != "running")
        turn_until(supervisor, lambda: state(store, next_one) == "done")
        assert (state(store, stuck), store.jobs.get(stuck.id).attempts) == ("cancelled", 1)
        assert [line.text for line in store.job_lines.of(stuck.id)] == ["25% hanging", "Cancelled by bob."]
        assert (state(store, other), store.jobs.get(other.id).attempts) == ("running", 1)

        # One that reports its progress stops by itself, and its process does the next job.
        before = {child.pid for child in supervisor._children}
        store.jobs.cancel(other.project_id, other.id, "bob", loop.clock())
        turn_until(supervisor, lambda: state(store, other) == "cancelled")
        assert greeted(loop, supervisor) in before
        assert {child.pid for child in supervisor._children} == before


def test_a_job_that_takes_too_long_or_too_much_memory_fails_with_that_reason(loop):
    store = loop.store
    with supervised(loop, side_by_side=1, time_s=8, memory=500 * 2**20) as supervisor:
        first = greeted(loop, supervisor)
        growing = request(loop, "grow")
        turn_until(supervisor, lambda: state(store, growing) == "failed")
        hanging = request(loop, "hang")
        turn_until(supervisor, lambda: state(store, hanging) == "failed")
        assert greeted(loop, supervisor) != first
    error = store.jobs.get(growing.id).error
    assert error.startswith("At 50% (growing) the process of this job was ended with ")
    assert " MB in memory: the limit is 500 MB. Raise the limit with FEEDBACK_JOB_MEMORY_MB" in error
    error = store.jobs.get(hanging.id).error
    assert error.startswith("At 25% (hanging) the process of this job was ended after 8 s: the limit is 8 s.")
    assert [store.jobs.get(job.id).attempts for job in (growing, hanging)] == [1, 1], "neither would pass"
    failures = [event for event in store.events.latest(loop.project.id) if event.kind == "job failed"]
    assert [event.details["job"] for event in failures] == [hanging.id, growing.id]


def test_a_job_whose_process_is_killed_is_tried_again_after_a_pause_and_says_why(loop, clock):
    store, job = loop.store, request(loop, "die once")
    with supervised(loop, side_by_side=1) as supervisor:
        turn_until(supervisor, lambda: store.jobs.get(job.id).error is not None)
        waiting = store.jobs.get(job.id)
        assert (waiting.state, waiting.attempts, waiting.not_before) == ("waiting", 1, clock.now + BACKOFF_S)
        assert waiting.error == (
            "At 75% (about to die) the process of this job was killed from outside, most likely by the system because "
            "memory ran out (SIGKILL)."
        )
        clock.now += BACKOFF_S - 0.1
        greeted(loop, supervisor)
        assert state(store, job) == "waiting", "it waits, and holds up nobody"
        clock.now += 0.1
        turn_until(supervisor, lambda: state(store, job) != "waiting")
        turn_until(supervisor, lambda: state(store, job) != "running")
    done = store.jobs.get(job.id)
    assert (done.state, done.attempts, done.error, done.result) == ("done", 2, None, {"attempt": 2})
    assert "Next try in 5 s." in store.job_lines.of(job.id)[-2].text


def test_a_worker_asked_to_stop_hands_back_what_does_not_end_in_time_and_counts_no_attempt(loop):
    store, job = loop.store, request(loop, "hang")
    with supervised(loop, side_by_side=1, grace_s=0.5) as supervisor:
        turn_until(supervisor, lambda: "hanging" in store.jobs.get(job.id).message)
        began = time.monotonic()
        supervisor.wind_up()
        assert 0.5 <= time.monotonic() - began < 5
    left = store.jobs.get(job.id)
    assert (left.state, left.attempts, left.progress, left.error) == ("waiting", 0, 0.0, None)
    assert store.jobs.claim("next", loop.clock(), 20).id == job.id


def test_the_memory_of_the_machine_is_known():
    assert 2**28 < machine_memory() < 2**50
