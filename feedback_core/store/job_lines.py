"""What jobs have had to say: the newest lines of the newest jobs."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import JobLine
from .driver import Driver, Session, noun

MOST_LINES = 200
"""Lines kept of one job."""

KEPT_JOBS = 200
"""Jobs of a project whose lines are kept."""

LONGEST = 4_000
"""Characters kept of a line: a traceback's end names the error, so its beginning goes."""

_FORGET = """
delete from job_lines where job_id = :job and id <= (
    select id from job_lines where job_id = :job order by id desc limit 1 offset :most)
"""

# A window, not all of them: it runs whenever a job begins, so at most one has grown too old since.
_FORGET_OLD = """
delete from job_lines where job_id in (
    select id from jobs where project_id = ? order by id desc limit 20 offset ?)
"""


def add_lines(session: Session, job_id: int, lines: Sequence[JobLine]) -> None:
    """Append lines to a job's log inside the transaction of what they tell; the oldest beyond the bound are dropped."""
    session.many(
        "insert into job_lines (job_id, at, level, text) values (?, ?, ?, ?)",
        [(job_id, line.at, line.level, line.text[-LONGEST:]) for line in lines],
    )
    session.execute(_FORGET, {"job": job_id, "most": MOST_LINES})


def forget_old(session: Session, project_id: int) -> None:
    """Drop the lines of jobs that are no longer among the newest."""
    session.execute(_FORGET_OLD, (project_id, KEPT_JOBS))


class JobLines:
    """Reading the logs, and adding what a running job says."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def add(self, job_id: int, lines: Sequence[JobLine]) -> None:
        if lines:
            with self._driver.writing() as session:
                add_lines(session, job_id, lines)

    def of(self, job_id: int) -> list[JobLine]:
        """The lines of a job, oldest first."""
        with self._driver.reading() as session:
            rows = session.query("select at, level, text from job_lines where job_id = ? order by id", (job_id,))
        return [noun(JobLine, row) for row in rows]
