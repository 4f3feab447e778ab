"""What holds always (ARCHITECTURE.md), each promise asked of the database file and the folder of models themselves.

Plain SQL on a connection of its own, so that a mistake of the store is not made here a second time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedback_core import review
from feedback_core.models import artifacts
from feedback_core.store.standing import NOBODY, feedback_of

SAID = ("item_id", "version_id", "reviewer", "verdict", "target", "note", "draw_id", "undoes", "created_at")
"""What an entry says, which nothing may change."""


@dataclass
class Memory:
    """What was seen or promised so far."""

    now: float = 0.0
    acknowledged: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Entries by id that a step has given back."""
    events: list[tuple[Any, ...]] = field(default_factory=list)
    reports: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    looks: tuple[int, int] = (0, 0)
    """Newest report at the last refresh, and looks since."""
    abandoned: set[int] = field(default_factory=set)
    """Jobs that were running when their process died, and that nobody has taken up yet."""
    followed: list[int] | None = None
    """Entries that a real-time challenger has learned, right after it has; None after anything else."""
    ticked: bool = False
    """Whether the last step was a tick."""
    loaded: set[str] = field(default_factory=set)
    """Hashes of model files that have been loaded once."""


Promise = Callable[[sqlite3.Connection, Path, Memory], None]
PROMISES: dict[str, Promise] = {}


def always(promise: Promise) -> Promise:
    """Register what is asked after every step."""
    PROMISES[promise.__name__.replace("_", " ")] = promise
    return promise


