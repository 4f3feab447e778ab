"""Models that live elsewhere: where they answer, what they were asked to learn from, and what their makers may know."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from ..errors import NotFound
from ..types import Endpoint, Project, TrainingRequest, TrainingRows
from . import events
from .driver import Driver, Row, Session, noun

_MAY_KNOW = """
update versions set feedback_upto = (
    select coalesce(max(f.id), 0) from feedback f where f.project_id = versions.project_id
) where id = ?
"""

_CONNECT = """
insert into endpoints (project_id, url, train_url, secret, timeout_s, batch, created_by, created_at)
values (:project_id, :url, :train_url, :secret, :timeout_s, :batch, :by, :now)
on conflict (project_id) do update set url = :url, train_url = :train_url, secret = :secret, timeout_s = :timeout_s,
    batch = :batch, created_by = :by, created_at = :now
returning *
"""

_ASK = """
insert into training_requests (project_id, job_id, rows, n_base, n_feedback, feedback_upto, asked_by, asked_at)
values (:project_id, :job_id, :rows, :n_base, :n_feedback, :feedback_upto, :by, :now) returning *
"""

_ONE = "select * from training_requests where id = ? and project_id = ?"


class Outside:
    """Models that were not fitted here."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def may_know(self, version_id: int) -> None:
        """Note that predictions came in now: labels given before are no fresh evidence of them."""
        with self._driver.writing() as session:
            session.execute(_MAY_KNOW, (version_id,))

    def connect(self, project_id: int, where: Mapping[str, Any], secret: str, *, by: str, now: float) -> Endpoint:
        """Ask the model of a project at this address from now on, in place of any before.

        where: url, train_url, timeout_s, batch.
        """
        values = {"project_id": project_id, **where, "secret": secret, "by": by, "now": now}
        with self._driver.writing() as session:
            row = session.query(_CONNECT, values)[0]
            _log(session, row, "model connected", by, now)
        return noun(Endpoint, row)

    def disconnect(self, project_id: int, *, by: str, now: float) -> None:
        """Ask nobody any more, and forget the secret. Raises NotFound."""
        with self._driver.writing() as session:
            row = _endpoint(session, project_id)
            session.execute("delete from endpoints where project_id = ?", (project_id,))
            _log(session, row, "model disconnected", by, now)

    def endpoint(self, project_id: int) -> Endpoint | None:
        """Where the model of a project answers, without its secret."""
        with self._driver.reading() as session:
            rows = session.query("select * from endpoints where project_id = ?", (project_id,))
        return noun(Endpoint, rows[0]) if rows else None

    def secret(self, project_id: int) -> str:
        """What requests to it are signed with. Raises NotFound."""
        with self._driver.reading() as session:
            return str(_endpoint(session, project_id)["secret"])

    def ask(
        self, project: Project, rows: TrainingRows, weights: list[float], job_id: int | None, *, by: str, now: float
    ) -> TrainingRequest:
        """Note what a model is asked to learn from; of a job that has asked before the same request is given again."""
        fed = sum(rows.from_feedback)
        values = {
            "project_id": project.id,
            "job_id": job_id,
            "rows": zlib.compress(orjson.dumps({"ids": rows.ids, "labels": rows.labels, "weights": weights}), 1),
            "n_base": len(rows.ids) - fed,
            "n_feedback": fed,
            "feedback_upto": rows.feedback_upto,
            "by": by,
            "now": now,
        }
        with self._driver.writing() as session:
            known = session.query("select * from training_requests where job_id = ?", (job_id,))
            row = known[0] if known else session.query(_ASK, values)[0]
            if not known:
                events.log(session, project.id, now, by, "model asked to learn", {"request": row["id"]})
        return noun(TrainingRequest, row)

    def request(self, project_id: int, request_id: int) -> TrainingRequest:
        """One request. Raises NotFound."""
        with self._driver.reading() as session:
            return noun(TrainingRequest, _request(session, project_id, request_id))

    def requested(self, project_id: int, request_id: int) -> dict[str, list[Any]]:
        """ids, labels and weights of the rows of a request, in their order. Raises NotFound."""
        with self._driver.reading() as session:
            rows = _request(session, project_id, request_id)["rows"]
        unpacked: dict[str, list[Any]] = orjson.loads(zlib.decompress(rows))
        return unpacked

    def unanswered(self, project_id: int) -> TrainingRequest | None:
        """The newest request, unless it has led to a version or has failed."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from training_requests where project_id = ? order by id desc limit 1", (project_id,)
            )
        found = noun(TrainingRequest, rows[0]) if rows else None
        return found if found is not None and found.version_id is None and not found.failed else None

    def answer(self, request_id: int, *, version_id: int | None = None, failed: str = "") -> None:
        """Note what a request has led to."""
        with self._driver.writing() as session:
            session.execute(
                "update training_requests set version_id = ?, failed = ? where id = ?", (version_id, failed, request_id)
            )


def _endpoint(session: Session, project_id: int) -> Row:
    rows = session.query("select * from endpoints where project_id = ?", (project_id,))
    if not rows:
        raise NotFound("No model elsewhere is connected to this project: connect one on Setup, Bring a model.")
    return rows[0]


def _request(session: Session, project_id: int, request_id: int) -> Row:
    rows = session.query(_ONE, (request_id, project_id))
    if not rows:
        raise NotFound(f"There is no training request {request_id} in this project: use the number that was sent.")
    return rows[0]


def _log(session: Session, row: Row, kind: str, by: str, now: float) -> None:
    # Not the whole address: what follows the host may be a password, and events are for everybody.
    to = urlsplit(row["url"]).hostname or ""
    events.log(session, row["project_id"], now, by, kind, {"to": to, "learns": bool(row["train_url"])})
