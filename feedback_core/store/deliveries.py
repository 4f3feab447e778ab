"""Deliveries: what each webhook is to be sent, was sent, and how the last attempt went."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ..errors import NotFound, Refused, Stale
from ..types import Attempt, Delivery, Message, Parcel, Webhook
from . import webhooks
from .driver import Driver, Row, Session, noun

KEPT = 1_000
"""Deliveries of one webhook that are kept when they are over; the audit trail keeps what they told."""

_INSERT = """
insert into deliveries (webhook_id, message_id, kind, body, state, next_at, created_at, resends)
values (:webhook, :message, :kind, :body, 'waiting', :now, :now, :resends) returning *
"""

# Whoever read these cursors first makes the deliveries; another worker that read them too makes none.
_MOVE = """
update webhooks set event_upto = :event_upto, feedback_upto = :feedback_upto
where id = :id and active = 1 and removed_at is null and event_upto = :event_seen and feedback_upto = :feedback_seen
"""

# One at a time and the oldest first: what comes after a failed attempt waits, or a receiver could hear that version 6
# is live after it has heard the same of version 7. A ping passes by, and goes to a paused webhook too. Receivers take
# turns: by how long the next delivery could have been sent, which is not before the one ahead of it was.
_DUE = """
with due as (
    select d.id, w.id as webhook_id, w.project_id, max(d.next_at, coalesce((
        select tried_at from deliveries where webhook_id = w.id and id < d.id order by id desc limit 1), 0)) as since
    from webhooks w join projects p on p.id = w.project_id join deliveries d on d.id = (
        select min(id) from deliveries where webhook_id = w.id and state = 'waiting' and kind <> 'ping')
    where w.active = 1 and w.removed_at is null and p.archived_at is null and (:only is null or w.id = :only)
      and d.next_at <= :now and d.leased_until <= :now
    union all
    select d.id, w.id, w.project_id, d.next_at
    from webhooks w join deliveries d on d.webhook_id = w.id and d.state = 'waiting'
    where w.removed_at is null and d.kind = 'ping' and (:only is null or w.id = :only) and d.leased_until <= :now
), placed as (
    select id, since, row_number() over (partition by project_id order by since, id) + (
        select count(*) from json_each(:busy) b join webhooks x on x.id = b.value
        where x.project_id = due.project_id) as place
    from due where webhook_id not in (select value from json_each(:busy))
)
select id from placed where place <= :share order by since, id limit :most
"""

_CLAIM = f"update deliveries set leased_until = :now + :lease_s where id in ({_DUE}) returning id"

_PARCEL = """
select d.*, w.url, w.secret, iif(w.old_until > :now, w.old_secret, null) as old_secret
from deliveries d join webhooks w on w.id = d.webhook_id where d.id = :id
"""

_NOTE = """
update deliveries set state = :state, next_at = :next_at, status = :status, error = :error, seconds = :seconds,
    response = :response, attempts = attempts + 1, tried_at = :now, leased_until = 0,
    delivered_at = iif(:state = 'delivered', :now, null)
where id = :id and state = 'waiting' returning webhook_id
"""

_FORGET = """
delete from deliveries where webhook_id = :id and state <> 'waiting' and id <= (
    select id from deliveries where webhook_id = :id order by id desc limit 1 offset :kept)
