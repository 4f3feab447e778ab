"""How fast do rows get into the store and out again, and how fast are corrections saved? Rates are per CPU second.

Every item has 20 numbers of four decimals, as a sensor writes them. Corrections are counted per second of wall time,
each its own transaction, durable when it counts: from one process and from eight on one file.
"""

from __future__ import annotations

import multiprocessing as mp
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import Value, cpu, report
from benchmarks._world import arguments
from feedback_core import exports, insights, intake, staging, tables
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.store.items import BATCH
from feedback_core.types import Column, Decision, Rows, Schema

FEATURES = 20
SCHEMA = Schema(tuple(Column(f"x{n}", "number") for n in range(FEATURES)))
LABELS = ("a", "b")
ROWS, QUICK_ROWS = 1_000_000, 100_000
REPEATS = 2  # the better run counts: noise of the machine only ever adds CPU time
MANY = 8  # writers at once
OWN_ITEMS = 500  # items of one writer, decided on again and again
PRAGMAS = ("journal_mode=wal", "synchronous=full", "cache_size=-65536", "journal_size_limit=67108864")
INSERT = """
insert into items (id, project_id, key, input, input_hash, split, state, base_label, created_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ENTRY = "insert into entries (item, reviewer, verdict, target, created_at) values (?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Writing:
    """What one writer did: entries, seconds it took, CPU seconds, the longest wait for one, errors of a locked file."""

    entries: int
    seconds: float
    cpu_s: float
    slowest_s: float
    locked: int


Step = Callable[[], object]
Open = Callable[[str, int], Step]
"""(path of a database, which writer) -> a call that saves one entry."""


def frame(n: int) -> pd.DataFrame:
    """n rows of numbers with four decimals."""
    numbers = np.random.default_rng(0).standard_normal((n, FEATURES)).round(4)
    return pd.DataFrame(numbers, columns=list(SCHEMA.names))


def new_loop(path: Path) -> Loop:
    """An empty project in a file of its own."""
    store = open_store(str(path))
    return Loop(store, create_project(store, "rows", SCHEMA, LABELS, Settings(), actor="bench", salt=1))


# -- rows ----------------------------------------------------------------------------------------------------------


def imported(path: Path, table: pd.DataFrame) -> tuple[float, Rows]:
    """CPU seconds from a frame in memory to items in the store, and the checked rows."""
    loop = new_loop(path)
    with cpu() as timer:
        rows, _ = intake.check(table, SCHEMA)
        added = loop.add_items(rows, "bench")
    if added != len(table):
        raise RuntimeError(f"{added} of {len(table)} rows were stored")
    return timer.seconds, rows


def raw_import(path: Path, rows: Rows) -> float:
    """CPU seconds of plain sqlite3 for the same rows, ready-made: same table, indexes, pragmas and transactions."""
    open_store(str(path))
    hashes = [intake.input_hash(body) for body in rows.inputs]
    ready = [
        (n, 1, digest, body.decode(), digest, "pool", "open", None, 0.0)
        for n, digest, body in zip(count(1), hashes, rows.inputs)
    ]
    db = connection(path)
    with cpu() as timer:
        for start in range(0, len(ready), BATCH):
            db.execute("begin immediate")
            db.executemany(INSERT, ready[start : start + BATCH])
            db.execute("commit")
    db.close()
    return timer.seconds


def connection(path: Path) -> sqlite3.Connection:
    """A plain connection, as durable as the store's."""
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"pragma {pragma}")
    return db


def staged(folder: Path, rows: Rows) -> float:
    """CPU seconds of the way from the page to the worker: one file written and read."""
    with cpu() as timer:
        staging.read(folder / staging.write(rows, folder))
    return timer.seconds


def parsed(body: bytes) -> float:
    """CPU seconds to read the bytes of a CSV file into a frame."""
    with cpu() as timer:
        tables.read_table(body, "rows.csv")
    return timer.seconds


def exported(path: Path, answers: Any) -> None:
    """Put CPU seconds and MB of memory that writing every item as CSV took, piece by piece."""
    store = open_store(str(path))
    project = store.projects.named("rows")
    columns = insights.export_columns(project, "items")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with cpu() as timer:
        size = sum(map(len, exports.FORMATS["csv"].write(insights.export_rows(store, project, "items"), columns)))
    answers.put((timer.seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, size / 2**20))


# -- corrections ---------------------------------------------------------------------------------------------------


