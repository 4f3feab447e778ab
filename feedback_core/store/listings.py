"""What programs ask for: rows by the keys they know, and lists page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from ..types import Event, Feedback, ItemState, Split
from .driver import Driver, Session, noun
from .events import event_of
from .standing import feedback_of

# In both a cross join, which keeps SQLite from reading the whole project for a few keys: it takes the list for long.
_PLACED = """
select i.id, i.key, i.split, i.state, i.version_id from json_each(:keys) wanted
cross join items i on i.key = wanted.value and i.project_id = :project
"""

_EQUAL = """
select i.input_hash, i.id, i.key, i.split, i.state, i.version_id from json_each(:hashes) wanted
cross join items i on i.input_hash = wanted.value and i.project_id = :project order by i.id desc
"""

_KEYED = """
select f.* from json_each(:keys) wanted
cross join feedback f on f.idempotency_key = wanted.value and f.project_id = :project
"""

_NEAR = """
select priority from (
    select * from (select confidence, priority from items where project_id = :project and state = 'open'
                   and confidence >= :value and priority is not null order by confidence limit 1)
    union all
    select * from (select confidence, priority from items where project_id = :project and state = 'open'
                   and confidence < :value and priority is not null order by confidence desc limit 1))
order by abs(confidence - :value) limit 1
"""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an item is. version_id: the version whose prediction it bears, None before the first."""

    id: int
    key: str
    split: Split
    state: ItemState
    version_id: int | None


class Listings:
    """Reading only."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def placed(self, project_id: int, keys: Sequence[str]) -> dict[str, Placed]:
        """Items of a project by key; unknown keys are left out."""
        with self._driver.reading() as session:
            rows = session.query(_PLACED, {"keys": orjson.dumps(list(keys)).decode(), "project": project_id})
        return {row["key"]: noun(Placed, row) for row in rows}

    def placed_by_input(self, project_id: int, hashes: Sequence[str]) -> dict[str, Placed]:
        """Items of a project by the hash of their input, of equal ones the oldest; unknown hashes are left out."""
        params = {"hashes": orjson.dumps(list(hashes)).decode(), "project": project_id}
        with self._driver.reading() as session:
            rows = session.query(_EQUAL, params)
        return {row["input_hash"]: noun(Placed, row) for row in rows}

    def entries_by_key(self, project_id: int, idempotency_keys: Sequence[str]) -> dict[str, Feedback]:
        """Entries that were stored under idempotency keys; unknown keys are left out."""
        with self._driver.reading() as session:
            rows = session.query(_KEYED, {"keys": orjson.dumps(list(idempotency_keys)).decode(), "project": project_id})
        return {row["idempotency_key"]: feedback_of(row) for row in rows}

    def entry_project(self, feedback_id: int) -> int | None:
        """The project that an entry belongs to."""
        with self._driver.reading() as session:
            rows = session.query("select project_id from feedback where id = ?", (feedback_id,))
        return rows[0]["project_id"] if rows else None

    def entry_giver(self, feedback_id: int) -> tuple[str, str] | None:
        """Who has given an entry, and the token that recorded it in their name, empty where none did."""
        with self._driver.reading() as session:
            rows = session.query("select reviewer, via from feedback where id = ?", (feedback_id,))
        return (rows[0]["reviewer"], rows[0]["via"]) if rows else None

    def feedback(self, project_id: int, after: int, limit: int) -> list[Feedback]:
        """Entries with a larger id, oldest first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from feedback where project_id = ? and id > ? order by id limit ?", (project_id, after, limit)
            )
        return [feedback_of(row) for row in rows]

    def events(self, project_id: int, after: int, limit: int) -> list[Event]:
        """Events with a larger id, oldest first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from events where project_id = ? and id > ? order by id limit ?", (project_id, after, limit)
            )
        return [event_of(row) for row in rows]

    def priorities_near(self, project_id: int, confidences: Sequence[float]) -> list[float | None]:
        """For each confidence the priority of the open item that is closest to it; None where none has one."""
        with self._driver.reading() as session:
            return [_near(session, project_id, value) for value in confidences]


def _near(session: Session, project_id: int, value: float) -> float | None:
    rows = session.query(_NEAR, {"project": project_id, "value": value})
    return rows[0]["priority"] if rows else None
