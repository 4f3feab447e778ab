"""Versions that live elsewhere: what whoever makes them may know of the labels here."""

from __future__ import annotations

from .driver import Driver

_MAY_KNOW = """
update versions set feedback_upto = (
    select coalesce(max(f.id), 0) from feedback f where f.project_id = versions.project_id
) where id = ?
"""


class Outside:
    """Models that were not fitted here."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def may_know(self, version_id: int) -> None:
        """Note that predictions came in now: labels given before are no fresh evidence of them."""
        with self._driver.writing() as session:
            session.execute(_MAY_KNOW, (version_id,))
