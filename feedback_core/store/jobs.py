"""Jobs: one durable row each, one owner at a time, never stuck "running"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import NotFound
from ..types import TRIGGER, Job, JobLine
from .driver import Driver, Row, Session, noun
from .events import log
from .job_lines import add_lines, forget_old

MAX_ATTEMPTS = 3
"""A job whose worker or process died this often is failed: it is probably what kills them."""

BACKOFF_S = 5.0
"""Wait before the second attempt; each further one waits four times as long as the one before."""

_REQUEST = """
insert into jobs (project_id, kind, state, trigger, requested_by, payload, created_at)
values (:project, :kind, 'waiting', :trigger, :by, :payload, :now) returning *
"""

_CLAIMABLE = "(state = 'waiting' and not_before <= :now or state = 'running' and lease_until < :now)"

_PATIENCE = {"forecast": 2, "credit": 2, "effects": 2, "dry run": 1, "backtest": 1}
"""How long each kind of job can wait; the others cannot. A running one gives way to whatever can wait less.

Claims go by the same order: a job that gave way to one it would then be claimed before would do so for ever.
"""

_RANK = "case {kind} " + " ".join(f"when '{kind}' then {rank}" for kind, rank in _PATIENCE.items()) + " else 0 end"

# Trust leases, not process ids: a zombie looks alive. One job at a time per project.
_CLAIM = f"""
update jobs set state = 'running', worker = :worker, lease_until = :now + :lease_s, heartbeat_at = :now,
    attempts = attempts + 1, started_at = coalesce(started_at, :now), progress = 0, message = 'starting'
where id = (
    select id from jobs j
    where {_CLAIMABLE} and (:only is null or id = :only)
      and not exists (select 1 from jobs other where other.project_id = j.project_id and other.id <> j.id
                      and other.state = 'running' and other.lease_until >= :now)
    order by {_RANK.format(kind="kind")}, id limit 1)
returning *
"""

# A person's, not the trigger's: what it brings waits for a person to decide.
_TAKE_OVER = """
update jobs set requested_by = :by, trigger = :trigger where id = :id and requested_by = :own returning *
"""

# Again waiting, as if never begun; the attempt does not count, because nobody died.
_PUT_BACK = """
update jobs set state = 'waiting', worker = null, lease_until = null, progress = 0, message = '',
    attempts = attempts - 1
where id = :id and worker = :worker and state = 'running' and not exists (
    select 1 from jobs other where other.project_id = jobs.project_id and other.kind = jobs.kind
       and other.payload = jobs.payload and other.state = 'waiting' and other.not_before = 0)
"""

_AGAIN = """
update jobs set state = 'waiting', worker = null, lease_until = null, progress = 0, message = '',
    attempts = attempts - :uncounted, error = coalesce(:error, error), not_before = :at
where id = :id and worker = :worker and state = 'running' and cancelled_by is null
"""

# Work of another project counts once it has waited for a free process in vain, and could run if there were one.
_MORE_URGENT = f"""
select 1 from jobs j where state = 'waiting' and id <> :id
   and {_RANK.format(kind="kind")} < {_RANK.format(kind=":kind")} and not_before <= :now
   and (project_id = :project or max(created_at, not_before) <= :now - :patience_s
        and not exists (select 1 from jobs busy where busy.project_id = j.project_id and busy.state = 'running'))
limit 1
"""

PATIENCE_S = 2.0
"""Seconds in which a free process takes up a job that another project asks for."""

_BURY = """
update jobs set state = 'failed', finished_at = :now, error =
    'The worker died ' || attempts || ' times while running this job (last at '
    || cast(round(100 * progress) as integer) || ' %: ' || message
    || '). The current champion keeps serving; look at the worker log, then request it again.'
where state = 'running' and lease_until < :now and attempts >= :most
returning *
"""

_CANCEL_LEFT = """
update jobs set state = 'cancelled', finished_at = :now
where state = 'running' and lease_until < :now and cancelled_by is not null
"""

# What waits is over at once; what runs is stopped by whoever runs it.
_CANCEL = """
update jobs set cancelled_by = coalesce(cancelled_by, :by),
    state = iif(state = 'waiting', 'cancelled', state), finished_at = iif(state = 'waiting', :now, finished_at)