def check(path: Path, models: Path, memory: Memory) -> None:
    """Ask every promise; the error of one that is broken begins with its name."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    try:
        for name, promise in PROMISES.items():
            try:
                promise(db, models, memory)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
    finally:
        db.close()


@always
def an_acknowledged_entry_is_there_as_it_was_said(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    stored = {row["id"]: row for row in db.execute("select * from feedback")}
    for entry_id, entry in memory.acknowledged.items():
        assert entry_id in stored, f"entry {entry_id} is lost"
        assert {name: stored[entry_id][name] for name in SAID} == {name: entry[name] for name in SAID}


@always
def an_entry_is_taken_back_at_most_once(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    undone = Counter(row[0] for row in db.execute("select undoes from feedback where verdict = 'undo'"))
    withdrawn = {row[0] for row in db.execute("select id from feedback where state = 'withdrawn'")}
    assert undone == Counter(withdrawn)


@always
def the_effective_label_follows_from_the_entries_alone(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    entries: dict[int, list[Any]] = {}
    for row in db.execute("select * from feedback order by id"):
        entries.setdefault(row["item_id"], []).append(feedback_of(dict(row)))
    speakers = list(db.execute("select id, reviewer from feedback where target is not null order by id"))
    alone_until = next((row["id"] for row in speakers if row["reviewer"] != speakers[0]["reviewer"]), NOBODY)
    for item in db.execute("select id, label, state from items where split = 'pool'"):
        expected = review.effective(entries.get(item["id"], []), alone_until)
        assert (item["label"], item["state"]) == expected, f"item {item['id']}"


@always
def a_reviewer_has_one_standing_word_about_an_item(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    found = db.execute(
        """select item_id, reviewer from feedback where state = 'accepted' and verdict <> 'undo'
        group by item_id, reviewer having count(*) > 1"""
    ).fetchall()
    assert found == []


@always
def running_counts_equal_what_is_counted(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    recounted = _recount(db)
    kept = {(row["kind"], row["name"]): row["n"] for row in db.execute("select * from tallies where n <> 0")}
    assert kept == recounted, {key: (kept.get(key), recounted.get(key)) for key, _ in kept.items() ^ recounted.items()}


def _recount(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    n: Counter[tuple[str, str]] = Counter()
    for item in db.execute("select split, state from items"):
        n["items", f"{item['split']}/{item['state']}"] += 1
    (learned,) = db.execute(
        "select coalesce(max(feedback_upto), 0) from versions where streamed = 0 or promoted_at is not null"
    ).fetchone()
    for row in db.execute("select f.*, i.split, i.base_label from feedback f join items i on i.id = f.item_id"):
        day = datetime.fromtimestamp(row["created_at"], UTC).date().isoformat()
        pool, stands = row["split"] == "pool", row["state"] == "accepted" and row["verdict"] != "undo"
        if pool:
            n["day", f"{day}/{row['verdict']}"] += 1
        if pool and stands:
            n["total", row["verdict"]] += 1
            n["pending", row["verdict"]] += row["id"] > learned
        if stands and (pool or row["target"] is not None):
            what = row["verdict"] if pool else "right" if row["target"] == row["base_label"] else "wrong"
            kind = "reviewer" if pool else "gold"
            n[kind, f"{row['reviewer']}/{what}"] += 1
            n[f"{kind} day", f"{day}/{row['reviewer']}/{what}"] += 1
    return {key: count for key, count in n.items() if count}


@always
def at_most_one_champion_whose_model_loads(db: sqlite3.Connection, models: Path, memory: Memory) -> None:
    champions = db.execute("select artifact, sha256 from versions where status = 'champion'").fetchall()
    assert len(champions) <= 1
    for row in champions:
        if row["sha256"] not in memory.loaded:
            artifacts.load(models, row["artifact"], row["sha256"])
            memory.loaded.add(row["sha256"])


@always
def every_version_has_the_model_file_that_was_recorded(db: sqlite3.Connection, models: Path, _memory: Memory) -> None:
    for row in db.execute("select number, artifact, sha256 from versions"):
        path = models / row["artifact"] / artifacts.MODEL
        assert path.is_file(), f"version {row['number']} has no file"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"], f"version {row['number']}"


@always
def no_model_file_is_left_half_written_by_the_dead(_db: sqlite3.Connection, models: Path, _memory: Memory) -> None:
    assert list(models.glob(".saving-*")) == []


@always
def no_version_number_is_given_twice(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    found = list(db.execute("select number, job_id from versions order by id"))
    assert [row["number"] for row in found] == list(range(1, len(found) + 1))
    jobs = [row["job_id"] for row in found if row["job_id"] is not None]
    assert len(jobs) == len(set(jobs))


@always
def nothing_locked_nor_equal_to_it_was_learned_from(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    hashes = {row["id"]: row["input_hash"] for row in db.execute("select id, input_hash from items")}
    locked = {row[0] for row in db.execute("select input_hash from items where split = 'holdout' or audit = 1")}
    for row in db.execute("select number, rows from versions v join lineage l on l.version_id = v.id"):
        ids = json.loads(zlib.decompress(row["rows"]))["ids"]
        leaked = [item for item in ids if hashes[item] in locked]
        assert leaked == [], f"version {row['number']} has learned {leaked}"


@always
def every_promotion_has_a_stored_decided_report(db: sqlite3.Connection, _models: Path, _memory: Memory) -> None:
    lacking = db.execute(
        """select number from versions v where promoted_at is not null and not exists (
        select 1 from gate_reports r where r.challenger_id = v.id and r.decision = 'promote'
        and r.decided_by is not null and r.decided_at is not null)"""
    ).fetchall()
    assert [row["number"] for row in lacking] == []
    events = db.execute("select count(*) from events where kind = 'version promoted'").fetchone()[0]
    reports = db.execute("select count(*) from gate_reports where decision = 'promote'").fetchone()[0]
    assert events == reports, "each promotion is one report and one event"


@always
def a_gate_report_stays_as_it_was(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    columns = "id, challenger_id, champion_id, finding, action, reasons, numbers, policy, created_at"
    found = {row["id"]: tuple(row) for row in db.execute(f"select {columns} from gate_reports")}
    assert memory.reports.items() <= found.items()
    memory.reports = found


@always
def events_only_grow(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    found = [tuple(row) for row in db.execute("select * from events order by id")]
    assert found[: len(memory.events)] == memory.events
    memory.events = found


@always
def looks_never_fall_while_a_holdout_lives(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    (after,) = db.execute("select refreshed_after from projects").fetchone()
    numbers = db.execute("select numbers from gate_reports where id > ? and finding <> 'first'", (after,))
    looks = max((json.loads(row["numbers"]).get("looks", 0) for row in numbers), default=0)
    assert after > memory.looks[0] or (after, looks) >= memory.looks, f"{looks} looks after {memory.looks}"
    memory.looks = (after, looks)


@always
def what_follows_along_has_learned_what_the_entries_alone_teach(
    db: sqlite3.Connection, _models: Path, memory: Memory
) -> None:
    if memory.followed is None:
        return
    items = {row["id"]: row for row in db.execute("select * from items")}
    locked = {row["input_hash"] for row in items.values() if row["split"] == "holdout" or row["audit"]}
    (packed,) = db.execute(
        "select rows from versions v join lineage l on l.version_id = v.id where v.status = 'champion'"
    ).fetchone()
    learned = json.loads(zlib.decompress(packed))
    known = dict(zip(learned["ids"], learned["labels"], strict=True))
    taught: dict[int, int] = {}
    for entry in db.execute("select * from feedback where state = 'accepted' and target is not null order by id"):
        item = items[entry["item_id"]]
        open_to = item["split"] == "pool" and not item["audit"] and item["input_hash"] not in locked
        if open_to and item["state"] == "labelled" and entry["target"] == item["label"] != known.get(item["id"]):
            taught.setdefault(item["id"], entry["id"])
    assert memory.followed == sorted(taught.values())


@always
def no_verdict_on_what_nobody_asked_for_is_left_open_by_a_tick(
    db: sqlite3.Connection, _models: Path, memory: Memory
) -> None:
    if not memory.ticked:
        return
    newest = "select max(id) from gate_reports r where r.challenger_id = v.id"
    left = db.execute(
        f"""select v.number, g.action from versions v join gate_reports g on g.id = ({newest})
        where v.created_by = 'trigger' and v.status = 'candidate' and g.decision is null and g.action <> 'hold'
        and g.champion_id = (select id from versions where status = 'champion')
        and g.id > (select refreshed_after from projects)
        and not exists (select 1 from jobs where jobs.id = v.job_id and jobs.state in ('waiting', 'running'))"""
    ).fetchall()
    # A tick carries out one at a time; what an older one advised is closed by the newest.
    assert [tuple(row) for row in left] == []


@always
def no_item_is_in_two_hands(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    held = db.execute(
        """select item_id from draws where done = 0 and leased_until > ?
        group by item_id having count(distinct reviewer) > 1""",
        (memory.now,),
    ).fetchall()
    assert [row["item_id"] for row in held] == []


@always
def no_job_runs_that_nobody_died_of(db: sqlite3.Connection, _models: Path, memory: Memory) -> None:
    # Every step ends before this is asked, so what still runs was left by a killed process, and its lease runs out.
    running = {row["id"]: row["lease_until"] for row in db.execute("select * from jobs where state = 'running'")}
    assert running.keys() <= memory.abandoned
    assert all(lease is not None for lease in running.values())
