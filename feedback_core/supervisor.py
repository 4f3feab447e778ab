"""The worker: claims jobs, has each done in a process of its own, and ends those that may not go on.

The process a job runs in is watched from outside, so that a job in the middle of a long fit can be cancelled, and one
that hangs, eats the memory or crashes takes nobody along. Memory is watched, not limited by RLIMIT_AS: what counts
there is reserved address space, of which OpenBLAS takes some 30 MB a core and every thread its arena, used or not;
and native code that is refused memory ends in a crash without a reason.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import pictures, staging
from .children import Child
from .environment import process_name
from .errors import StoreBusy
from .models import artifacts
from .store import Store, open_store
from .types import Job
from .webhooks import Dispatcher, reach_here

log = logging.getLogger(__name__)

IDLE_S = 0.5
"""Between two looks for work."""

WATCH_S = 0.2
"""Between two looks at what runs. NumPy fills about 2 GB/s, so a job is beyond its limit by less than half of one."""

STOP_S = 1.0
"""A cancelled job may stop by itself for this long, which keeps its process for the next one."""

GROWN = 300 * 2**20
"""Bytes by which a process may have grown over its jobs before another takes its place."""

FOLLOWING_S = 4.0
"""One order to learn in real time lasts so long, so that a process that hangs in it is told from one that works."""

DEAD_EARLY_S = 5.0
"""Pause after a process that died before it was ready, as when a package is missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the worker. Seconds and bytes; 0 lifts the bound on time or memory of one job."""

    side_by_side: int = 2
    """Jobs at one time, each of another project."""
    time_s: float = 3_600.0
    memory: int = 0
    lease_s: float = 20.0
    """A dead worker's job is taken up again after this many seconds."""
    tick_s: float = 5.0
    """Between two looks at the triggers."""
    grace_s: float = 5.0
    """What runs when the worker is asked to stop may end within this time; then another worker begins it anew."""


def machine_memory() -> int:
    """Bytes of memory this machine, or the container it is, may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bound = Path("/sys/fs/cgroup/memory.max")
    given = bound.read_text().strip() if bound.exists() else "max"
    return whole if given == "max" else min(whole, int(given))


def serve(url: str, limits: Limits) -> None:
    """Work until the process is asked to stop; what is in hand then is finished, or handed back."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    store = open_store(url)
    swept, unused = artifacts.sweep(store.artifacts, time.time()), _unused_pictures(store)
    log.info(
        "worker %s on %s (%s half-written models, %s unused pictures set aside)", process_name(), url, swept, unused
    )
    supervisor = Supervisor(store, limits)
    dispatcher = Dispatcher(store, reach_here())
    with supervisor.staffed(), dispatcher.working():
        while not stop.is_set():
            supervisor.turn()
            dispatcher.keep_up()
        supervisor.wind_up()


def _unused_pictures(store: Store) -> int:
    """Set aside the picture files that no row came to name; gives how many."""
    if not store.pictures.any():
        return 0  # a new database may stand where theirs was
    return pictures.sweep(store.shelf, staging.folder(store.artifacts), store.pictures.unknown, time.time())


