"""What survives kill -9 of dashboard, worker, or both, at random moments, while feedback comes in and retrains run.

Real processes, started as a user starts them: `streamlit run app.py`, which keeps `python -m feedback_core worker`,
which keeps its processes for jobs. Corrections come in over REST, from clients that send one again, with its key, until
it is answered; only an answered one counts as acknowledged.
"""

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks._report import arguments, report
from feedback_core import intake
from feedback_core.errors import FeedbackError
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store, open_store
from feedback_core.types import STUDIES, Column, Job, Rows, Schema

ROOT = Path(__file__).resolve().parent.parent
KILLS, QUICK_KILLS = 50, 2
PROJECTS = 6
"""More than one, because a killed worker's job waits for its lease of 20 s: meanwhile the others' are killed."""

CLIENTS = 2
PAUSE_S = 0.1
"""Between two decisions of one client."""

PATIENCE_S = 45.0
"""A kill waits at most this long for an answer to a correction and for a job to begin, so that there is something to
kill: a busy machine may take as long to start everything again."""

USUAL_S = 1.0
"""What a job takes, until one of its kind has come to its end."""

AGAIN = (0, 409, 503)
"""No answer; scored again in between; locked: a client sends it again."""

ITEMS_PER_KILL = 120
"""Decisions must not run out before the kills do, or no retrain is left to be killed."""

DRAIN_S = 300.0
"""Everything but the studies has to be over this long after the last kill, or it is stuck."""


def label(item: int) -> str:
    """What is said about an item."""
    return "ab"[item % 2]