where id = :id and project_id = :project and state in ('waiting', 'running') returning *
"""


class Jobs:
    """Work that outlives the page that asked for it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def request(
        self,
        project_id: int,
        kind: str,
        *,
        trigger: str,
        by: str,
        now: float,
        payload: Mapping[str, Any] | None = None,
    ) -> Job:
        """Ask for a job; while one of its kind with the same payload waits, the same one is returned.

        One that started by itself is the person's from then on; a person's stays hers when a trigger fires meanwhile.
        """
        with self._driver.writing() as session:
            return ask(session, project_id, kind, trigger=trigger, by=by, now=now, payload=payload)

    def claim(self, worker: str, now: float, lease_s: float, only: int | None = None) -> Job | None:
        """Lease the oldest waiting job, or one whose worker has died; None when there is nothing to do.

        only: this job and no other.
        """
        with self._driver.reading() as session:
            if not session.query(f"select 1 from jobs where {_CLAIMABLE} limit 1", {"now": now}):
                return None
        with self._driver.writing() as session:
            session.execute(_CANCEL_LEFT, {"now": now})
            for row in session.query(_BURY, {"now": now, "most": MAX_ATTEMPTS}):
                _tell_failed(session, row, now)
            rows = session.query(_CLAIM, {"worker": worker, "now": now, "lease_s": lease_s, "only": only})
            for row in rows:
                forget_old(session, row["project_id"])
        return _job(rows[0]) if rows else None

    def beat(self, job_id: int, worker: str, now: float, lease_s: float) -> bool:
        """Renew the lease; False when the job is no longer this worker's."""
        return self._own(job_id, worker, "lease_until = ?, heartbeat_at = ?", (now + lease_s, now))

    def report(self, job_id: int, worker: str, progress: float, message: str) -> bool:
        """Say how far it is, 0-1, and what is happening; False when the job shall end or is no longer this worker's."""
        return self._own(job_id, worker, "progress = ?, message = ?", (progress, message), "and cancelled_by is null")

    def finish(self, job_id: int, worker: str, result: Mapping[str, Any], now: float) -> bool:
        """Close a job with its result."""
        body = orjson.dumps(dict(result)).decode()
        change = "state = 'done', progress = 1, message = 'done', result = ?, error = null, finished_at = ?"
        return self._own(job_id, worker, change, (body, now))

    def fail(self, job_id: int, worker: str, error: str, now: float) -> bool:
        """Close a job with the reason it failed."""
        with self._driver.writing() as session:
            rows = session.query(
                """update jobs set state = 'failed', error = ?, finished_at = ?
                where id = ? and worker = ? and state = 'running' returning *""",
                (error, now, job_id, worker),
            )
            for row in rows:
                _tell_failed(session, row, now)
            return bool(rows)

    def try_again(self, job: Job, worker: str, error: str, now: float) -> bool:
        """Let a job wait a while after something that may pass; after the last attempt it is failed."""
        if job.attempts >= MAX_ATTEMPTS:
            return self.fail(job.id, worker, f"{error} Tried {job.attempts} times.", now)
        pause = BACKOFF_S * 4 ** (job.attempts - 1)
        told = JobLine(now, "warning", f"Attempt {job.attempts}: {error} Next try in {pause:.0f} s.")
        return self._again(job, worker, now + pause, told, error=error)

    def hand_back(self, job: Job, worker: str, now: float) -> bool:
        """Let another worker begin a job anew, because this one is asked to stop; it counts as no attempt."""
        told = JobLine(now, "info", "Handed back, because the worker is asked to stop.")
        return self._again(job, worker, now, told, uncounted=1)

    def has_more_urgent(self, job: Job, now: float) -> bool:
        """Whether work waits that a study must give way to: of its project, or of another that finds no process."""
        params = {"id": job.id, "kind": job.kind, "project": job.project_id, "now": now, "patience_s": PATIENCE_S}
        with self._driver.reading() as session:
            return bool(session.query(_MORE_URGENT, params))

    def put_back(self, job: Job, worker: str, now: float) -> None:
        """Let a running job wait again from its beginning; it is cancelled where the same one waits already."""
        with self._driver.writing() as session:
            if not session.execute(_PUT_BACK, {"id": job.id, "worker": worker}):
                _close_cancelled(session, job.id, worker, now)

    def cancel(self, project_id: int, job_id: int, by: str, now: float) -> Job | None:
        """End a job: at once when it waits, else its worker stops it. None when it is over or another project's."""
        with self._driver.writing() as session:
            rows = session.query(_CANCEL, {"project": project_id, "id": job_id, "by": by, "now": now})
            for row in rows:
                add_lines(session, job_id, [JobLine(now, "info", f"Cancelled by {by}.")])
                log(session, project_id, now, by, "job cancelled", {"job": job_id, "kind": row["kind"]})
        return _job(rows[0]) if rows else None

    def stopped(self, job_id: int, worker: str, now: float) -> bool:
        """Close a running job that was cancelled."""
        with self._driver.writing() as session:
            return _close_cancelled(session, job_id, worker, now)

    def held(self, worker: str) -> list[Job]:
        """What a worker has running."""
        with self._driver.reading() as session:
            return _jobs(session, "state = 'running' and worker = ?", (worker,))

    def get(self, job_id: int) -> Job:
        with self._driver.reading() as session:
            rows = session.query("select * from jobs where id = ?", (job_id,))
        if not rows:
            raise NotFound(f"There is no job {job_id}.")
        return _job(rows[0])

    def live(self, project_id: int) -> list[Job]:
        """Waiting and running jobs of a project, oldest first."""
        with self._driver.reading() as session:
            return _jobs(session, "project_id = ? and state in ('waiting', 'running') order by id", (project_id,))

    def latest(self, project_id: int, limit: int = 10, before: int = 2**63 - 1) -> list[Job]:
        """The newest jobs first. before: only those with a smaller id."""
        with self._driver.reading() as session:
            return _jobs(session, "project_id = ? and id < ? order by id desc limit ?", (project_id, before, limit))

    def _again(
        self, job: Job, worker: str, at: float, told: JobLine, *, error: str | None = None, uncounted: int = 0
    ) -> bool:
        params = {"id": job.id, "worker": worker, "at": at, "error": error, "uncounted": uncounted}
        with self._driver.writing() as session:
            if session.execute(_AGAIN, params):
                add_lines(session, job.id, [told])
                return True
            return _close_cancelled(session, job.id, worker, told.at)

    def _own(self, job_id: int, worker: str, change: str, values: tuple[Any, ...], condition: str = "") -> bool:
        with self._driver.writing() as session:
            return bool(
                session.execute(
                    f"update jobs set {change} where id = ? and worker = ? and state = 'running' {condition}",
                    (*values, job_id, worker),
                )
            )


