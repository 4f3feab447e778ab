"""What the worker has done for the project: the newest jobs, and what each has had to say."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import Job, JobLine
from pages._shared import ago

SHOWN = 20


def show_jobs(loop: Loop) -> None:
    """The newest jobs as a table, and the log of the chosen one."""
    jobs = loop.store.jobs.latest(loop.project.id, SHOWN)
    with st.expander("Jobs of the worker", icon=":material/work_history:"):
        if not jobs:
            st.caption("No job yet: the worker trains, scores and stores rows when somebody asks for it.")
            return
        st.dataframe(
            [_row(job, loop.clock()) for job in jobs],
            hide_index=True,
            column_config={"What came of it": st.column_config.TextColumn(width="large")},
            alt="The newest jobs, newest first",
        )
        names = {job.id: f"Job {job.id}: {job.kind}, {job.state}" for job in jobs}
        chosen = st.selectbox("Log of", list(names), format_func=lambda job_id: names[job_id], key="job_log")
        # As code: lines come from libraries and from file names, and none of it may be taken for markup.
        st.code(_log(loop.store.job_lines.of(chosen)) or "This job has said nothing.", language=None, wrap_lines=True)


def _row(job: Job, now: float) -> dict[str, str | int]:
    return {
        "Job": job.id,
        "Kind": job.kind,
        "Asked for by": job.requested_by,
        "Because": job.trigger,
        "Begun": ago(job.started_at) if job.started_at else "not yet",
        "Took": took(job, now),
        "State": job.state,
        "Attempts": job.attempts,
        "What came of it": outcome(job, now),
    }


def took(job: Job, now: float) -> str:
    """From its first beginning to its end, or till now."""
    if job.started_at is None:
        return ""
    seconds = max(0.0, (job.finished_at or now) - job.started_at)
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def outcome(job: Job, now: float) -> str:
    """The result in words, the reason it failed, or what it waits for."""
    if job.state == "done":
        return ", ".join(f"{name} {value}" for name, value in job.result.items())
    if job.state == "cancelled":
        return f"cancelled by {job.cancelled_by}" if job.cancelled_by else "the same job was waiting already"
    if job.state == "waiting" and job.error:
        return f"{job.error} Next try in {max(0.0, job.not_before - now):.0f} s."
    return job.error or job.message


def _log(lines: Sequence[JobLine]) -> str:
    return "\n".join(f"{datetime.fromtimestamp(each.at, UTC):%H:%M:%S} UTC  {each.text}" for each in lines)
