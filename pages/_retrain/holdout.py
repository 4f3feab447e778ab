"""How worn the locked rows are, and the button that lets fresh ones take over."""

from collections.abc import Sequence

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import GateReport
from pages._people import acting, locked
from pages._shared import plain, told


def show_wear(loop: Loop, reports: Sequence[GateReport]) -> None:
    """Looks so far in words; where fresh labels are due, the refresh with its reason. reports: of all versions."""
    worn = loop.wear(reports)
    if not worn.looks:
        return
    st.caption(plain(worn.text))
    if not worn.due:
        return
    with st.container(border=True):
        st.text_input("Why refresh the holdout now?", key="refresh-reason", max_chars=500)
        st.button(
            "Refresh the holdout",
            icon=":material/autorenew:",
            key="refresh_holdout",
            on_click=_refresh,
            args=(loop,),
            **locked(
                "refresh holdout",
                loop,
                disabled=not worn.ready,
                help="Every locked row that has judged a version goes to training. Those that came in since judge from "
                "now on, and the champion becomes the anchor. This cannot be undone.",
            ),
        )


def _refresh(loop: Loop) -> None:
    with told("The holdout is refreshed. Accuracies before and after are of different rows: do not compare them."):
        loop.refresh_holdout(acting("refresh holdout", loop), st.session_state.get("refresh-reason", ""))
