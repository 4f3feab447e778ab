"""What survives a killed process: every acknowledged decision, and every job that was running."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from feedback_core.loop import Loop
from feedback_core.store import Store, open_store
from feedback_core.types import STUDIES, Decision, Job
from tests.conftest import make_loop, rows

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

WRITER = """
import json, sys
from feedback_core.loop import Loop
from feedback_core.types import Decision

url, reviewer, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
loop = Loop.open(url, "points")
print("ready", flush=True)
sys.stdin.readline()
for item_id in ids:
    entry = loop.record(Decision(item_id, reviewer, "correct", "ab"[item_id % 2], idempotency_key=f"key {item_id}"))[0]
    print(json.dumps([entry.id, item_id]), flush=True)
"""

SHORT_LEASE = """
import sys
from feedback_core.supervisor import Limits, serve
serve(sys.argv[1], Limits(lease_s=1.0))
"""


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen]:
    """A Python process that does not outlive the test."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, text=True, **pipes) as running:
        try:
            yield running
        finally:
            running.kill()


def until(condition: Callable[[], bool], what: str, within_s: float = 25) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.005)


def urgent(store: Store, project_id: int) -> list[Job]:
    """What is still to be done, but for the studies, which may take minutes."""
    return [job for job in store.jobs.live(project_id) if job.kind not in STUDIES]


def test_every_decision_acknowledged_before_a_kill_is_in_the_database(store, url, clock):
    loop = make_loop(store, clock)
    loop.add_items(rows(160, labelled=False)[0], "test")
    ids = [item.id for chunk in store.items.export(loop.project.id) for item in chunk]
    shares = [ids[n::4] for n in range(4)]
    with (
        process("-c", WRITER, url, "ann", json.dumps(shares[0])) as ann,
        process("-c", WRITER, url, "bob", json.dumps(shares[1])) as bob,
        process("-c", WRITER, url, "cy", json.dumps(shares[2])) as cy,
        process("-c", WRITER, url, "dee", json.dumps(shares[3])) as dee,
    ):
        writers = [ann, bob, cy, dee]
        assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 4
        for writer in writers:
            writer.stdin.write("\n")
            writer.stdin.flush()
        told = [ann.stdout.readline() for _ in range(8)]
        ann.send_signal(signal.SIGKILL)
        told += ann.communicate(timeout=20)[0].splitlines()
        ends = [writer.communicate(timeout=30) for writer in writers[1:]]
        assert [writer.returncode for writer in writers] == [-signal.SIGKILL, 0, 0, 0]
    assert [stderr for _, stderr in ends] == ["", "", ""]
    finished = [line for stdout, _ in ends for line in stdout.splitlines()]
    assert (len(finished), 8 <= len(told) < 40) == (120, True)
    # A line may be cut by the kill; then it was not acknowledged.
    acknowledged = {tuple(json.loads(line)) for line in [*told, *finished] if line.strip().endswith("]")}

    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as conn:
        assert conn.execute("pragma integrity_check").fetchall() == [("ok",)]
        stored = conn.execute("select id, item_id, target, idempotency_key from feedback").fetchall()
    assert acknowledged <= {(entry_id, item_id) for entry_id, item_id, *_ in stored}
    # At most the one decision that was on its way when the process died is there without an acknowledgement.
    assert len(stored) - len(acknowledged) in (0, 1)
    assert all((target, key) == ("ab"[item_id % 2], f"key {item_id}") for _, item_id, target, key in stored)
    assert store.tallies.of(loop.project.id, "total") == {"correct": len(stored)}
    assert store.tallies.of(loop.project.id, "items")["pool/labelled"] == len(stored)


@pytest.mark.parametrize("moment", ["fitting", "saving the model"])
def test_a_retrain_whose_worker_is_killed_is_taken_up_by_the_next_one(store, url, clock, moment):
    # Enough trees that fitting and saving each take a good part of a second.
    loop = make_loop(store, clock, estimator="random_forest", params={"n_estimators": 300})
    loop.add_items(rows(120)[0], "test")
    loop.add_items(rows(20, seed=1, labelled=False)[0], "test")
    pool = [item.id for chunk in store.items.export(loop.project.id) for item in chunk if item.split == "pool"]
    said = loop.record(*(Decision(item_id, "ann", "correct", "a") for item_id in pool[:5]))
    job = loop.request_retrain("ann")

    def half_written() -> list[Path]:
        return list(store.artifacts.glob(".saving-*"))

    def at_the_moment() -> bool:
        return store.jobs.get(job.id).message.startswith(moment) and (moment == "fitting" or bool(half_written()))

    with process("-c", SHORT_LEASE, url) as first:
        until(at_the_moment, f"the first worker is {moment}")
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=10)
    left = store.jobs.get(job.id)
    assert (left.state, left.attempts) == ("running", 1)
    assert store.versions.all(loop.project.id) == []
    assert bool(half_written()) == (moment == "saving the model")

    with process("-m", "feedback_core", "worker", "--database", url) as second:
        until(lambda: store.jobs.get(job.id).state != "running", "the second worker is done", 60)
        until(lambda: not urgent(store, loop.project.id), "the pool is scored and the entries are ranked", 60)
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=30)
        assert second.returncode == 0
    done = store.jobs.get(job.id)
    assert (done.state, done.attempts, done.error) == ("done", 2, None)
    [version] = store.versions.all(loop.project.id)
    assert (version.status, version.n_feedback) == ("champion", 5)
    assert half_written() == []
    assert [folder.name for folder in store.artifacts.iterdir()] == [version.artifact]
    serving = Loop(open_store(url), loop.project).serving()
    assert (serving.version, serving.warning) == (version, "")
    assert store.feedback.latest(loop.project.id) == said[::-1]
    ended = {found.kind: found.state for found in store.jobs.latest(loop.project.id)}
    assert {kind: ended[kind] for kind in ("retrain", "predict", "rank feedback")} == dict.fromkeys(
        ("retrain", "predict", "rank feedback"), "done"
    )


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            found += [int(path.parent.name)] if int(parent) == pid and state != "Z" else []
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_the_processes_of_a_killed_worker_die_with_it_and_those_of_a_stopped_one_hand_their_job_back(store, url, clock):
    loop = make_loop(store, clock, estimator="random_forest", params={"n_estimators": 100_000})
    loop.add_items(rows(120)[0], "test")
    job = loop.request_retrain("ann")

    def fitting(times: int) -> bool:
        now = store.jobs.get(job.id)
        return (now.attempts, now.message.startswith("fitting")) == (times, True)

    with process("-c", SHORT_LEASE, url) as first:
        until(lambda: fitting(1), "the first worker fits", 60)
        orphans = children_of(first.pid)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=10)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), "the orphans die")
    assert len(orphans) in (1, 2), "one with the job, and perhaps a warm one"

    with process("-c", SHORT_LEASE, url) as second:
        until(lambda: fitting(2), "the second worker fits", 60)
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
        assert second.returncode == 0
    left = store.jobs.get(job.id)
    assert (left.state, left.attempts, left.error) == ("waiting", 1, None), "the stop is no attempt, the kill was one"
    assert store.job_lines.of(job.id)[-1].text == "Handed back, because the worker is asked to stop."
