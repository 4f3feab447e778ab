"""One process for jobs, seen from the worker that keeps it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .types import Job

ROOT = Path(__file__).resolve().parent.parent

REAPED_WITHIN_S = 10.0
"""A killed process is gone within milliseconds, but for one that waits for a disk."""


class Child:
    """A process that does what it is given, one thing after the other.

    idle: ready, with nothing in hand. job: what it has in hand, None for a look at the triggers. since: when
    (monotonic) it was given that.
    """

    def __init__(self, url: str, program: Sequence[str] = ("-m", "feedback_core.child")) -> None:
        """program: arguments of the interpreter before the address and this process's id."""
        # A session of its own: Ctrl-C reaches the worker alone, and a kill also reaches what the job has started.
        self._process = subprocess.Popen(
            [sys.executable, *program, url, str(os.getpid())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.ready = self.idle = False
        self.job: Job | None = None
        self.since = time.monotonic()
        self.stop_by: float | None = None
        """When (monotonic) a cancelled job is ended that has not stopped by itself."""
        self.light = 0
        """Bytes in memory when it had done nothing yet."""

    def fileno(self) -> int:
        """Of its replies, for select."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def listen(self) -> bool:
        """Take in a reply that has come; False when the process has ended and there will be no more."""
        said = os.read(self.fileno(), 4096)
        if b"ready" in said:
            self.ready, self.light = True, self.memory()
        if said:
            self.idle, self.job = True, None
        return bool(said)

    def give(self, job: Job, worker: str, lease_s: float) -> None:
        """Have it do a claimed job. Raises BrokenPipeError when it has ended."""
        self.job, self.stop_by = job, None
        self._order({"job": job.id, "worker": worker, "lease_s": lease_s})

    def tick(self) -> None:
        """Have it look at the triggers of every project. Raises BrokenPipeError when it has ended."""
        self._order({"job": None})

    def follow(self, seconds: float) -> None:
        """Have it learn in real time for so long. Raises BrokenPipeError when it has ended."""
        self._order({"job": None, "follow_s": seconds})

    def _order(self, order: Mapping[str, Any]) -> None:
        self.idle, self.since = False, time.monotonic()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    def memory(self) -> int:
        """Bytes it holds in memory; 0 where the system does not say (only Linux does)."""
        try:
            resident = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(resident) * os.sysconf("SC_PAGE_SIZE")

    def ended(self) -> str | None:
        """How it has ended, in words; None while it lives."""
        code = self._process.poll()
        if code is None:
            return None
        if code == -signal.SIGKILL:
            return "was killed from outside, most likely by the system because memory ran out (SIGKILL)"
        return f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        """End it now, with everything it has started."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(REAPED_WITHIN_S)
        self.dismiss()

    def dismiss(self) -> None:
        """Let it go once it is idle: without input it ends by itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