class Writers:
    """Clients that decide items over REST, and what has been acknowledged to them."""

    def __init__(self, port: int, todo: list[tuple[int, int]]) -> None:
        self.port, self._todo, self._over = port, todo, threading.Event()
        self.acknowledged: set[int] = set()
        """Items whose correction was answered."""
        self.refused: Counter[int] = Counter()
        """Answers by status that nothing excuses."""
        self._threads = [threading.Thread(target=self._sit, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _sit(self) -> None:
        while self._todo and not self._over.is_set():
            project, item = self._todo.pop()
            while (status := self._send(project, item)) in AGAIN and not self._over.is_set():
                time.sleep(PAUSE_S)
            if status == 201:
                self.acknowledged.add(item)
            elif status not in AGAIN:
                self.refused[status] += 1
            time.sleep(PAUSE_S)

    def _send(self, project: int, item: int) -> int:
        """Status of one request; 0 where none came, because the server is dead or died over it."""
        body = json.dumps({"item": item, "target": label(item)})
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(item), "X-Feedback-User": "ann"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            try:
                connection.request("POST", f"/api/projects/{project}/feedback", body, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return 0
            return answer.status


class Server:
    """The dashboard's process, with the worker that it keeps."""

    def __init__(self, url: str, log: Path) -> None:
        self._url, self._log = url, log
        # Without its bytecode every process compiles all of our modules anew, and 50 starts of three take minutes.
        self._environment = {name: said for name, said in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.start()

    def start(self) -> None:
        command = ("-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={self.port}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self._environment | {"FEEDBACK_DATABASE": self._url, "USER": "ann"},
                stdout=log,
                stderr=log,
            )

    def worker(self) -> int | None:
        """Process id of the worker it keeps at the moment."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                said = (path / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            if parent == self._process.pid and b"worker" in said:
                return int(path.name)
        return None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


def world(url: str, items: int) -> tuple[list[Loop], list[tuple[int, int]]]:
    """Projects with base rows and so many items each in the pool, and the (project, item) pairs to be decided."""
    store, loops, todo = open_store(url), [], []
    schema = Schema((Column("x0", "number"), Column("x1", "number")))
    for n in range(PROJECTS):
        # Without the ticker, which trains shadows of six projects for nothing after every kill; test_trigger_durability
        # kills that one.
        quiet = {"corrections_rule": "off", "audit_share": 0.0}
        settings = Settings(estimator="random_forest", params={"n_estimators": 30}, **quiet)
        project = create_project(store, f"project {n}", schema, ("a", "b"), settings, actor="benchmark", salt=n)
        loops.append(loop := Loop(store, project))
        points = np.random.default_rng(n).normal(size=(300 + items, 2)).round(4)
        labels = ["b" if x + y > 0 else "a" for x, y in points[:300]] + [None] * items
        inputs = [intake.encode_one(point.tolist(), schema) for point in points]
        loop.add_items(Rows(inputs, [None] * len(inputs), labels), "benchmark")
        chunks = store.items.export(project.id)
        todo += [(project.id, item.id) for chunk in chunks for item in chunk if item.split == "pool"]
    return loops, todo


def urgent(store: Store, loops: list[Loop]) -> list[Job]:
    """Live jobs but for the studies, which may take minutes and hold up nothing."""
    return [job for loop in loops for job in store.jobs.live(loop.project.id) if job.kind not in STUDIES]


def ask(loops: list[Loop]) -> None:
    """Request a retrain wherever none is under way and something has come in."""
    for loop in loops:
        if not any(job.kind == "retrain" for job in loop.store.jobs.live(loop.project.id)):
            try:
                loop.request_retrain("benchmark")
            except FeedbackError:
                continue  # nothing has come in since


def spare(loops: list[Loop]) -> None:
    """Cancel studies: each new champion asks for some, and their minutes are no part of what is killed here."""
    for loop in loops:
        for job in loop.store.jobs.live(loop.project.id):
            if job.kind in STUDIES:
                with suppress(FeedbackError):  # it has just ended
                    loop.cancel(job.id, "benchmark")


def begun(store: Store, loops: list[Loop], since: float) -> Job | None:
    """A job that a worker has taken up since a moment, a retrain before others."""
    found = [job for job in urgent(store, loops) if job.state == "running" and (job.started_at or 0) > since]
    return min(found, key=lambda job: job.kind != "retrain", default=None)


def usual_s(store: Store, loops: list[Loop], kind: str) -> float:
    """Seconds that a job of this kind takes, by the median of those that are done."""
    ended = [job for loop in loops for job in store.jobs.latest(loop.project.id) if job.kind == kind]
    took = [job.finished_at - job.started_at for job in ended if job.finished_at and job.started_at]
    return median(took) if took else USUAL_S


def wait(store: Store, loops: list[Loop], writers: Writers, share: float) -> Job | None:
    """Until corrections are answered and a job has run for a share of its time; None where patience ended before.

    Corrections and jobs that came before this was called do not count; a job that is over too soon leaves it to the
    next one.
    """
    known, since, deadline = len(writers.acknowledged), time.time(), time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ask(loops)
        spare(loops)
        if len(writers.acknowledged) > known and (job := begun(store, loops, since)):
            until = (job.started_at or 0) + share * usual_s(store, loops, job.kind)
            time.sleep(max(0.0, until - time.time()))
            if store.jobs.get(job.id).state == "running":
                return job
        time.sleep(0.02)
    return None


def kill_again_and_again(
    kills: int, server: Server, writers: Writers, store: Store, loops: list[Loop]
) -> dict[str, int]:
    """Kill dashboard, worker, or both, each at a random moment of a job; how often each, and while a job ran."""
    chance, done = random.Random(0), {"app": 0, "worker": 0, "both": 0, "while_a_job_ran": 0}
    began = time.monotonic()
    for n in range(kills):
        job = wait(store, loops, writers, chance.random())
        who = ("worker", "app", "both")[n % 3]
        worker = server.worker()
        if who in ("worker", "both") and worker is not None:
            os.kill(worker, signal.SIGKILL)
        if who in ("app", "both"):
            server.kill()
            server.start()
        done[who] += 1
        done["while_a_job_ran"] += job is not None
        at = f"{time.monotonic() - began:.0f} s, during {job.kind if job else 'nothing'}"
        sys.stderr.write(f"kill {n + 1} ({who}) at {at}: {len(writers.acknowledged):,} acknowledged\n")
    return done


def drain(store: Store, loops: list[Loop]) -> list[Job]:
    """Wait until nothing is to be done any more; what is left then is stuck."""
    deadline = time.monotonic() + DRAIN_S
    while (left := urgent(store, loops)) and time.monotonic() < deadline:
        spare(loops)
        time.sleep(0.2)
    return left


def damaged(store: Store, loops: list[Loop]) -> int:
    """Model folders half-written, and versions whose file is not what was recorded."""
    versions = [version for loop in loops for version in store.versions.all(loop.project.id)]
    wrong = 0
    for version in versions:
        path = store.artifacts / version.artifact / "model.skops"
        wrong += not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != version.sha256
    return wrong + len(list(store.artifacts.glob(".saving-*")))


def counted(path: Path, acknowledged: set[int]) -> dict[str, int]:
    """What the database itself says."""
    with closing(sqlite3.connect(path)) as db:
        stored = dict(db.execute("select item_id, target from feedback"))
        (twice,) = db.execute("select count(*) - count(distinct job_id) from versions").fetchone()
        # Not by key, of which an index allows only one: each item is decided once, by one reviewer.
        (again,) = db.execute(
            "select count(*) - (select count(*) from (select distinct item_id, reviewer from feedback)) from feedback"
        ).fetchone()
        (intact,) = db.execute("pragma integrity_check").fetchone()
        states = dict(db.execute("select state, count(*) from jobs where kind = 'retrain' group by 1"))
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(stored.get(item) != label(item) for item in acknowledged),
        "twice": again + twice,
        "retrains_done": states.get("done", 0),
        "retrains_given_up": states.get("failed", 0),
        "database_damaged": int(intact != "ok"),
    }


@contextmanager
def running(url: str, folder: Path, todo: list[tuple[int, int]]) -> Iterator[tuple[Server, Writers]]:
    """Dashboard, worker and clients, gone afterwards."""
    server = Server(url, folder / "app.log")
    writers = Writers(server.port, todo)
    try:
        writers.start()
        yield server, writers
    finally:
        writers.stop()
        server.stop()


def run(kills: int) -> dict[str, int]:
    """Kill and count."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        path = Path(name) / "durability.db"
        url = f"sqlite:///{path}"
        loops, todo = world(url, max(500, ITEMS_PER_KILL * kills // PROJECTS))
        store = loops[0].store
        with running(url, Path(name), todo) as (server, writers):
            done = kill_again_and_again(kills, server, writers, store, loops)
            writers.stop()
            killing_s = time.monotonic() - began
            stuck = drain(store, loops)
        return {
            "kills": kills,
            **{f"kills_{who}": n for who, n in done.items()},
            **counted(path, writers.acknowledged),
            "stuck": len(stuck),
            "half_written": damaged(store, loops),
            "refused": sum(writers.refused.values()),
            "killing_s": round(killing_s),
            "seconds": round(time.monotonic() - began),
        }


def main() -> None:
    """Print what was killed and what was lost."""
    args = arguments(__doc__ or "")
    metrics = run(QUICK_KILLS if args.quick else KILLS)
    baselines = {"Label Studio, acknowledged 120": {"lost": 0}, "Huey and APScheduler": {"running job": "lost"}}
    report("durability", metrics, baselines, as_json=args.json)


if __name__ == "__main__":
    main()
