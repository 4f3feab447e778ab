"""Corrections over REST against the real server: how many a second, what each costs, and what a retrain does to them.

The server is the app as a user starts it, with its pages and its worker. CPU is that of the server's process; the
clients' own is left out. Label Studio 1.23.2 on SQLite, measured once, stands beside it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks._report import Metrics, report
from benchmarks._world import LABELS, arguments, build
from feedback_core.client import Client, Json
from feedback_core.errors import RemoteError
from feedback_core.store import open_store

ROOT = Path(__file__).parent.parent
CLIENTS = 8
PACE_S = 0.05
"""Between two corrections while latency is measured: 20 a second, what several busy reviewers send."""

LABEL_STUDIO = {"correction_cpu_ms": "103-154", "pair_cpu_ms": "383-592", "retrain_latency_ratio": "4-6"} | {
    "locked_errors": 43,
    "served_twice": "15 of 69",
}
SLOW_FIT = {"estimator": "random_forest", "params": {"n_estimators": 100}}
"""A retrain that lasts some seconds, so that there is something to measure beside it."""


@dataclass
class Sitting:
    """What became of one client's requests."""

    ms: list[float] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def server(url: str, log: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of the app on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    # One address sends everything here: no limit of its own may stand in the way of what is measured.
    environment = os.environ | {"FEEDBACK_DATABASE": url, "FEEDBACK_API_RATE": "0"}
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait(f"http://127.0.0.1:{port}/api/health", process)
            yield f"http://127.0.0.1:{port}/api", process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The app did not answer.")


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, its children excluded."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def correct(client: Client, item: int, n: int) -> Json:
    """One correction of a known item."""
    return client.feedback(LABELS[n % len(LABELS)], item=item)


def pair(client: Client, n: int) -> Json:
    """Draw the next item and submit a label for it."""
    (card,) = client.draw(1)
    client.feedback(LABELS[n % len(LABELS)], item=card["item"], draw=card["draw"], version=card["version"])
    return card


def together(address: str, project: int, work: list[list[Callable[[Client], Json]]]) -> list[Sitting]:
    """One sitting for each list of requests, side by side."""
    sittings = [Sitting() for _ in work]

    def sit(n: int) -> None:
        client = Client(address, project, name=f"client {n}")
        for request in work[n]:
            began = time.perf_counter()
            try:
                answer = request(client)
            except RemoteError as error:
                sittings[n].errors.append(str(error))
                continue
            sittings[n].ms.append(1000 * (time.perf_counter() - began))
            sittings[n].items.append(answer.get("item", answer.get("item_id")))
        client.close()

    threads = [threading.Thread(target=sit, args=(n,)) for n in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sittings


def measured(
    address: str, pid: int, project: int, work: list[list[Callable[[Client], Json]]]
) -> tuple[dict[str, float], list[Sitting]]:
    """Requests a second, CPU ms and median ms of each."""
    began, used = time.perf_counter(), cpu_s(pid)
    sittings = together(address, project, work)
    seconds, used = time.perf_counter() - began, cpu_s(pid) - used
    times = sorted(ms for sitting in sittings for ms in sitting.ms)
    done = max(1, len(times))
    row = {"per_s": done / seconds, "cpu_ms": 1000 * used / done, "median_ms": times[len(times) // 2] if times else 0}
    return {name: round(value, 2) for name, value in row.items()}, sittings


def paced(client: Client, items: Iterator[int], until: Callable[[], bool]) -> list[float]:
    """Latencies in ms of corrections at a steady pace."""
    times: list[float] = []
    due = time.monotonic()
    for n, item in enumerate(items):
        if until():
            break
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + PACE_S, time.monotonic())
        began = time.perf_counter()
        correct(client, item, n)
        times.append(1000 * (time.perf_counter() - began))
    return times


def retrain_latency(address: str, project: int, items: Iterator[int], seconds: float) -> dict[str, float]:
    """The 95th percentile of a correction's latency without a retrain, and while one runs."""
    client, follower = Client(address, project), Client(address, project)
    deadline = time.monotonic() + seconds
    quiet = paced(client, items, lambda: time.monotonic() > deadline)
    client.call("PATCH", f"/projects/{project}", {"settings": SLOW_FIT})
    busy: list[float] = []
    while len(busy) < len(quiet):
        job = client.retrain()["id"]
        while follower.job(job)["state"] == "waiting":
            time.sleep(0.02)
        looked = [0.0]
        more = paced(client, items, lambda job=job, looked=looked: _over(follower, job, looked))
        busy += more
        follower.wait(job)
        if not more:
            break
    client.close()
    follower.close()
    without, during = p95(quiet), p95(busy)
    return {
        "p95_ms_without_retrain": round(without, 2),
        "p95_ms_while_retraining": round(during, 2),
        "retrain_latency_ratio": round(during / without, 2),
        "corrections_while_retraining": len(busy),
    }


def _over(client: Client, job: int, looked: list[float]) -> bool:
    """Whether a job has ended; asked every half second, for the asking itself is work for the server."""
    if time.monotonic() - looked[0] < 0.5:
        return False
    looked[0] = time.monotonic()
    return client.job(job)["state"] != "running"


def p95(times: list[float]) -> float:
    ordered = sorted(times)
    return ordered[int(0.95 * (len(ordered) - 1))] if ordered else float("nan")


def run(rows: int, requests: int, seconds: float) -> Metrics:
    """Everything, against one server."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url, project = build(Path(folder), rows, entries=0, versions=1)
        store, log = open_store(url), Path(folder) / "app.log"
        items = iter(reversed(store.items.open_ids(project)))  # draws by priority come from anywhere: far fewer
        sys.stderr.write(f"{rows:,} items\n")
        with server(url, log) as (address, pid):
            together(address, project, corrections(items, CLIENTS, 20 * CLIENTS))
            one, some = measured(address, pid, project, corrections(items, 1, requests))
            eight, more = measured(address, pid, project, corrections(items, CLIENTS, requests))
            alone, few = measured(address, pid, project, pairs(1, requests // 2))
            beside, all_of = measured(address, pid, project, pairs(CLIENTS, requests // 2))
            latency = retrain_latency(address, project, items, seconds)
        told = [error for sitting in (*some, *more, *few, *all_of) for error in sitting.errors]
        served = Counter(item for sitting in (*few, *all_of) for item in sitting.items)
        stored = sum(len(chunk) for chunk in store.feedback.export(project))
        locked = sum("locked" in error for error in told) + log.read_text().count("database is locked")
    return {
        "corrections_per_s_1": one["per_s"],
        "corrections_per_s_8": eight["per_s"],
        "correction_cpu_ms_1": one["cpu_ms"],
        "correction_cpu_ms_8": eight["cpu_ms"],
        "correction_ms_1": one["median_ms"],
        "correction_ms_8": eight["median_ms"],
        "pair_cpu_ms_1": alone["cpu_ms"],
        "pair_cpu_ms_8": beside["cpu_ms"],
        "pairs_per_s_8": beside["per_s"],
        **latency,
        "locked_errors": locked,
        "served_twice": sum(n > 1 for n in served.values()),
        "other_errors": len(told) - sum("locked" in error for error in told),
        "stored": stored,
        "open_items": rows,
    }


def corrections(items: Iterator[int], clients: int, n: int) -> list[list[Callable[[Client], Json]]]:
    """n corrections, shared out."""
    return [[partial(correct, item=next(items), n=k) for k in range(n // clients)] for _ in range(clients)]


def pairs(clients: int, n: int) -> list[list[Callable[[Client], Json]]]:
    """n draws with their answers, shared out."""
    return [[partial(pair, n=k) for k in range(n // clients)] for _ in range(clients)]


def main() -> None:
    """Run and report."""
    options = arguments(__doc__ or "")
    rows, requests, seconds = (5_000, 400, 5.0) if options.quick else (100_000, 4_000, 30.0)
    report(
        "rest", run(options.rows or rows, requests, seconds), {"Label Studio 1.23": LABEL_STUDIO}, as_json=options.json
    )


if __name__ == "__main__":
    main()
