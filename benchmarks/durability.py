"""What survives kill -9 of dashboard, worker, or both, at random moments, while feedback comes in and retrains run.

Real processes, started as a user starts them: `streamlit run app.py`, which keeps `python -m feedback_core worker`,
which keeps its processes for jobs. Whoever writes feedback is a process of its own that dies with the dashboard: it
stores each decision as a page does, and says so only after the store has.
"""

import hashlib
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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

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
PROJECTS = 4
"""More than one, because a killed worker's job waits for its lease of 20 s: meanwhile the others' are killed."""

WAIT_S = (0.0, 8.0)
"""Range of the pause between two kills, counted from the moment a job runs."""

PAUSE_S = 0.1
"""Between two decisions."""

ITEMS_PER_KILL = 600
"""Decisions must not run out before the kills do, or no retrain is left to be killed. Enough for a minute each."""

DRAIN_S = 300.0
"""Everything but the studies has to be over this long after the last kill, or it is stuck."""

WRITER = """
import json, sys
from feedback_core.errors import Stale
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.types import Decision

store = open_store(sys.argv[1])
loops = [Loop(store, project) for project in store.projects.all()]
print("ready", flush=True)
for line in sys.stdin:
    place, item_id, key = json.loads(line)
    while True:
        seen = store.items.get(item_id).version_id
        try:
            said = Decision(item_id, "ann", "correct", "ab"[item_id % 2], seen, idempotency_key=key)
            loops[place].record(said)
            break
        except Stale:
            pass  # scored again in between: a reviewer would look at it again
    print(key, flush=True)
"""


@dataclass
class Writer:
    """Feeds decisions to a process that stores them, and keeps what that process has acknowledged."""

    url: str
    todo: list[tuple[int, int]]
    acknowledged: set[str] = field(default_factory=set)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, "-c", WRITER, self.url], cwd=ROOT, text=True, **pipes)
        threading.Thread(target=self._feed, args=(self.process,), daemon=True).start()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _feed(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        while self.todo and process.poll() is None:
            place, item_id = self.todo.pop()
            try:
                process.stdin.write(json.dumps([place, item_id, f"key {item_id}"]) + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                return
            # A line cut by the kill was not acknowledged.
            if (said := process.stdout.readline()).endswith("\n"):
                self.acknowledged.add(said.strip())
            time.sleep(PAUSE_S)


class Server:
    """The dashboard's process, with the worker that it keeps."""

    def __init__(self, url: str, log: Path) -> None:
        self._url, self._log = url, log
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = found.getsockname()[1]
        self.start()

    def start(self) -> None:
        command = ("-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={self._port}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=os.environ | {"FEEDBACK_DATABASE": self._url, "USER": "ann"},
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
        settings = Settings(estimator="random_forest", params={"n_estimators": 60}, audit_share=0.0)
        project = create_project(store, f"project {n}", schema, ("a", "b"), settings, actor="benchmark", salt=n)
        loops.append(loop := Loop(store, project))
        points = np.random.default_rng(n).normal(size=(300 + items, 2)).round(4)
        labels = ["b" if x + y > 0 else "a" for x, y in points[:300]] + [None] * items
        inputs = [intake.encode_one(point.tolist(), schema) for point in points]
        loop.add_items(Rows(inputs, [None] * len(inputs), labels), "benchmark")
        chunks = store.items.export(project.id)
        todo += [(n, item.id) for chunk in chunks for item in chunk if item.split == "pool"]
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


def wait_for_work(store: Store, loops: list[Loop], patience_s: float = 120) -> None:
    """Until some job has just been given to a living worker."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        ask(loops)
        beats = [job.heartbeat_at or 0 for job in urgent(store, loops) if job.state == "running"]
        if any(time.time() - beat < 6 for beat in beats):
            return
        time.sleep(0.05)


def kill_again_and_again(kills: int, server: Server, writer: Writer, store: Store, loops: list[Loop]) -> dict[str, int]:
    """Kill dashboard, worker, or both, each at a random moment; how often each."""
    chance, done = random.Random(0), {"app": 0, "worker": 0, "both": 0}
    for n in range(kills):
        wait_for_work(store, loops)
        until = time.monotonic() + chance.uniform(*WAIT_S)
        while time.monotonic() < until:
            ask(loops)
            time.sleep(0.05)
        who = ("worker", "app", "both")[n % 3]
        worker = server.worker()
        if who in ("worker", "both") and worker is not None:
            os.kill(worker, signal.SIGKILL)
        if who in ("app", "both"):
            server.kill()
            writer.kill()
            server.start()
            writer.start()
        done[who] += 1
    return done


def drain(store: Store, loops: list[Loop]) -> list[Job]:
    """Wait until nothing is to be done any more; what is left then is stuck."""
    deadline = time.monotonic() + DRAIN_S
    while (left := urgent(store, loops)) and time.monotonic() < deadline:
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


def counted(path: Path, acknowledged: set[str]) -> dict[str, int]:
    """What the database itself says."""
    with closing(sqlite3.connect(path)) as db:
        stored = [key for (key,) in db.execute("select idempotency_key from feedback")]
        (twice,) = db.execute("select count(*) - count(distinct job_id) from versions").fetchone()
        (intact,) = db.execute("pragma integrity_check").fetchone()
        states = dict(db.execute("select state, count(*) from jobs where kind = 'retrain' group by 1"))
    return {
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - set(stored)),
        "stored_twice": len(stored) - len(set(stored)),
        "versions_twice": twice,
        "retrains_done": states.get("done", 0),
        "retrains_given_up": states.get("failed", 0),
        "database_damaged": int(intact != "ok"),
    }


@contextmanager
def running(url: str, folder: Path, todo: list[tuple[int, int]]) -> Iterator[tuple[Server, Writer]]:
    """Dashboard, worker and writer, gone afterwards."""
    writer, server = Writer(url, todo), Server(url, folder / "app.log")
    try:
        writer.start()
        yield server, writer
    finally:
        writer.kill()
        server.stop()


def run(kills: int) -> dict[str, int]:
    """Kill and count."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "durability.db"
        url = f"sqlite:///{path}"
        loops, todo = world(url, max(500, ITEMS_PER_KILL * kills // PROJECTS))
        store = loops[0].store
        with running(url, Path(name), todo) as (server, writer):
            done = kill_again_and_again(kills, server, writer, store, loops)
            writer.kill()
            stuck = drain(store, loops)
        return {
            "kills": kills,
            **{f"kills_{who}": n for who, n in done.items()},
            **counted(path, writer.acknowledged),
            "stuck": len(stuck),
            "models_half_written": damaged(store, loops),
        }


def main() -> None:
    """Print what was killed and what was lost."""
    args = arguments(__doc__ or "")
    metrics = run(QUICK_KILLS if args.quick else KILLS)
    baselines = {"Label Studio, acknowledged 120": {"lost": 0}, "Huey and APScheduler": {"running job": "lost"}}
    report("durability", metrics, baselines, as_json=args.json)


if __name__ == "__main__":
    main()
