"""Alarms that people have answered, in the order of the ranking they came from."""

from __future__ import annotations

from .driver import Driver

_ANSWERED = """
select f.version_id, f.target from feedback f join draws d on d.id = f.draw_id
where f.project_id = :project and f.id > :after and d.strategy = :strategy and f.state = 'accepted'
  and f.verdict in ('confirm', 'correct') and f.version_id is not null
order by f.id limit :limit
"""

MOST = 2_000
"""Answers read at most: what a chart can show, and a page can wait for."""


class Alarms:
    """Standing answers to cards that a ranking, or chance, has dealt."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def answered(self, project_id: int, *, strategy: str = "priority", after: int = 0) -> list[tuple[int, str]]:
        """(version the card came from, answer), the first MOST entries after one, in their order."""
        params = {"project": project_id, "after": after, "strategy": strategy, "limit": MOST}
        with self._driver.reading() as session:
            return [(row["version_id"], row["target"]) for row in session.query(_ANSWERED, params)]
