"""Before you retrain: what it would bring, tried out by the worker without a look at the locked rows."""

from collections.abc import Sequence

import streamlit as st

from feedback_core import studies
from feedback_core.loop import Loop
from feedback_core.types import Job, Version
from pages._people import acting, locked
from pages._shared import ago, plain, told

HELP = (
    "Trains on what is there, leaving a fifth of the rows out at a time, and counts the open items that would change. "
    "It never holds up a retrain, and does not wear out the locked rows."
)


def show_dry_run(loop: Loop, champion: Version | None, jobs: Sequence[Job]) -> None:
    """The newest dry run and the button for another; nothing before the first version."""
    if champion is None:
        return
    view = studies.dry_run_view(loop.store, loop.project)
    waiting = any(job.kind == "dry run" for job in jobs)
    with st.expander("Before you retrain", icon=":material/science:", expanded=bool(view.sentences) or waiting):
        for sentence in view.sentences:
            st.write(plain(sentence))
        for note in view.notes:
            st.caption(plain(note))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Try it again" if view.sentences else "Try it out",
                icon=":material/science:",
                on_click=_request,
                args=(loop,),
                key="dry_run",
                **locked("study", loop, disabled=waiting, help=HELP),
            )
            st.caption(plain(view.empty or f"Tried {ago(view.created_at)}. {view.outdated}"))


def _request(loop: Loop) -> None:
    with told():
        loop.request_study("dry run", acting("study", loop))
