"""Rulings: what maintainers decide about entries, each an event from which it can be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import InvalidFeedback, NotFound, Stale
from ..types import Event, FeedbackState, Project, Ruled, Ruling
from . import events
from .driver import Driver, Row, Session
from .standing import Resolve, count, learned_upto, settle

MOST = 1_000
"""Entries of one press: their items are settled one by one, while every reviewer waits (0.4 s of CPU)."""

GIVEN, UNDONE = "entries ruled", "ruling undone"
"""Kinds of event. `details` of both: `rulings`, one {entry, ruling, previous} for each entry, and what led to it."""

WORLD_CHANGED = "world changed"
"""Kind of the event that says why an item bears two labels. `details`: the item, both labels, the newer entry and the
ruling that made it count."""

_FIELDS = ("ruling", "ruled_by", "ruled_at", "ruled_after", "ruling_id")

_WRITE = """
update feedback set ruling = :ruling, ruled_by = :ruled_by, ruled_at = :ruled_at, ruled_after = :ruled_after,
    ruling_id = :ruling_id, state = :state
where id = :id
"""

_REPLACED = """
select 1 from feedback where item_id = :item_id and reviewer = :reviewer and id > :id and verdict <> 'undo'
    and state <> 'withdrawn' limit 1
"""

# What waits for a second opinion already is not asked about again.
_GIVING = """
select f.id, f.item_id, f.target from feedback f join items i on i.id = f.item_id
where f.project_id = :project and f.item_id in (select value from json_each(:items)) and f.id <= :upto
  and f.state = 'accepted' and f.verdict in ('confirm', 'correct') and i.split = 'pool'
  and not (f.ruling is 'ask' and i.state = 'conflict')
order by f.id
"""

# The kind stands in the text: with a parameter the partial index of these events would not be used.
_LATEST = f"select * from events where project_id = ? and kind = '{GIVEN}' order by id desc limit ?"


@dataclass(frozen=True, slots=True)
class Press:
    """One ruling of the past. standing: how many of its entries no later ruling has touched, so that undo acts on."""

    event: Event
    standing: int


class Rulings:
    """What maintainers say about what reviewers said."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def give(
        self,
        project: Project,
        rulings: Mapping[int, Ruling | None],
        resolve: Resolve,
        *,
        by: str,
        reason: str,
        now: float,
        answer: Mapping[str, Any] | None = None,
        rolled_back: Mapping[str, Any] | None = None,
    ) -> Ruled:
        """Set the ruling of each entry (None lifts it) in one transaction with its event; items follow at once.

        Entries that bear the ruling already, or that their reviewer has replaced meanwhile, are left as they are, so
        that sending a request twice changes nothing. Raises Stale when every entry has been replaced.

        answer: logged as an event of its own, with the ruling's id: why a label was turned round.
        rolled_back: stored with the event: the roll-back that asks.
        """
        with self._driver.writing() as session:
            rows = _rows(session, project.id, list(rulings))
            standing = [
                row for row in rows if rulings[row["id"]] is None or row["state"] in ("accepted", "quarantined")
            ]
            if rows and not standing:
                raise Stale("Their reviewers have replaced or taken back these entries: look at what stands now.")
            latest = _newest(session, standing)
            changes = [
                (row, {"ruling": wanted, "ruled_by": by, "ruled_at": now, "ruled_after": latest[row["item_id"]]})
                for row in standing
                if _differs(row, wanted := rulings[row["id"]], latest[row["item_id"]])
            ]
            if not changes:
                return Ruled(None, ())
            details: dict[str, Any] = {"rulings": _details(changes), "reason": reason}
            if rolled_back is not None:
                details["rolled_back"] = dict(rolled_back)
            event = events.log(session, project.id, now, by, GIVEN, details)
            _apply(session, project.id, [(row, new | {"ruling_id": event}) for row, new in changes], resolve)
            if answer is not None:
                events.log(session, project.id, now, by, WORLD_CHANGED, {**answer, "ruling": event})
        return Ruled(event, tuple(row["id"] for row, _ in changes))

    def undo(self, project: Project, ruling_id: int, resolve: Resolve, *, by: str, now: float) -> Ruled:
        """Bring back what was ruled before on every entry of one press; entries ruled on again since stay.

        Raises Stale when nothing is left of it to undo.
        """
        with self._driver.writing() as session:
            found = session.query(
                "select details from events where id = ? and project_id = ? and kind = ?",
                (ruling_id, project.id, GIVEN),
            )
            if not found:
                raise NotFound(f"There is no ruling {ruling_id} in this project.")
            before = {each["entry"]: each["previous"] for each in orjson.loads(found[0]["details"])["rulings"]}
            rows = [row for row in _rows(session, project.id, list(before)) if row["ruling_id"] == ruling_id]
            if not rows:
                raise Stale("This ruling has been undone or replaced already, so there is nothing left to undo.")
            changes = [(row, before[row["id"]]) for row in rows]
            details = {"rulings": _details(changes), "undoes": ruling_id}
            event = events.log(session, project.id, now, by, UNDONE, details)
            _apply(session, project.id, changes, resolve)
        return Ruled(event, tuple(row["id"] for row in rows))

    def giving(self, project_id: int, labels: Mapping[int, str], upto: int) -> list[int]:
        """Standing entries up to one that give these labels of these items, oldest first."""
        with self._driver.reading() as session:
            rows = session.query(_GIVING, {"project": project_id, "items": _json(list(labels)), "upto": upto})
        return [row["id"] for row in rows if labels[row["item_id"]] == row["target"]]

    def latest(self, project_id: int, limit: int = 5) -> list[Press]:
        """The newest rulings first."""
        with self._driver.reading() as session:
            given = [events.event_of(row) for row in session.query(_LATEST, (project_id, limit))]
            standing = session.query(
                """select ruling_id, count(*) as n from feedback
                where project_id = ? and id in (select value from json_each(?)) group by ruling_id""",
                (project_id, _json([each["entry"] for event in given for each in event.details["rulings"]])),
            )
        left = {row["ruling_id"]: row["n"] for row in standing}
        return [Press(event, left.get(event.id, 0)) for event in given]


