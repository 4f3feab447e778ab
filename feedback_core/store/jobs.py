"""Jobs: one durable row each, one owner at a time, never stuck "running"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import NotFound
from ..types import Job
from .driver import Driver, Row, Session, noun

MAX_ATTEMPTS = 3
"""A job whose worker died this often is failed: it is probably what kills the worker."""

_REQUEST = """
insert into jobs (project_id, kind, state, trigger, requested_by, payload, created_at)
values (:project, :kind, 'waiting', :trigger, :by, :payload, :now) returning *
"""

# Trust leases, not process ids: a zombie looks alive. One job at a time per project.
_CLAIM = """
update jobs set state = 'running', worker = :worker, lease_until = :now + :lease_s, heartbeat_at = :now,
    attempts = attempts + 1, started_at = coalesce(started_at, :now), message = 'starting'
where id = (
    select id from jobs j
    where (state = 'waiting' or state = 'running' and lease_until < :now) and (:only is null or id = :only)
      and not exists (select 1 from jobs other where other.project_id = j.project_id and other.id <> j.id
                      and other.state = 'running' and other.lease_until >= :now)
    order by case kind when 'forecast' then 2 when 'credit' then 2 when 'dry run' then 1 else 0 end, id limit 1)
returning *
"""

# Again waiting, as if never begun; the attempt does not count, because nobody died.
_PUT_BACK = """
update jobs set state = 'waiting', worker = null, lease_until = null, progress = 0, message = '',
    attempts = attempts - 1
where id = :id and worker = :worker and state = 'running' and not exists (
    select 1 from jobs other where other.project_id = jobs.project_id and other.kind = jobs.kind
       and other.payload = jobs.payload and other.state = 'waiting')
"""

_MORE_URGENT = """
select 1 from jobs where state = 'waiting' and id <> :id and kind not in ('forecast', 'credit')
   and (kind <> 'dry run' or :kind <> 'dry run') limit 1
"""

_BURY = """
update jobs set state = 'failed', finished_at = :now, error =
    'The worker died ' || attempts || ' times while running this job (last at '
    || cast(round(100 * progress) as integer) || ' %: ' || message
    || '). The current champion keeps serving; look at the worker log, then request it again.'
where state = 'running' and lease_until < :now and attempts >= :most
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
        """Ask for a job; while one of its kind with the same payload waits, the same one is returned."""
        with self._driver.writing() as session:
            return ask(session, project_id, kind, trigger=trigger, by=by, now=now, payload=payload)

    def claim(self, worker: str, now: float, lease_s: float, only: int | None = None) -> Job | None:
        """Lease the oldest waiting job, or one whose worker has died; None when there is nothing to do.

        only: this job and no other.
        """
        with self._driver.reading() as session:
            if not session.query("select 1 from jobs where state in ('waiting', 'running') limit 1"):
                return None
        with self._driver.writing() as session:
            session.execute(_BURY, {"now": now, "most": MAX_ATTEMPTS})
            rows = session.query(_CLAIM, {"worker": worker, "now": now, "lease_s": lease_s, "only": only})
        return _job(rows[0]) if rows else None

    def beat(self, job_id: int, worker: str, now: float, lease_s: float) -> bool:
        """Renew the lease; False when the job is no longer this worker's."""
        return self._own(job_id, worker, "lease_until = ?, heartbeat_at = ?", (now + lease_s, now))

    def report(self, job_id: int, worker: str, progress: float, message: str) -> bool:
        """Say how far it is, 0-1, and what is happening."""
        return self._own(job_id, worker, "progress = ?, message = ?", (progress, message))

    def finish(self, job_id: int, worker: str, result: Mapping[str, Any], now: float) -> bool:
        """Close a job with its result."""
        body = orjson.dumps(dict(result)).decode()
        return self._own(
            job_id, worker, "state = 'done', progress = 1, message = 'done', result = ?, finished_at = ?", (body, now)
        )

    def fail(self, job_id: int, worker: str, error: str, now: float) -> bool:
        """Close a job with the reason it failed."""
        return self._own(job_id, worker, "state = 'failed', error = ?, finished_at = ?", (error, now))

    def has_more_urgent(self, job: Job) -> bool:
        """Whether work of any project waits that a study must give way to."""
        with self._driver.reading() as session:
            return bool(session.query(_MORE_URGENT, {"id": job.id, "kind": job.kind}))

    def put_back(self, job: Job, worker: str, now: float) -> None:
        """Let a running job wait again from its beginning; it is cancelled where the same one waits already."""
        with self._driver.writing() as session:
            if not session.execute(_PUT_BACK, {"id": job.id, "worker": worker}):
                session.execute(
                    """update jobs set state = 'cancelled', finished_at = ?
                    where id = ? and worker = ? and state = 'running'""",
                    (now, job.id, worker),
                )

    def cancel(self, job_id: int, now: float) -> bool:
        """Drop a job that has not started; False when it is running or over."""
        with self._driver.writing() as session:
            return bool(
                session.execute(
                    "update jobs set state = 'cancelled', finished_at = ? where id = ? and state = 'waiting'",
                    (now, job_id),
                )
            )

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

    def _own(self, job_id: int, worker: str, change: str, values: tuple[Any, ...]) -> bool:
        with self._driver.writing() as session:
            return bool(
                session.execute(
                    f"update jobs set {change} where id = ? and worker = ? and state = 'running'",
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
    """`Jobs.request` inside the transaction of what led to it."""
    body = orjson.dumps(payload or {}).decode()
    params = {"project": project_id, "kind": kind, "trigger": trigger, "by": by, "now": now, "payload": body}
    waiting = session.query(
        """select * from jobs
        where project_id = :project and kind = :kind and payload = :payload and state = 'waiting'""",
        params,
    )
    return _job((waiting or session.query(_REQUEST, params))[0])


def _jobs(session: Session, where: str, params: tuple[Any, ...]) -> list[Job]:
    return [_job(row) for row in session.query(f"select * from jobs where {where}", params)]


def _job(row: Row) -> Job:
    return noun(Job, row, payload=orjson.loads(row["payload"]), result=orjson.loads(row["result"]))
