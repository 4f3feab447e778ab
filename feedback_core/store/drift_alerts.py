"""Drift alerts: each a row from its first look on, and every answer a row beside it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NotFound, Refused
from ..types import DriftAlert, DriftAnswer
from . import events
from .driver import Driver, Row, Session, noun

_ALERTS = """
select a.*, r.answer, coalesce(r.answered_by, '') as answered_by, r.answered_at, coalesce(r.note, '') as note,
       r.id as answer_id
from drift_alerts a left join drift_answers r
  on r.id = (select max(id) from drift_answers where alert_id = a.id) and r.answer <> 'undo'
"""

_SEEN_AGAIN = """
update drift_alerts set effect = :effect, p = :p, level = :level, place = :place, measure = :measure,
    share_before = :share_before, share_now = :share_now, look = :look, after = :after, upto = :upto, seen_at = :now
where id = (
    select a.id from drift_alerts a
    where a.project_id = :project and a.version_id = :version and a.column_name = :column and a.direction = :direction
      and (a.direction <> 'more' or a.place is :place)
      and coalesce((select answer from drift_answers where alert_id = a.id order by id desc limit 1), 'undo') = 'undo'
    order by a.id desc limit 1)
"""

_INSERT = """
insert into drift_alerts (project_id, version_id, column_name, direction, place, measure, effect, p, level,
                          share_before, share_now, look, after, upto, created_at, seen_at)
values (:project, :version, :column, :direction, :place, :measure, :effect, :p, :level, :share_before, :share_now,
        :look, :after, :upto, :now, :now)
"""

MOST_ANSWERED = 1_000
"""Standing answers that calm: older ones are about columns nobody has heard of for long."""


def tell(session: Session, project_id: int, found: Sequence[Row], now: float) -> None:
    """Store what a look has found, inside its transaction: a new alert, or newer figures of one nobody has answered."""
    for row in found:
        values = row | {"project": project_id, "now": now}
        if session.execute(_SEEN_AGAIN, values):
            continue
        session.execute(_INSERT, values)
        details = {"column": row["column"], "direction": row["direction"], "effect": row["effect"], "p": row["p"]}
        events.log(session, project_id, now, "worker", "drift alerted", details)


class DriftAlerts:
    """What was told about the inputs, and the answers."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def get(self, alert_id: int) -> DriftAlert:
        """Raises NotFound."""
        with self._driver.reading() as session:
            return _get(session, alert_id)

    def page(
        self, project_id: int, *, before: int = 2**62, limit: int = 50, open_only: bool = False
    ) -> list[DriftAlert]:
        """The newest alerts first. before: only those older than this one."""
        wanted = "and r.id is null" if open_only else ""
        sql = f"{_ALERTS} where a.project_id = ? and a.id < ? {wanted} order by a.id desc limit ?"
        with self._driver.reading() as session:
            return [_alert(row) for row in session.query(sql, (project_id, before, limit))]

    def answered(self, project_id: int) -> list[DriftAlert]:
        """Alerts with a standing answer, in the order of the answers."""
        sql = f"{_ALERTS} where a.project_id = ? and r.id is not null order by r.id desc limit ?"
        with self._driver.reading() as session:
            return [_alert(row) for row in reversed(session.query(sql, (project_id, MOST_ANSWERED)))]

    def answer(self, alert_id: int, answer: DriftAnswer, by: str, now: float, note: str = "") -> DriftAlert:
        """Store an answer. Raises Refused where one stands already."""
        with self._driver.writing() as session:
            alert = _get(session, alert_id)
            if alert.answer is not None:
                said = {"accept": "accepted", "dismiss": "dismissed"}[alert.answer]
                raise Refused(f"{alert.answered_by} has {said} this alert already: take that back first.")
            return _store(session, alert, answer, by, now, note)

    def undo(self, alert_id: int, by: str, now: float) -> DriftAlert:
        """Take the standing answer back. Raises Refused where there is none."""
        with self._driver.writing() as session:
            alert = _get(session, alert_id)
            if alert.answer is None:
                raise Refused("Nobody has answered this alert, or the answer was taken back: there is nothing to undo.")
            return _store(session, alert, "undo", by, now, "")


def _store(session: Session, alert: DriftAlert, answer: str, by: str, now: float, note: str) -> DriftAlert:
    session.execute(
        "insert into drift_answers (alert_id, answer, answered_by, answered_at, note) values (?, ?, ?, ?, ?)",
        (alert.id, answer, by, now, note),
    )
    kind = {"accept": "drift alert accepted", "dismiss": "drift alert dismissed", "undo": "drift answer taken back"}
    details = {"alert": alert.id, "column": alert.column_name, "direction": alert.direction, "note": note}
    events.log(session, alert.project_id, now, by, kind[answer], details)
    return _get(session, alert.id)


def _get(session: Session, alert_id: int) -> DriftAlert:
    rows = session.query(f"{_ALERTS} where a.id = ?", (alert_id,))
    if not rows:
        raise NotFound(f"There is no drift alert with id {alert_id}.")
    return _alert(rows[0])


def _alert(row: Row) -> DriftAlert:
    return noun(DriftAlert, row)