def open_loop(path: str, writer: int) -> Step:
    """Corrections through the loop."""
    store = open_store(path)
    loop, turn = Loop(store, store.projects.named("rows")), count()

    def save() -> object:
        n = next(turn)
        item = 1 + writer * OWN_ITEMS + n % OWN_ITEMS
        return loop.record(Decision(item, f"reviewer {writer}", "correct", LABELS[n // OWN_ITEMS % 2]))

    return save


def open_raw(path: str, writer: int) -> Step:
    """The least a durable entry can cost: begin, insert, commit."""
    db, turn = connection(Path(path)), count()

    def save() -> None:
        db.execute("begin immediate")
        db.execute(ENTRY, (next(turn), f"reviewer {writer}", "correct", "a", time.time()))
        db.execute("commit")

    return save


def write(opened: Open, path: str, writer: int, seconds: float, start: Any, answers: Any) -> None:
    """Save entries for so many seconds, beginning with all the other writers."""
    save = opened(path, writer)
    entries, locked, slowest = 0, 0, 0.0
    start.wait()
    began = last = time.perf_counter()
    with cpu() as timer:
        while last < began + seconds:
            try:
                save()
                entries += 1
            except sqlite3.OperationalError:
                locked += 1
            now = time.perf_counter()
            slowest, last = max(slowest, now - last), now
    answers.put(Writing(entries, last - began, timer.seconds, slowest, locked))


def together(opened: Open, path: Path, writers: int, seconds: float) -> dict[str, float]:
    """Entries a second, CPU ms an entry, the longest wait, and locked errors of so many processes on one file."""
    context = processes()
    answers, start = context.Queue(), context.Barrier(writers)
    started = [
        context.Process(target=write, args=(opened, str(path), n, seconds, start, answers)) for n in range(writers)
    ]
    for process in started:
        process.start()
    done: list[Writing] = [answers.get(timeout=300) for _ in started]
    for process in started:
        process.join()
    entries = sum(writing.entries for writing in done)
    return {
        "per_s": entries / max(writing.seconds for writing in done),
        "cpu_ms": 1000 * sum(writing.cpu_s for writing in done) / max(entries, 1),
        "slowest_ms": 1000 * max(writing.slowest_s for writing in done),
        "fewest": min(writing.entries for writing in done),
        "locked": sum(writing.locked for writing in done),
    }


def processes() -> Any:
    """Real processes that begin with the imports done and no connection inherited."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks._world", "feedback_core.insights", "feedback_core.exports"])
    return context


# -- report --------------------------------------------------------------------------------------------------------


def rows_measured(folder: Path, n: int) -> tuple[dict[str, Value], dict[str, Value]]:
    """Import, parse and export of n rows."""
    table = frame(n)
    imports, raws = [], []
    for turn in range(REPEATS):
        seconds, rows = imported(folder / f"rows{turn}.db", table)
        imports.append(seconds)
        raws.append(raw_import(folder / f"raw{turn}.db", rows))
    stage_s = staged(folder / "staged", rows)
    with cpu() as to_csv:
        body = table.to_csv(index=False).encode()
    parse_s = parsed(body)
    context = processes()
    answers = context.Queue()
    context.Process(target=exported, args=(folder / "rows0.db", answers)).start()
    export_s, export_mb, size_mb = answers.get(timeout=900)
    size = sum(path.stat().st_size for path in folder.glob("rows0.db*"))
    return {
        "rows": n,
        "import_rows_per_cpu_s": round(n / min(imports)),
        "import_ratio_to_raw": round(min(imports) / min(raws), 2),
        "staging_rows_per_cpu_s": round(n / stage_s),
        "csv_parse_rows_per_cpu_s": round(n / parse_s),
        "export_rows_per_cpu_s": round(n / export_s),
        "export_memory_mb": round(export_mb, 1),
        "export_size_mb": round(size_mb, 1),
        "database_bytes_per_row": round(size / n),
    }, {
        "raw_import_rows_per_cpu_s": round(n / min(raws)),
        "pandas_to_csv_rows_per_cpu_s": round(n / to_csv.seconds),
    }


def feedback_measured(folder: Path, seconds: float) -> tuple[dict[str, Value], dict[str, Value]]:
    """Corrections from one process and from MANY, beside the raw inserts."""
    ours, raw = folder / "feedback.db", folder / "entries.db"
    new_loop(ours).add_items(intake.check(frame(MANY * OWN_ITEMS), SCHEMA)[0], "bench")
    db = connection(raw)
    db.execute("create table entries (id integer primary key, item, reviewer, verdict, target, created_at)")
    db.close()
    one, many = together(open_loop, ours, 1, seconds), together(open_loop, ours, MANY, seconds)
    raw_one, raw_many = together(open_raw, raw, 1, seconds), together(open_raw, raw, MANY, seconds)
    return {
        "feedback_per_s_1": round(one["per_s"], 1),
        "feedback_per_s_8": round(many["per_s"], 1),
        "feedback_cpu_ms": round(one["cpu_ms"], 3),
        "feedback_slowest_ms_8": round(many["slowest_ms"], 1),
        "feedback_fewest_of_8": many["fewest"],
        "locked_errors": int(one["locked"] + many["locked"]),
    }, {
        "raw_feedback_per_s_1": round(raw_one["per_s"], 1),
        "raw_feedback_per_s_8": round(raw_many["per_s"], 1),
        "raw_feedback_cpu_ms": round(raw_one["cpu_ms"], 3),
        "raw_feedback_slowest_ms_8": round(raw_many["slowest_ms"], 1),
        "raw_feedback_fewest_of_8": raw_many["fewest"],
    }


def main() -> None:
    """Run and report."""
    options = arguments(__doc__ or "")
    n = options.rows or (QUICK_ROWS if options.quick else ROWS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feedback, raw_feedback = feedback_measured(folder, 2.0 if options.quick else 5.0)
        rows, raw_rows = rows_measured(folder, n)
    report("store", rows | feedback, raw_rows | raw_feedback, as_json=options.json)


if __name__ == "__main__":
    main()
