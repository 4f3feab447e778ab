"""Running counts kept in the same transaction as what they count, so no page ever counts a table."""

from __future__ import annotations

from collections.abc import Mapping

from .driver import Driver, Session

ADD = """
insert into tallies (project_id, kind, name, n) values (?, ?, ?, ?)
on conflict (project_id, kind, name) do update set n = n + excluded.n
"""


def add(session: Session, project_id: int, kind: str, changes: Mapping[str, int]) -> None:
    """Add each change to its count.

    Kinds: items (split/state), pending and total (verdict), day (date/verdict, with what was taken back later),
    reviewer (reviewer/verdict), gold (reviewer/right or wrong), and `reviewer day` and `gold day` with the date before.
    """
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

    def between(self, project_id: int, kind: str, first: str | None, last: str | None) -> dict[str, int]:
        """Counts of a kind whose names begin with a day, of the days from first to last (2026-01-31), both included."""
        # A slash follows the day, and ":" is the sign after it: whatever follows the slash sorts before.
        params = {"project": project_id, "kind": kind, "first": first or "", "last": f"{last}:" if last else ":"}
        with self._driver.reading() as session:
            rows = session.query(
                """select name, n from tallies
                where project_id = :project and kind = :kind and name >= :first and name < :last""",
                params,
            )
        return {row["name"]: row["n"] for row in rows}
