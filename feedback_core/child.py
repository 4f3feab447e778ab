"""The process a job runs in: orders on its standard input, one line each, and a line back when it is free again.

Started as `python -m feedback_core.child URL PARENT`. A fresh interpreter, not a fork: a fork of a process whose
OpenMP or BLAS threads have once run may hang in its first fit. It is kept for the next job, because its imports take
about two seconds of CPU.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TextIO

from .parent import die_with_parent

WARM = ("feedback_core.worker", "sklearn.linear_model", "sklearn.ensemble", "sklearn.compose")
"""Imported before the first job comes: what nearly every job needs."""

KILL_ME_FIRST = 1000
"""Highest out-of-memory score: when the machine's memory ends, the system ends this process, not the dashboard."""


def main(url: str, parent: int) -> None:
    """Do what is ordered until the input ends, or the parent."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        return
    replies = _own_output()
    _be_killed_first()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for module in WARM:
        import_module(module)
    # Only now, so that the parent's death and a bad output are seen to before two seconds of imports.
    from .models.skops_files import skops_io
    from .realtime import Challengers
    from .store import open_store
    from .triggers import Shadows
    from .worker import carry_out, follow_for, tick_all

    skops_io()
    store, shadows, challengers = open_store(url), Shadows(), Challengers()
    _say(replies, "ready")
    for line in sys.stdin:
        order = json.loads(line)
        if order.get("follow_s"):
            follow_for(store, challengers, order["follow_s"])
        elif order["job"] is None:
            tick_all(store, time.time(), shadows)
        else:
            carry_out(store, store.jobs.get(order["job"]), order["worker"], lease_s=order["lease_s"])
        _say(replies, "free")


def _own_output() -> TextIO:
    """Standard output for replies alone; what a library prints goes to the log."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return replies


def _say(replies: TextIO, what: str) -> None:
    replies.write(what + "\n")
    replies.flush()


def _be_killed_first() -> None:
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text(str(KILL_ME_FIRST))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