"""

_COLUMNS = """id, webhook_id, message_id, kind, state, attempts, next_at, tried_at, status, error, seconds, response,
    created_at, delivered_at, resends"""


class Deliveries:
    """A queue per webhook, and its log."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def news(self, webhook: Webhook) -> tuple[bool, bool]:
        """Whether its project has events, and entries, that it was not told of."""
        with self._driver.reading() as session:
            return (
                _has_after(session, "events", webhook.project_id, webhook.event_upto),
                _has_after(session, "feedback", webhook.project_id, webhook.feedback_upto),
            )

    def waiting(self, webhook_id: int) -> int:
        """How many are not over."""
        with self._driver.reading() as session:
            sql = "select count(*) as n from deliveries where webhook_id = ? and state = 'waiting'"
            return int(session.query(sql, (webhook_id,))[0]["n"])

    def take_up(
        self, webhook: Webhook, messages: Sequence[Message], *, event_upto: int, feedback_upto: int, now: float
    ) -> bool:
        """Make deliveries of what has happened and move the webhook's cursors, in one transaction.

        False, and nothing done, where another worker has moved them since `webhook` was read.
        """
        moved = {
            "id": webhook.id,
            "event_upto": event_upto,
            "feedback_upto": feedback_upto,
            "event_seen": webhook.event_upto,
            "feedback_seen": webhook.feedback_upto,
        }
        with self._driver.writing() as session:
            if not session.execute(_MOVE, moved):
                return False
            for message in messages:
                _insert(session, webhook.id, message, now)
            if messages:
                session.execute(_FORGET, {"id": webhook.id, "kept": KEPT})
        return True

    def add(self, webhook: Webhook, message: Message, now: float) -> Delivery:
        """Put one message in the queue that no event has led to."""
        with self._driver.writing() as session:
            return noun(Delivery, _insert(session, webhook.id, message, now))

    def claim(
        self,
        now: float,
        lease_s: float,
        most: int,
        only: int | None = None,
        *,
        busy: Sequence[int] = (),
        share: int | None = None,
    ) -> list[Parcel]:
        """Lease what is due, at most one of a webhook beside its pings; whoever dies with one leaves it to the next.

        What has waited longest comes first. only: of this webhook. busy: webhooks being told by the caller, one for
        each sending; they are left out. share: of one project, with those that are busy.
        """
        values: Row = {"now": now, "lease_s": lease_s, "most": most, "only": only}
        values |= {"busy": orjson.dumps(list(busy)).decode(), "share": most + len(busy) if share is None else share}
        with self._driver.reading() as session:
            if not session.query(_DUE, values):
                return []
        with self._driver.writing() as session:
            ids = [row["id"] for row in session.query(_CLAIM, values)]
            return [_parcel(session.query(_PARCEL, {"id": each, "now": now})[0]) for each in ids]

    def note(self, delivery: Delivery, went: Attempt, now: float) -> None:
        """Keep how an attempt went, and pause the webhook where that follows; nothing where it was skipped since."""
        values: Row = {
            "id": delivery.id,
            "state": went.state,
            "next_at": went.next_at,
            "status": went.status,
            "now": now,
        }
        values |= {"error": went.error, "seconds": went.seconds, "response": went.response}
        with self._driver.writing() as session:
            noted = session.query(_NOTE, values)
            if noted and went.pause:
                webhooks.pause(session, delivery.webhook_id, went.pause, by="worker", now=now)

    def send_again(self, webhook: Webhook, delivery_id: int, now: float) -> Delivery:
        """Send a message at once that waits for its next attempt; repeat one that is over, with the same id.

        Raises NotFound; Refused for a webhook that is paused; Stale for one that is on its way.
        """
        with self._driver.writing() as session:
            row = _one(session, webhook.id, delivery_id)
            if not session.query("select 1 from webhooks where id = ? and active = 1", (webhook.id,)):
                raise Refused(f"Webhook {webhook.id} is paused: resume it first.")
            if row["state"] == "waiting":
                return noun(Delivery, _hasten(session, row, now))
            again = Message(row["message_id"], row["kind"], row["body"])
            return noun(Delivery, _insert(session, webhook.id, again, now, delivery_id))

    def page(self, webhook_id: int, limit: int, before: int = 2**63 - 1) -> list[Delivery]:
        """The newest first. before: only those with a smaller id."""
        sql = f"select {_COLUMNS} from deliveries where webhook_id = ? and id < ? order by id desc limit ?"
        with self._driver.reading() as session:
            return [noun(Delivery, row) for row in session.query(sql, (webhook_id, before, limit))]

    def get(self, webhook: Webhook, delivery_id: int) -> tuple[Delivery, str]:
        """One of a webhook's, with what it tells. Raises NotFound."""
        with self._driver.reading() as session:
            row = _one(session, webhook.id, delivery_id)
        return noun(Delivery, row), row["body"]


def _has_after(session: Session, table: str, project_id: int, after: int) -> bool:
    return bool(session.query(f"select 1 from {table} where project_id = ? and id > ? limit 1", (project_id, after)))


def _insert(session: Session, webhook_id: int, message: Message, now: float, resends: int | None = None) -> Row:
    values = {"webhook": webhook_id, "message": message.id, "kind": message.kind, "body": message.body}
    return session.query(_INSERT, values | {"now": now, "resends": resends})[0]


def _one(session: Session, webhook_id: int, delivery_id: int) -> Row:
    rows = session.query("select * from deliveries where id = ? and webhook_id = ?", (delivery_id, webhook_id))
    if not rows:
        raise NotFound(f"There is no delivery {delivery_id} of webhook {webhook_id}: its log lists them.")
    return rows[0]


def _hasten(session: Session, row: Row, now: float) -> Row:
    changed = session.query(
        "update deliveries set next_at = :now where id = :id and leased_until <= :now returning *",
        {"id": row["id"], "now": now},
    )
    if not changed:
        raise Stale(f"Delivery {row['id']} is on its way at this moment: look at it again.")
    return changed[0]


def _parcel(row: Row) -> Parcel:
    secrets = tuple(secret for secret in (row["secret"], row["old_secret"]) if secret)
    return Parcel(noun(Delivery, row), row["url"], row["body"], secrets)
