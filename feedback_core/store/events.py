"""The audit trail: who did what, when, with which version live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..types import Event
from .driver import Driver, Row, Session, noun

_INSERT = """
insert into events (project_id, at, actor, kind, version_id, details)
values (?, ?, ?, ?, (select id from versions where project_id = ? and status = 'champion'), ?)
returning id
"""


def log(
    session: Session, project_id: int, now: float, actor: str, kind: str, details: Mapping[str, Any] | None = None
) -> int:
    """Append one event inside the transaction of the change it describes; gives its id."""
    body = orjson.dumps(details or {}).decode()
    return int(session.query(_INSERT, (project_id, now, actor, kind, project_id, body))[0]["id"])


def log_anywhere(
    session: Session, project_id: int | None, now: float, actor: str, kind: str, details: Mapping[str, Any]
) -> None:
    """Append one event inside the transaction of the change: to a project's trail, or to that of all."""
    if project_id is not None:
        log(session, project_id, now, actor, kind, details)
        return
    session.execute(
        "insert into admin_events (at, actor, kind, details) values (?, ?, ?, ?)",
        (now, actor, kind, orjson.dumps(details).decode()),
    )


class Events:
    """Reading the audit trail, and adding what no other write records."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def append(self, project_id: int, now: float, actor: str, kind: str, details: Mapping[str, Any]) -> None:
        with self._driver.writing() as session:
            log(session, project_id, now, actor, kind, details)

    def latest(self, project_id: int, limit: int = 50) -> list[Event]:
        """The newest events first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from events where project_id = ? order by id desc limit ?", (project_id, limit)
            )
        return [event_of(row) for row in rows]


def event_of(row: Row) -> Event:
    """An event from its table row."""
    return noun(Event, row, details=orjson.loads(row["details"]))