def _rows(session: Session, project_id: int, ids: Sequence[int]) -> list[Row]:
    if len(ids) > MOST:
        raise InvalidFeedback(f"{len(ids):,} entries are too many for one ruling: choose at most {MOST:,}.")
    rows = session.query(
        "select * from feedback where project_id = ? and id in (select value from json_each(?)) order by id",
        (project_id, _json(ids)),
    )
    if len(rows) < len(set(ids)):
        missing = sorted(set(ids) - {row["id"] for row in rows})
        raise NotFound(f"There is no feedback entry {missing[0]} in this project.")
    tests = session.query(
        """select f.id from feedback f join items i on i.id = f.item_id
        where f.id in (select value from json_each(?)) and i.split <> 'pool' limit 1""",
        (_json(ids),),
    )
    if tests:
        raise InvalidFeedback(
            f"Entry {tests[0]['id']} answers a question with a known answer: there is no label to rule on."
        )
    for row in rows:
        if row["verdict"] in ("skip", "undo"):
            raise InvalidFeedback(f"Entry {row['id']} is a {row['verdict']}: it gives no label to rule on.")
    return rows


def _newest(session: Session, rows: Sequence[Row]) -> dict[int, int]:
    """Item id -> its newest entry."""
    found = session.query(
        "select item_id, max(id) as n from feedback where item_id in (select value from json_each(?)) group by item_id",
        (_json(sorted({row["item_id"] for row in rows})),),
    )
    return {row["item_id"]: row["n"] for row in found}


def _differs(row: Row, wanted: Ruling | None, newest: int) -> bool:
    # A second opinion can be asked for once more when somebody has spoken since.
    return bool(row["ruling"] != wanted or (wanted == "ask" and row["ruled_after"] != newest))


def _details(changes: Sequence[tuple[Row, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"entry": row["id"], "ruling": new["ruling"], "previous": {name: row[name] for name in _FIELDS}}
        for row, new in changes
    ]


def _apply(
    session: Session, project_id: int, changes: Sequence[tuple[Row, Mapping[str, Any]]], resolve: Resolve
) -> None:
    upto = learned_upto(session, project_id)
    for row, new in changes:
        state = _state(session, row, new["ruling"])
        session.execute(_WRITE, {**new, "id": row["id"], "state": state})
        if (change := (state == "accepted") - (row["state"] == "accepted")) != 0:
            count(session, project_id, row, change, upto)
    ids = _json(sorted({row["item_id"] for row, _ in changes}))
    for item in session.query("select * from items where id in (select value from json_each(?))", (ids,)):
        settle(session, project_id, item, resolve)


def _state(session: Session, row: Row, ruling: Ruling | None) -> FeedbackState:
    if row["state"] not in ("accepted", "quarantined"):
        state: FeedbackState = row["state"]
        return state
    if ruling == "reject":
        return "quarantined"
    # A reviewer may have spoken again while the entry was rejected.
    return "superseded" if session.query(_REPLACED, row) else "accepted"


def _json(ids: Sequence[int]) -> str:
    return orjson.dumps(list(ids)).decode()
