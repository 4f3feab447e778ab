"""Running counts kept in the same transaction as what they count, so no page ever counts a table."""

from __future__ import annotations

from collections.abc import Mapping

from .driver import Driver, Session

ADD = """
insert into tallies (project_id, kind, name, n) values (?, ?, ?, ?)
on conflict (project_id, kind, name) do update set n = n + excluded.n
"""


def add(session: Session, project_id: int, kind: str, changes: Mapping[str, int]) -> None:
    """Add each change to its count; kinds: items (split/state), pending and total (verdict), day (date/verdict)."""
    session.many(ADD, [(project_id, kind, name, n) for name, n in changes.items() if n])


class Tallies:
    """Reading the running counts."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def of(self, project_id: int, kind: str) -> dict[str, int]:
        """Counts of one kind by name; names that never occurred are absent."""
        with self._driver.reading() as session:
            rows = session.query("select name, n from tallies where project_id = ? and kind = ?", (project_id, kind))
        return {row["name"]: row["n"] for row in rows}
