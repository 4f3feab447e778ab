"""Webhooks: where a project's news is sent. Every change of one is an event, which names the host and no secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from ..errors import NotFound, Refused
from ..types import Webhook
from . import events
from .driver import Driver, Row, Session, noun

MOST = 20
"""Webhooks of one project: each is looked after twice a second."""

_INSERT = """
insert into webhooks (project_id, url, kinds, secret, event_upto, feedback_upto, created_by, created_at)
select :project, :url, :kinds, :secret, (select coalesce(max(id), 0) from events),
       (select coalesce(max(id), 0) from feedback), :by, :now
where (select count(*) from webhooks where project_id = :project and removed_at is null) < :most
returning *
"""

_ACTIVE = """
select w.* from webhooks w join projects p on p.id = w.project_id
where w.removed_at is null and w.active = 1 and p.archived_at is null order by w.id
"""

# Entries given before somebody asked for them are no news.
_CHANGE = """
update webhooks set url = :url, kinds = :kinds,
    feedback_upto = iif(:fresh, (select coalesce(max(id), 0) from feedback), feedback_upto)
where id = :id and removed_at is null returning *
"""

_FROM_NOW_ON = """
update webhooks set event_upto = (select coalesce(max(id), 0) from events),
    feedback_upto = (select coalesce(max(id), 0) from feedback) where id = ?
"""

_REMOVE = """
update webhooks set removed_at = ?, active = 0, secret = '', old_secret = null where id = ? and removed_at is null
"""

_SKIP = "update deliveries set state = 'skipped' where webhook_id = ? and state in ('waiting', 'failed')"
_TRY_ANEW = """
update deliveries set state = 'waiting', attempts = 0, next_at = :now
where webhook_id = :id and state in ('waiting', 'failed') and kind <> 'ping'
"""


class Webhooks:
    """Adding, changing and finding them; `Deliveries` holds what each has been sent."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def add(self, project_id: int, url: str, kinds: Sequence[str], secret: str, *, by: str, now: float) -> Webhook:
        """Send what happens from now on. Raises Refused where a project has MOST."""
        values = {"project": project_id, "url": url, "kinds": _text(kinds), "secret": secret, "by": by, "now": now}
        with self._driver.writing() as session:
            rows = session.query(_INSERT, values | {"most": MOST})
            if not rows:
                raise Refused(f"This project has {MOST} webhooks already: remove one first.")
            _log(session, rows[0], "webhook added", by, now, kinds=list(kinds))
        return _webhook(rows[0])

    def of(self, project_id: int) -> list[Webhook]:
        """Those of a project, oldest first."""
        with self._driver.reading() as session:
            sql = "select * from webhooks where project_id = ? and removed_at is null order by id"
            return [_webhook(row) for row in session.query(sql, (project_id,))]

    def get(self, project_id: int, webhook_id: int) -> Webhook:
        """One of a project's. Raises NotFound."""
        with self._driver.reading() as session:
            return _webhook(_row(session, project_id, webhook_id))

    def active(self) -> list[Webhook]:
        """Those of all projects that something may be sent to."""
        with self._driver.reading() as session:
            return [_webhook(row) for row in session.query(_ACTIVE)]

    def change(self, webhook: Webhook, url: str, kinds: Sequence[str], *, by: str, now: float) -> Webhook:
        """Another address, or other kinds."""
        with self._driver.writing() as session:
            before = _row(session, webhook.project_id, webhook.id)
            fresh = "feedback.recorded" in kinds and "feedback.recorded" not in before["kinds"]
            values = {"id": webhook.id, "url": url, "kinds": _text(kinds), "fresh": fresh}
            row = session.query(_CHANGE, values)[0]
            was = {"was_to": _host(before["url"]), "were": orjson.loads(before["kinds"])}
            _log(session, row, "webhook changed", by, now, kinds=list(kinds), **was)
        return _webhook(row)

    def pause(self, webhook: Webhook, reason: str, *, by: str, now: float) -> Webhook:
        """Send nothing until it is resumed; what happens meanwhile is kept for then."""
        with self._driver.writing() as session:
            _row(session, webhook.project_id, webhook.id)
            pause(session, webhook.id, reason, by=by, now=now)
            return _webhook(_row(session, webhook.project_id, webhook.id))

    def resume(self, webhook: Webhook, catch_up: bool, *, by: str, now: float) -> Webhook:
        """Send again, beginning with what could not be delivered; without catch_up only what happens from now on."""
        with self._driver.writing() as session:
            row = _row(session, webhook.project_id, webhook.id)
            session.execute("update webhooks set active = 1, paused = '' where id = ?", (webhook.id,))
            if catch_up:
                session.execute(_TRY_ANEW, {"id": webhook.id, "now": now})
            else:
                session.execute(_SKIP, (webhook.id,))
                session.execute(_FROM_NOW_ON, (webhook.id,))
            _log(session, row, "webhook resumed", by, now, catch_up=catch_up)
            return _webhook(_row(session, webhook.project_id, webhook.id))

    def rotate(self, webhook: Webhook, secret: str, *, by: str, now: float, keep_s: float) -> None:
        """Sign with a new secret, and beside it with the old one for a while, so that a receiver can change over."""
        with self._driver.writing() as session:
            row = _row(session, webhook.project_id, webhook.id)
            session.execute(
                "update webhooks set old_secret = secret, old_until = ?, secret = ? where id = ?",
                (now + keep_s, secret, webhook.id),
            )
            _log(session, row, "webhook secret rotated", by, now)

    def remove(self, webhook: Webhook, *, by: str, now: float) -> None:
        """Send nothing more and forget the secret; its deliveries stay in the database."""
        with self._driver.writing() as session:
            row = _row(session, webhook.project_id, webhook.id)
            session.execute(_REMOVE, (now, webhook.id))
            session.execute(_SKIP, (webhook.id,))
            _log(session, row, "webhook removed", by, now)


def pause(session: Session, webhook_id: int, reason: str, *, by: str, now: float) -> None:
    """`Webhooks.pause` inside the transaction of what led to it."""
    rows = session.query("update webhooks set active = 0, paused = ? where id = ? returning *", (reason, webhook_id))
    _log(session, rows[0], "webhook paused", by, now, reason=reason)


def _row(session: Session, project_id: int, webhook_id: int) -> Row:
    sql = "select * from webhooks where id = ? and project_id = ? and removed_at is null"
    rows = session.query(sql, (webhook_id, project_id))
    if not rows:
        raise NotFound(f"There is no webhook {webhook_id} in this project: list them for their numbers.")
    return rows[0]


def _log(session: Session, row: Row, kind: str, by: str, now: float, **more: Any) -> None:
    details = {"webhook": row["id"], "to": _host(row["url"])} | more
    events.log(session, row["project_id"], now, by, kind, details)


def _host(url: str) -> str:
    # Not the whole address: what follows the host is a password at some receivers, and events are for everybody.
    return urlsplit(url).hostname or ""


def _text(kinds: Sequence[str]) -> str:
    return orjson.dumps(list(kinds)).decode()


def _webhook(row: Row) -> Webhook:
    return noun(Webhook, row, kinds=tuple(orjson.loads(row["kinds"])), active=bool(row["active"]))
