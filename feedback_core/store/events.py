"""The audit trail: who did what, when, with which version live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..types import Event
from .driver import Driver, Session

_INSERT = """
insert into events (project_id, at, actor, kind, version_id, details)
values (?, ?, ?, ?, (select id from versions where project_id = ? and status = 'champion'), ?)
"""


def log(
    session: Session, project_id: int, now: float, actor: str, kind: str, details: Mapping[str, Any] | None = None
) -> None:
    """Append one event inside the transaction of the change it describes."""
    body = orjson.dumps(details or {}).decode()
    session.execute(_INSERT, (project_id, now, actor, kind, project_id, body))


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
        return [
            Event(row["id"], row["at"], row["actor"], row["kind"], row["version_id"], orjson.loads(row["details"]))
            for row in rows
        ]
