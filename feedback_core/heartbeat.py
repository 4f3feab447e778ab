"""A job under way: its lease renewed, its progress and its log on record, and the reasons for which it stops."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from .errors import FeedbackError
from .store import Store
from .store.job_lines import MOST_LINES
from .types import STUDIES, Job, JobLine, Progress

BEAT_S = 5.0

WRITE_S = 1.0
"""Lines of the log wait at most this long; a job that logs a thousand lines a second writes them together."""


class LeaseLost(FeedbackError):
    """Another worker owns the job now; whatever this one still does must not be stored."""


class GaveWay(FeedbackError):
    """A study has stopped, because work waits that goes before it."""


class Cancelled(FeedbackError):
    """Somebody has asked for the end of the job."""


class Heartbeat:
    """Renews the lease and writes the log from a thread of its own while the job runs."""

    def __init__(
        self,
        store: Store,
        job: Job,
        worker: str,
        clock: Callable[[], float],
        *,
        lease_s: float,
        beat_s: float = BEAT_S,
        say: Progress,
    ) -> None:
        self._store, self._job, self._worker, self._clock, self._say = store, job, worker, clock, say
        self._lease_s, self._beat_s = lease_s, beat_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._lines: deque[JobLine] = deque(maxlen=MOST_LINES)
        self._handler = _Lines(self._lines, clock)
        self._heard = ""

    def __enter__(self) -> Heartbeat:
        logging.getLogger().addHandler(self._handler)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self._handler)
        self._over.set()
        self._thread.join()
        self.write()

    def progress(self, share: float, message: str) -> None:
        """Report progress. Raises Cancelled, LeaseLost when the job is no longer this worker's, and GaveWay for a
        study when other work waits."""
        if self._job.kind in STUDIES and self._store.jobs.has_more_urgent(self._job, self._clock()):
            raise GaveWay(f"Job {self._job.id} waits until other work is done.")
        if not self._store.jobs.report(self._job.id, self._worker, share, message):
            if self._store.jobs.get(self._job.id).cancelled_by is not None:
                raise Cancelled(f"Job {self._job.id} was cancelled.")
            raise LeaseLost(f"Job {self._job.id} is no longer {self._worker}'s.")
        if message != self._heard:
            self._heard = message
            self._lines.append(JobLine(self._clock(), "info", f"{share:.0%} {message}"))
        self._say(share, message)

    def write(self) -> None:
        """Store the lines that have come in. It may be called from two threads: no line is written twice."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        self._store.job_lines.add(self._job.id, lines)

    def _beat(self) -> None:
        rest = self._beat_s
        while not self._over.wait(pause := min(rest, WRITE_S)):
            self.write()
            rest -= pause
            if rest > 0:
                continue
            rest = self._beat_s
            if not self._store.jobs.beat(self._job.id, self._worker, self._clock(), self._lease_s):
                return


class _Lines(logging.Handler):
    """Keeps what is logged while a job runs."""

    def __init__(self, lines: deque[JobLine], clock: Callable[[], float]) -> None:
        super().__init__(logging.INFO)
        self._lines, self._clock = lines, clock

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(JobLine(self._clock(), record.levelname.lower(), record.getMessage()))
