"""Feedback: append-only entries, durable before the caller hears "saved"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from ..errors import InvalidFeedback, NotFound, Stale
from ..types import Decision, Feedback, Project
from . import reversals, tallies
from .driver import Driver, Row, Session
from .standing import Resolve, account, day_of, entries_of, feedback_of

_INSERT = """
insert into feedback (project_id, item_id, version_id, reviewer, verdict, target, predicted, note, seconds, draw_id,
                      undoes, state, idempotency_key, created_at, reverses, via,
                      doubt)
values (:project, :item, :version, :reviewer, :verdict, :target, :predicted, :note, :seconds, :draw, :undoes, :state,
        :idempotency_key, :now, :reverses, :via, :doubt)
returning *
"""

_LEASED_ELSEWHERE = """
select reviewer from draws
where item_id = ? and done = 0 and leased_until > ? and reviewer <> ? limit 1
"""

# The reviewer's last word before; when a maintainer has rejected that one, nothing older comes back in its place.
_RESTORE = """
update feedback set state = 'accepted' where state = 'superseded' and id = (
    select max(id) from feedback where item_id = ? and reviewer = ? and verdict <> 'undo' and state <> 'withdrawn')
returning *
"""

# Not when an earlier word of the reviewer counts again: then the item is decided.
_HOLD = """
update draws set done = 0, leased_until = :until
where id = (select draw_id from feedback where id = :entry)
and not exists (select 1 from draws d where d.item_id = draws.item_id and d.done = 0 and d.leased_until > :now)
and not exists (select 1 from feedback f where f.item_id = draws.item_id and f.reviewer = draws.reviewer
                and f.state = 'accepted' and f.verdict <> 'undo')
"""


SCAN = 20_000
"""Entries of one reviewer that are looked through for corrections."""

_CORRECTIONS = """
select f.* from (select * from feedback where project_id = :project and reviewer = :reviewer
                 order by id desc limit :scan) f
join items i on i.id = f.item_id
where f.verdict = 'correct' and f.state in ('accepted', 'quarantined') and i.split = 'pool'
order by f.id desc limit :limit
"""

_BEYOND = "select 1 from feedback where project_id = :project and reviewer = :reviewer limit 1 offset :scan"


class FeedbackLog:
    """What reviewers said, in the order they said it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def record(self, project: Project, decisions: Sequence[Decision], resolve: Resolve, now: float) -> list[Feedback]:
        """Append decisions in one durable transaction, all or none; a repeated idempotency key stores nothing twice.

        Raises Stale when an item has moved on since it was shown.
        """
        with self._driver.writing() as session:
            return [_record(session, project.id, decision, resolve, now) for decision in decisions]

    def undo(
        self,
        project: Project,
        feedback_id: int,
        reviewer: str,
        resolve: Resolve,
        now: float,
        hold_s: float | None = None,
        via: str = "",
    ) -> Feedback:
        """Take one entry back; what the same reviewer had said before it counts again.

        hold_s: seconds to lease the item to the reviewer again, on the draw it was decided from. via: see Decision.
        """
        with self._driver.writing() as session:
            entry = _undo(session, project.id, feedback_id, reviewer, resolve, now, via)
            if hold_s is not None:
                session.execute(_HOLD, {"entry": feedback_id, "now": now, "until": now + hold_s})
            return entry

    def undo_many(
        self, project: Project, feedback_ids: Sequence[int], reviewer: str, resolve: Resolve, now: float
    ) -> list[Feedback]:
        """Take back those of the entries that still count, the newest first; gives the entries that say so."""
        with self._driver.writing() as session:
            rows = session.query(
                """select id from feedback where id in (select value from json_each(?)) and project_id = ?
                and state = 'accepted' and verdict <> 'undo' order by id desc""",
                (orjson.dumps(list(feedback_ids)).decode(), project.id),
            )
            return [_undo(session, project.id, row["id"], reviewer, resolve, now) for row in rows]

    def by_key(self, project_id: int, idempotency_key: str) -> Feedback | None:
        """The entry stored under an idempotency key."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from feedback where project_id = ? and idempotency_key = ?", (project_id, idempotency_key)
            )
        return feedback_of(rows[0]) if rows else None

    def of_item(self, item_id: int) -> list[Feedback]:
        """Every entry about one item, oldest first."""
        with self._driver.reading() as session:
            return entries_of(session, item_id)

    def of_items(self, item_ids: Sequence[int]) -> dict[int, list[Feedback]]:
        """Item id -> every entry about it, oldest first."""
        with self._driver.reading() as session:
            return {item_id: entries_of(session, item_id) for item_id in item_ids}

    def latest(self, project_id: int, limit: int = 20, reviewer: str | None = None) -> list[Feedback]:
        """The newest entries first, of one reviewer or of all."""
        who, params = (
            ("", (project_id, limit)) if reviewer is None else (" and reviewer = ?", (project_id, reviewer, limit))
        )
        with self._driver.reading() as session:
            rows = session.query(f"select * from feedback where project_id = ?{who} order by id desc limit ?", params)
        return [feedback_of(row) for row in rows]

    def corrections(self, project_id: int, reviewer: str, limit: int) -> tuple[list[Feedback], bool]:
        """A reviewer's newest corrections of pool items that stand or were rejected, newest first; and whether there
        may be older ones. Looks through the reviewer's newest SCAN entries."""
        params = {"project": project_id, "reviewer": reviewer, "limit": limit + 1, "scan": SCAN}
        with self._driver.reading() as session:
            rows = session.query(_CORRECTIONS, params)
            older = len(rows) > limit or bool(session.query(_BEYOND, params))
        return [feedback_of(row) for row in rows[:limit]], older

    def pending(self, project_id: int) -> dict[str, int]:
        """Accepted entries that no version has been trained on yet: counts by verdict."""
        with self._driver.reading() as session:
            rows = session.query(
                "select name, n from tallies where project_id = ? and kind = 'pending' and n > 0", (project_id,)
            )
        return {row["name"]: row["n"] for row in rows}

    def export(self, project_id: int, size: int = 5_000) -> Iterator[list[Feedback]]:
        """Every entry in the order it was given, chunk by chunk."""
        last = 0
        while True:
            with self._driver.reading() as session:
                rows = session.query(
                    "select * from feedback where project_id = ? and id > ? order by id limit ?",
                    (project_id, last, size),
                )
            if not rows:
                return
            yield [feedback_of(row) for row in rows]
            last = rows[-1]["id"]


