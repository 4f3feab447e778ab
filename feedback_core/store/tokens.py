"""Tokens of programs: their hashes, scopes and ends."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput, NotFound, Stale
from ..types import Role, Token
from .driver import Driver, Row, Session, noun
from .events import log_anywhere

_INSERT = """
insert into tokens (project_id, name, hash, prefix, role, may_act_for_others, created_by, created_at, expires_at)
values (:project, :name, :hash, :prefix, :role, :others, :by, :now, :expires) returning *
"""

# Only an admin makes tokens: what somebody has made where they are admin no longer would be their way back in.
_ORPHANS = """
update tokens set revoked_at = :now, revoked_by = :by
where created_by = :subject and revoked_at is null and (:project is null or project_id = :project) and not exists (
    select 1 from members m where m.subject = :subject and m.role = 'admin'
    and (m.project_id is null or m.project_id = tokens.project_id))
returning *
"""


class Tokens:
    """Making, finding and revoking. A token is never deleted: the audit trail names it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(
        self,
        project_id: int | None,
        name: str,
        hashed: str,
        prefix: str,
        role: Role,
        *,
        may_act_for_others: bool,
        expires_at: float,
        now: float,
        by: str,
    ) -> Token:
        """Store a token by the hash of its secret. Raises InvalidInput when one of that name was ever made."""
        values = {
            "project": project_id,
            "name": name,
            "hash": hashed,
            "prefix": prefix,
            "role": role,
            "others": int(may_act_for_others),
            "by": by,
            "now": now,
            "expires": expires_at,
        }
        with self._driver.writing() as session:
            if session.query("select 1 from tokens where name = ?", (name,)):
                raise InvalidInput(
                    f"A token named {name!r} was made before, and the audit trail knows it: choose another name."
                )
            token = _token(session.query(_INSERT, values)[0])
            log_anywhere(session, project_id, now, by, "token created", _told(token))
        return token

    def revoke(self, token_id: int, *, now: float, by: str) -> Token:
        """End a token at once and for good. Raises NotFound, and Stale when it is revoked already."""
        with self._driver.writing() as session:
            rows = session.query(
                "update tokens set revoked_at = ?, revoked_by = ? where id = ? and revoked_at is null returning *",
                (now, by, token_id),
            )
            if not rows and session.query("select 1 from tokens where id = ?", (token_id,)):
                raise Stale(f"Token {token_id} is revoked already.")
            if not rows:
                raise NotFound(f"There is no token {token_id}: the list of tokens has their numbers.")
            token = _token(rows[0])
            log_anywhere(session, token.project_id, now, by, "token revoked", _told(token))
        return token

    def get(self, token_id: int) -> Token:
        """A token by its number. Raises NotFound."""
        with self._driver.reading() as session:
            rows = session.query("select * from tokens where id = ?", (token_id,))
        if not rows:
            raise NotFound(f"There is no token {token_id}: the list of tokens has their numbers.")
        return _token(rows[0])

    def hashed(self, digest: str) -> Token | None:
        """The token whose secret has this hash, revoked and expired ones too."""
        with self._driver.reading() as session:
            rows = session.query("select * from tokens where hash = ?", (digest,))
        return _token(rows[0]) if rows else None

    def of(self, project_id: int) -> list[Token]:
        """Tokens for one project and for all of them, the newest first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from tokens where project_id is null or project_id = ? order by id desc", (project_id,)
            )
        return [_token(row) for row in rows]

    def all(self) -> list[Token]:
        """Every token ever made, the newest first."""
        with self._driver.reading() as session:
            return [_token(row) for row in session.query("select * from tokens order by id desc")]

    def touch(self, token_id: int, now: float, every_s: float) -> None:
        """Remember that a token was used, unless that was remembered within the last seconds."""
        with self._driver.writing() as session:
            session.execute(
                "update tokens set last_used_at = :now where id = :id and coalesce(last_used_at, 0) <= :now - :every",
                {"id": token_id, "now": now, "every": every_s},
            )


def revoke_orphans(session: Session, project_id: int | None, subject: str, *, now: float, by: str) -> tuple[str, ...]:
    """Revoke the tokens that somebody has made in a project, or anywhere (None), and may make there no longer; gives
    their names."""
    values = {"project": project_id, "subject": subject, "now": now, "by": by}
    ended = [_token(row) for row in session.query(_ORPHANS, values)]
    for token in ended:
        log_anywhere(session, token.project_id, now, by, "token revoked", _told(token) | {"made_by": subject})
    return tuple(token.name for token in ended)


def _token(row: Row) -> Token:
    return noun(Token, row, may_act_for_others=bool(row["may_act_for_others"]))


def _told(token: Token) -> dict[str, Any]:
    return {
        "token": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "role": token.role,
        "may_act_for_others": token.may_act_for_others,
        "expires_at": token.expires_at,
    }
