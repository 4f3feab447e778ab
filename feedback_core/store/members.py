"""Roles that people were given, and the audit trail of what concerns no single project."""

from __future__ import annotations

import orjson

from ..errors import NotFound
from ..types import ROLES, Event, Member, Role
from .driver import Driver, Row, noun
from .events import log_anywhere
from .tokens import revoke_orphans

_SET = """
insert into members (project_id, subject, name, role, added_at, added_by)
values (:project, :subject, :name, :role, :now, :by)
on conflict (coalesce(project_id, 0), subject) do update set
    role = excluded.role, name = iif(excluded.name = '', name, excluded.name),
    added_at = excluded.added_at, added_by = excluded.added_by
returning *
"""
_AT = "from members where coalesce(project_id, 0) = coalesce(:project, 0) and subject = :subject"


class Members:
    """Who has which role where."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def put(
        self, project_id: int | None, subject: str, name: str, role: Role, *, now: float, by: str, admin: bool = False
    ) -> Member:
        """Give somebody a role, instead of the one they had there. name: empty keeps the one stored.

        With a lower role the tokens they have made where they are admin no longer are revoked.
        admin: they stay admin of everything anyway.
        """
        values = {"project": project_id, "subject": subject, "name": name, "role": role, "now": now, "by": by}
        with self._driver.writing() as session:
            before = session.query(f"select role {_AT}", {"project": project_id, "subject": subject})
            row = session.query(_SET, values)[0]
            details = {"subject": subject, "role": role, "before": before[0]["role"] if before else None}
            log_anywhere(session, project_id, now, by, "member set", details)
            lower = bool(before) and ROLES.index(role) < ROLES.index(before[0]["role"])
            ended = revoke_orphans(session, project_id, subject, now=now, by=by) if lower and not admin else ()
        return noun(Member, row, ended=ended)

    def remove(self, project_id: int | None, subject: str, *, now: float, by: str, admin: bool = False) -> Member:
        """Take a role away, and revoke tokens as `put` does. Raises NotFound when they have none there."""
        with self._driver.writing() as session:
            rows = session.query(f"delete {_AT} returning *", {"project": project_id, "subject": subject})
            if not rows:
                place = "all projects" if project_id is None else f"project {project_id}"
                raise NotFound(f"{subject!r:.200} has been given no role in {place}: the list of members says who has.")
            details = {"subject": subject, "before": rows[0]["role"]}
            log_anywhere(session, project_id, now, by, "member removed", details)
            ended = () if admin else revoke_orphans(session, project_id, subject, now=now, by=by)
        return noun(Member, rows[0], ended=ended)

    def get(self, member_id: int) -> Member:
        """A role that was given, by its number. Raises NotFound."""
        with self._driver.reading() as session:
            rows = session.query("select * from members where id = ?", (member_id,))
        if not rows:
            raise NotFound(f"There is no member {member_id}: the list of members has their numbers.")
        return _member(rows[0])

    def of(self, project_id: int | None) -> list[Member]:
        """Roles given in a project and in all projects; None: only the latter."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from members where project_id is null or project_id = ? order by subject, id", (project_id,)
            )
        return [_member(row) for row in rows]

    def named(self, subject: str) -> list[Member]:
        """Every role that one person was given."""
        with self._driver.reading() as session:
            rows = session.query("select * from members where subject = ? order by id", (subject,))
        return [_member(row) for row in rows]

    def history(self, after: int, limit: int) -> list[Event]:
        """Events that concern no single project, with a larger id, oldest first."""
        with self._driver.reading() as session:
            rows = session.query("select * from admin_events where id > ? order by id limit ?", (after, limit))
        return [noun(Event, row, version_id=None, details=orjson.loads(row["details"])) for row in rows]


def _member(row: Row) -> Member:
    return noun(Member, row, ended=())
