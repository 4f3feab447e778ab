"""What the worker is doing for the open project."""

from collections.abc import Sequence

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import Job
from pages._people import acting, locked, stay
from pages._shared import ago, counted, plain, told

DOING = {
    "retrain": "Training a new version",
    "line-up": "Training another model",
    "real time": "Judging the real-time version",
    "judge": "Judging an imported version",
    "predict": "Scoring the queue with the champion",
    "import": "Storing rows",
    "import file": "Taking in a file of another program",
    "import predictions": "Taking in predictions from elsewhere",
    "map": "Drawing the map",
    "backtest": "Replaying the feedback under other triggers",
    "rank feedback": "Ranking the feedback for a second look",
    "forecast": "Forecasting what more labels are worth",
    "certificate": "Looking for what needs no review",
    "dry run": "Trying out a retrain",
    "recluster": "Grouping the items",
    "credit": "Tracing the gain back to the feedback",
    "effects": "Explaining what moved",
}


LATELY_S = 900.0
"""How long a finished import is told of."""


def tell_last(loop: Loop) -> None:
    """What became of the last job where somebody has to know: why it failed, or how many rows it stored."""
    last = next(iter(loop.store.jobs.latest(loop.project.id, 1)), None)
    if last is not None and last.state == "failed":
        st.error(plain(last.error or ""), title=f"The last job ({last.kind}) failed")
    stored = next((job for job in loop.store.jobs.latest(loop.project.id) if job.kind == "import"), None)
    if stored is not None and stored.state == "done" and loop.clock() - (stored.finished_at or 0) < LATELY_S:
        known = "; rows that were there already stayed as they are" if not stored.result["added"] else ""
        st.caption(
            f":material/check: {counted(stored.result['added'], 'row')} stored {ago(stored.finished_at)}{known}."
        )


def doing(job: Job, now: float) -> str:
    """What a live job is at, or what it waits for."""
    if job.cancelled_by is not None:
        return f"cancelled by {job.cancelled_by}, stopping"
    if job.state == "waiting" and job.error:
        return f"{job.error} Attempt {job.attempts + 1} in {max(0.0, job.not_before - now):.0f} s"
    return job.message or "waiting for the worker"


def _cancel(loop: Loop, job_id: int) -> None:
    with told():
        loop.cancel(job_id, acting("cancel", loop))


def follow(loop: Loop, jobs: Sequence[Job]) -> None:
    """Show how far these live jobs are; the whole page is drawn again when the live jobs are others."""

    @st.fragment(run_every=1.0 if jobs else None)
    def progress() -> None:
        stay("see", loop)
        live = loop.store.jobs.live(loop.project.id)
        for job in live:
            bar, button = st.columns([6, 1], vertical_alignment="bottom")
            bar.progress(job.progress, text=f"{DOING[job.kind]} · {plain(doing(job, loop.clock()))}")
            button.button(
                "Cancel",
                icon=":material/cancel:",
                key=f"cancel-{job.id}",
                on_click=_cancel,
                args=(loop, job.id),
                **locked(
                    "cancel",
                    loop,
                    disabled=job.cancelled_by is not None,
                    help=f"Ends this job: {DOING[job.kind].lower()}. What it has stored already stays.",
                ),
            )
        if {job.id for job in live} != {job.id for job in jobs}:
            st.rerun()

    progress()