class Supervisor:
    """The worker's side of all its jobs. `turn` is one look at everything, in a single thread."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        start: Callable[[str], Child] = Child,
    ) -> None:
        """start: a process for jobs on a database address."""
        self._store, self._limits, self._clock, self._start = store, limits, clock, start
        self._name = process_name()
        self._children: list[Child] = []
        self._leaving: list[Child] = []
        self._ticker: Child | None = None
        """Looks at the triggers. A process of its own: it fits models too, and keeps them from one look to the next."""
        self._following = False
        self._follower: Child | None = None
        """Learns in real time. Another one: what the ticker fits may take seconds."""
        self._beaten = self._hire_from = time.monotonic()
        self._ticked = -self._limits.tick_s

    @contextmanager
    def staffed(self) -> Iterator[None]:
        """Leave no process behind."""
        try:
            yield
        finally:
            for child in self._everybody() + self._leaving:
                child.kill()

    def turn(self, claim: bool = True) -> None:
        """Listen to the processes, see to those that died or must not go on, then take up what waits."""
        self._listen()
        try:
            self._see_to_the_dead()
            self._watch()
            self._renew()
            if claim:
                self._hire()
                self._claim()
                self._tick()
                self._follow()
        except StoreBusy as error:
            log.warning("%s The worker tries again.", error)

    def wind_up(self) -> None:
        """Let what runs come to its end for a while, then hand it back."""
        until = time.monotonic() + self._limits.grace_s
        while self._busy() and time.monotonic() < until:
            self.turn(claim=False)
        for child in self._busy():
            job = child.job
            child.kill()
            if job is not None and self._store.jobs.hand_back(job, self._name, self._clock()):
                log.info("job %s is handed back", job.id)

    def _listen(self) -> None:
        pause = WATCH_S if self._busy() else IDLE_S
        heard, _, _ = select.select(self._everybody(), [], [], pause)
        for child in heard:
            if not child.listen():
                self._await_end(child)
            elif child in self._children and child.memory() > child.light + GROWN:
                self._dismiss(child)
        self._leaving = [child for child in self._leaving if child.ended() is None]

    def _await_end(self, child: Child) -> None:
        # Its output is closed, so it is ending: without this the loop would turn at full speed until it has.
        deadline = time.monotonic() + 1
        while child.ended() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if child.ended() is None:
            child.kill()

    def _dismiss(self, child: Child) -> None:
        child.dismiss()
        self._children.remove(child)
        self._leaving.append(child)

    def _see_to_the_dead(self) -> None:
        for child in [child for child in self._everybody() if child.ended() is not None]:
            how = child.ended()
            log.warning("process %s %s", child.pid, how)
            if not child.ready:
                self._hire_from = time.monotonic() + DEAD_EARLY_S
            if child.job is not None:
                self._store.jobs.try_again(child.job, self._name, self._told(child.job, f"{how}."), self._clock())
            self._end(child)  # what it has started may live on

    def _told(self, job: Job, what: str) -> str:
        now = self._store.jobs.get(job.id)
        return f"At {now.progress:.0%} ({now.message}) the process of this job {what}"

    def _watch(self) -> None:
        if not self._busy():
            return
        held = {job.id: job for job in self._store.jobs.held(self._name)}
        for child in self._busy():
            if child.job is not None and child.job.id in held:
                self._watch_one(child, held[child.job.id])

    def _watch_one(self, child: Child, job: Job) -> None:
        took, limits = time.monotonic() - child.since, self._limits
        if job.cancelled_by is not None:
            if child.stop_by is None:
                child.stop_by = time.monotonic() + STOP_S
            elif time.monotonic() > child.stop_by:
                self._end(child)
                self._store.jobs.stopped(job.id, self._name, self._clock())
        elif limits.time_s and took > limits.time_s:
            self._end(child)
            why = f"was ended after {took:,.0f} s: the limit is {limits.time_s:,.0f} s. {LONGER}"
            self._store.jobs.fail(job.id, self._name, self._told(job, why), self._clock())
        elif limits.memory and (used := child.memory()) > limits.memory:
            self._end(child)
            why = f"was ended with {_mb(used)} in memory: the limit is {_mb(limits.memory)}. {MORE_MEMORY}"
            self._store.jobs.fail(job.id, self._name, self._told(job, why), self._clock())

    def _end(self, child: Child) -> None:
        child.kill()
        if child is self._ticker:
            self._ticker = None
        elif child is self._follower:
            self._follower = None
        else:
            self._children.remove(child)
        artifacts.sweep(self._store.artifacts, self._clock())

    def _renew(self) -> None:
        # Here and not only in the process: native code that keeps the interpreter's lock stops the beats there.
        if time.monotonic() - self._beaten < self._limits.lease_s / 4:
            return
        self._beaten = time.monotonic()
        now, lease_s = self._clock(), self._limits.lease_s
        held = {job.id for job in self._store.jobs.held(self._name)}
        for child in self._busy():
            if child.job is None or (
                child.job.id in held and self._store.jobs.beat(child.job.id, self._name, now, lease_s)
            ):
                continue
            if (
                self._store.jobs.get(child.job.id).state == "running"
            ):  # else it is over, and the process about to say so
                log.warning("job %s was taken over by another worker", child.job.id)
                self._end(child)

    def _hire(self) -> None:
        # One more than are busy, so that the next project's job finds a warm one.
        missing = min(len(self._busy()) + 1, self._limits.side_by_side) - len(self._children)
        if missing > 0 and time.monotonic() >= self._hire_from:
            self._children += [self._start(self._store.url) for _ in range(missing)]

    def _claim(self) -> None:
        for child in [child for child in self._children if child.idle]:
            job = self._store.jobs.claim(self._name, self._clock(), self._limits.lease_s)
            if job is None:
                return
            try:
                child.give(job, self._name, self._limits.lease_s)
            except BrokenPipeError:
                return  # it has just died: the next turn sees to it and to the job

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked < self._limits.tick_s or now < self._hire_from:
            return
        self._ticked = now
        settings = [project.settings for project in self._store.projects.all()]
        self._staff_follower(any(each.realtime for each in settings))
        if self._ticker is None:
            if any(each.watched for each in settings):
                self._ticker = self._start(self._store.url)
        elif self._ticker.idle:
            with suppress(BrokenPipeError):  # it has just died: the next turn sees to it
                self._ticker.tick()
        elif self._limits.time_s and self._ticker.ready and now - self._ticker.since > self._limits.time_s:
            self._end(self._ticker)

    def _staff_follower(self, wanted: bool) -> None:
        self._following = wanted
        if wanted and self._follower is None:
            self._follower = self._start(self._store.url)

    def _follow(self) -> None:
        child = self._follower
        if child is None:
            return
        if child.idle and not self._following:
            child.dismiss()
            self._leaving.append(child)
            self._follower = None
        elif child.idle:
            with suppress(BrokenPipeError):  # it has just died: the next turn sees to it
                child.follow(FOLLOWING_S)
        elif self._limits.time_s and child.ready and time.monotonic() - child.since > self._limits.time_s:
            self._end(child)

    def _everybody(self) -> list[Child]:
        return self._children + [child for child in (self._ticker, self._follower) if child]

    def _busy(self) -> list[Child]:
        return [child for child in self._children if child.job is not None]


LONGER = "Raise the limit with FEEDBACK_JOB_SECONDS, or choose a smaller model or fewer rows."
MORE_MEMORY = "Raise the limit with FEEDBACK_JOB_MEMORY_MB, or choose a smaller model or fewer rows."


def _mb(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
