"""A real worker process follows along: it learns, is started again when killed, and goes when nobody needs it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from feedback_core.loop import Loop
from feedback_core.supervisor import Limits, Supervisor
from tests.test_realtime import decide, live
from tests.test_trigger_tick import configure

__all__ = ["live"]

pytestmark = pytest.mark.slow


def turn_until(supervisor: Supervisor, condition: Callable[[], bool], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        supervisor.turn()


def test_a_process_of_its_own_learns_survives_a_kill_and_goes_when_nobody_needs_it(live: Loop):
    def lessons() -> int:
        state = live.store.realtime.state(live.project.id)
        return state.lessons if state is not None else 0

    live.clock.now = time.time()
    supervisor = Supervisor(live.store, Limits(side_by_side=0, tick_s=0.1))
    with supervisor.staffed():
        decide(live, 2)
        turn_until(supervisor, lambda: lessons() == 2)
        first = live.store.realtime.steps(live.project.id)
        child = supervisor._follower
        os.kill(child.pid, signal.SIGKILL)
        decide(live, 1)
        turn_until(supervisor, lambda: lessons() == 3)
        assert supervisor._follower.pid != child.pid
        assert live.store.realtime.steps(live.project.id)[:2] == first
        configure(live, realtime=False)
        turn_until(supervisor, lambda: supervisor._follower is None)