def _record(session: Session, project_id: int, decision: Decision, resolve: Resolve, now: float) -> Feedback:
    if (earlier := _already(session, project_id, decision)) is not None:
        return earlier
    item = _item_to_decide(session, project_id, decision, now)
    superseded = session.query(
        """update feedback set state = 'superseded'
        where item_id = ? and reviewer = ? and state = 'accepted' and verdict <> 'undo' returning *""",
        (decision.item_id, decision.reviewer),
    )
    values = _values(project_id, decision, item["predicted"], now)
    if item["split"] == "pool" and decision.target is not None:
        values["reverses"] = session.query(reversals.FOUND, values | {"apart": reversals.APART_S})[0]["n"]
    row = session.query(_INSERT, values)[0]
    session.execute(
        "update draws set done = 1 where item_id = ? and reviewer = ? and done = 0",
        (decision.item_id, decision.reviewer),
    )
    account(session, project_id, item, resolve, [(old, -1) for old in superseded] + [(row, 1)])
    if item["split"] == "pool":
        tallies.add(session, project_id, "day", {f"{day_of(now)}/{row['verdict']}": 1})
    return feedback_of(row)


def _already(session: Session, project_id: int, decision: Decision) -> Feedback | None:
    if decision.idempotency_key is None:
        return None
    rows = session.query(
        "select * from feedback where project_id = ? and idempotency_key = ?", (project_id, decision.idempotency_key)
    )
    if not rows:
        return None
    same = ("item_id", "reviewer", "verdict", "target")
    if any(rows[0][name] != getattr(decision, name) for name in same):
        raise InvalidFeedback(
            f"idempotency_key={decision.idempotency_key!r} was used before for another decision: use a new key."
        )
    return feedback_of(rows[0])


