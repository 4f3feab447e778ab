"""A worker killed at any moment around a trigger loses no retrain and makes no second one."""

from __future__ import annotations

import random
import time

import pytest

from feedback_core import triggers
from tests.test_durability import process, until
from tests.test_trigger_tick import answer, configure, retrains

pytestmark = pytest.mark.slow

RESTLESS = """
import sys
from feedback_core.supervisor import Limits, serve
print("ready", flush=True)
serve(sys.argv[1], Limits(lease_s=1.0, tick_s=0.02))
"""


def test_a_worker_killed_again_and_again_around_its_triggers_retrains_once(trained, url):
    loop, random_ = trained, random.Random(0)
    loop.clock.now = time.time()
    configure(loop, automatic=True, corrections_rule="auto", retrain_cost=2.0, quiet_s=0.0, most_corrections=30)
    answer(loop, 35)
    entries = loop.store.feedback.latest(loop.project.id, 100)
    # The first version is as old as the clock of the test, so the cool-down of an hour allows just one retrain.
    for _ in range(2):  # a third would be the last attempt that a job is given
        with process("-c", RESTLESS, url) as worker:
            worker.stdout.readline()
            time.sleep(random_.uniform(2, 6))  # before 2 s its processes are not even warm
            worker.kill()
    with process("-c", RESTLESS, url):
        until(lambda: bool(retrains(loop)) and retrains(loop)[0].state in ("done", "failed"), "the retrain", 60)
        time.sleep(1)
    assert [job.state for job in retrains(loop)] == ["done"]
    assert [version.number for version in loop.store.versions.all(loop.project.id)] == [1, 2]
    counted = [row.feedback_id for row in loop.store.triggers.regret(loop.project.id)]
    assert counted == sorted(set(counted))
    assert set(counted) <= {entry.id for entry in entries}
    fired = [e for e in loop.store.events.latest(loop.project.id, 200) if e.kind == "retrain triggered"]
    assert [event.details["job"] for event in fired] == [retrains(loop)[0].id]
    assert triggers.why(loop.store, loop.project, time.time()).fires is False