def ask(
    session: Session,
    project_id: int,
    kind: str,
    *,
    trigger: str,
    by: str,
    now: float,
    payload: Mapping[str, Any] | None = None,
) -> Job:
    """`Jobs.request` inside the transaction of what led to it; a new retrain is an event."""
    body = orjson.dumps(payload or {}).decode()
    params = {"project": project_id, "kind": kind, "trigger": trigger, "by": by, "now": now, "payload": body}
    waiting = session.query(
        """select * from jobs where project_id = :project and kind = :kind and payload = :payload
        and state = 'waiting' and not_before = 0""",
        params,
    )
    if waiting:
        return _job(_joined(session, waiting[0], by, trigger, now))
    job = _job(session.query(_REQUEST, params)[0])
    if kind == "retrain":
        log(session, project_id, now, by, "retrain requested", {"job": job.id, "because": trigger})
    return job


def _joined(session: Session, waiting: Row, by: str, trigger: str, now: float) -> Row:
    """A waiting job that somebody else asks for, too."""
    if by == TRIGGER or waiting["requested_by"] != TRIGGER:
        return waiting
    add_lines(session, waiting["id"], [JobLine(now, "info", f"Asked for by {by}, too, who decides about it.")])
    params = {"by": by, "trigger": trigger, "id": waiting["id"], "own": TRIGGER}
    return session.query(_TAKE_OVER, params)[0]


def _close_cancelled(session: Session, job_id: int, worker: str, now: float) -> bool:
    return bool(
        session.execute(
            "update jobs set state = 'cancelled', finished_at = ? where id = ? and worker = ? and state = 'running'",
            (now, job_id, worker),
        )
    )


def _tell_failed(session: Session, row: Row, now: float) -> None:
    add_lines(session, row["id"], [JobLine(now, "error", row["error"])])
    details = {"job": row["id"], "kind": row["kind"], "error": row["error"]}
    log(session, row["project_id"], now, "worker", "job failed", details)


def _jobs(session: Session, where: str, params: tuple[Any, ...]) -> list[Job]:
    return [_job(row) for row in session.query(f"select * from jobs where {where}", params)]


def _job(row: Row) -> Job:
    return noun(Job, row, payload=orjson.loads(row["payload"]), result=orjson.loads(row["result"]))
