"""What the worker is doing for the open project."""

from collections.abc import Sequence

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import Job
from pages._shared import plain

DOING = {
    "retrain": "Training a new version",
    "predict": "Scoring the queue with the champion",
    "import": "Storing rows",
    "map": "Drawing the map",
    "rank feedback": "Ranking the feedback for a second look",
    "forecast": "Forecasting what more corrections are worth",
    "dry run": "Trying out a retrain",
    "credit": "Tracing the gain back to the feedback",
}


def follow(loop: Loop, jobs: Sequence[Job]) -> None:
    """Show how far these live jobs are; the whole page is drawn again when the live jobs are others."""

    @st.fragment(run_every=1.0 if jobs else None)
    def progress() -> None:
        live = loop.store.jobs.live(loop.project.id)
        for job in live:
            st.progress(job.progress, text=f"{DOING[job.kind]} · {plain(job.message) or 'waiting for the worker'}")
        if {job.id for job in live} != {job.id for job in jobs}:
            st.rerun()

    progress()