def _item_to_decide(session: Session, project_id: int, decision: Decision, now: float) -> Row:
    rows = session.query("select * from items where id = ? and project_id = ?", (decision.item_id, project_id))
    if not rows:
        raise NotFound(f"There is no item {decision.item_id} in this project: open the queue again.")
    item = rows[0]
    if item["split"] != "pool" and not _asked_of(session, decision):
        raise InvalidFeedback(f"Item {item['key']} is labelled base data: only items of the pool can be reviewed.")
    if decision.version_id != item["version_id"] and not _needs_no_prediction(session, decision):
        raise Stale(f"The prediction of item {item['key']} has changed since it was shown: look at it again.")
    holder = session.query(_LEASED_ELSEWHERE, (item["id"], now, decision.reviewer))
    if holder:
        raise Stale(f"Item {item['key']} is in {holder[0]['reviewer']}'s hands now: take the next one.")
    if decision.draw_id is not None:
        _check_draw(session, decision, item)
    return item


def _needs_no_prediction(session: Session, decision: Decision) -> bool:
    """Whether the answer stands whatever the model says now: it was given blind, or it changes the reviewer's own."""
    if decision.draw_id is None or decision.verdict == "confirm":
        return False
    rows = session.query("select blind, reviewer from draws where id = ?", (decision.draw_id,))
    return bool(rows) and (bool(rows[0]["blind"]) or (decision.revises and _decided_from(session, decision)))


def _asked_of(session: Session, decision: Decision) -> bool:
    """Whether the decision answers a question with a known answer that was put to this reviewer."""
    rows = session.query("select strategy from draws where id = ?", (decision.draw_id,))
    return bool(rows) and rows[0]["strategy"] == "gold"


def _check_draw(session: Session, decision: Decision, item: Row) -> None:
    rows = session.query("select item_id, reviewer, done from draws where id = ?", (decision.draw_id,))
    if not rows or rows[0]["item_id"] != decision.item_id or rows[0]["reviewer"] != decision.reviewer:
        raise InvalidFeedback(f"draw_id={decision.draw_id} is not {decision.reviewer}'s draw of item {item['key']}.")
    if rows[0]["done"] and not (decision.revises and _decided_from(session, decision)):
        raise Stale(f"Item {item['key']} was decided or passed on already: take the next one.")


def _decided_from(session: Session, decision: Decision) -> bool:
    rows = session.query(
        "select 1 from feedback where item_id = ? and draw_id = ? and reviewer = ? and state = 'accepted'",
        (decision.item_id, decision.draw_id, decision.reviewer),
    )
    return bool(rows)


def _values(project_id: int, decision: Decision, predicted: str | None, now: float) -> dict[str, Any]:
    return {
        "project": project_id,
        "item": decision.item_id,
        "version": decision.version_id,
        "reviewer": decision.reviewer,
        "verdict": decision.verdict,
        "target": decision.target,
        "predicted": predicted,
        "note": decision.note,
        "seconds": decision.seconds,
        "draw": decision.draw_id,
        "undoes": None,
        "state": "accepted",
        "idempotency_key": decision.idempotency_key,
        "now": now,
        "reverses": None,
        "via": decision.via,
        "doubt": decision.doubt,
    }


def _undo(
    session: Session, project_id: int, feedback_id: int, reviewer: str, resolve: Resolve, now: float, via: str = ""
) -> Feedback:
    rows = session.query("select * from feedback where id = ? and project_id = ?", (feedback_id, project_id))
    if not rows:
        raise NotFound(f"There is no feedback entry {feedback_id} in this project.")
    entry = rows[0]
    if entry["verdict"] == "undo" or entry["state"] != "accepted":
        raise Stale(f"Entry {feedback_id} no longer counts, so there is nothing to undo.")
    session.execute("update feedback set state = 'withdrawn' where id = ?", (feedback_id,))
    restored = session.query(_RESTORE, (entry["item_id"], entry["reviewer"]))
    decision = Decision(entry["item_id"], reviewer, "undo", version_id=entry["version_id"], via=via)
    values = _values(project_id, decision, entry["predicted"], now) | {"undoes": feedback_id}
    row = session.query(_INSERT, values)[0]
    item = session.query("select * from items where id = ?", (entry["item_id"],))[0]
    account(session, project_id, item, resolve, [(entry, -1)] + [(old, 1) for old in restored])
    if item["split"] == "pool":
        tallies.add(session, project_id, "day", {f"{day_of(now)}/undo": 1})
    return feedback_of(row)
