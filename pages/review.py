"""Review: one item at a time, one key per decision."""

import streamlit as st

from feedback_core.errors import NotFound
from feedback_core.loop import Loop
from feedback_core.types import ReviewSession
from pages import _deck
from pages._people import acting, locked, may
from pages._shared import PAGES, counted, loop_of, open_loop, plain, show_message, store, told


@st.fragment
def deck(project_id: int, session_id: int | None) -> None:
    """Runs alone, several times a second while somebody types: everything it needs is read here."""
    with told():
        loop = loop_of(store().projects.get(project_id))
        _deck.show(loop, acting("review", loop), session_id)
    show_message()


def queue(loop: Loop) -> ReviewSession | None:
    """The whole queue, or the session that the address or the select box names."""
    live = {session.id: session for session in loop.store.sessions.live(loop.project.id)}
    asked = st.query_params.get("session", "")
    if asked.isdecimal():
        st.session_state["queue"] = int(asked)
        live |= _older(loop, int(asked)) if int(asked) not in live else {}
    if st.session_state.get("queue") not in live:
        st.session_state.pop("queue", None)
        st.query_params.pop("session", None)
    if not live:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Queue",
            [None, *live],
            format_func=lambda n: f"{live[n].name} ({live[n].left:,} left)" if n else "Whole queue",
            key="queue",
            persist_state="session",
            on_change=_to_address,
            help="A session holds the items somebody has put together on Predictions or Map, in that order.",
        )
        lock = locked("review", loop)
        if chosen and st.button("Close session", icon=":material/close:", key="queue_close", **lock):
            acting("review", loop)
            loop.store.sessions.close(loop.project.id, chosen, loop.clock())
            _leave()
            st.rerun()
    return live.get(chosen)


def _older(loop: Loop, session_id: int) -> dict[int, ReviewSession]:
    """A session that a link names though newer ones have crowded it out of the list; nothing when it is closed."""
    try:
        found = loop.store.sessions.get(loop.project.id, session_id)
    except NotFound:
        return {}
    return {} if found.closed_at else {found.id: found}


def _to_address() -> None:
    if st.session_state["queue"]:
        st.query_params["session"] = str(st.session_state["queue"])
    else:
        st.query_params.pop("session", None)


def _leave() -> None:
    st.session_state.pop("queue", None)
    st.query_params.pop("session", None)


st.title("Review")
loop = open_loop()
if not may("review", loop):
    st.info(
        f"{locked('review', loop)['help']} You can look at the items and what was said about them.",
        title="You may look, and not decide",
        icon=":material/visibility:",
    )
    st.page_link(PAGES["predictions"], label="Look at the items", icon=":material/table_view:")
    st.stop()
session = queue(loop)
if session and not session.left:
    st.success(
        f"“{plain(session.name)}” is done: {counted(session.size, 'item')} decided. Close the session to go on with "
        "the whole queue, or choose the next items.",
        icon=":material/task_alt:",
    )
    st.page_link(PAGES["predictions"], label="Choose items on Predictions", icon=":material/table_view:")
deck(loop.project.id, session.id if session else None)
