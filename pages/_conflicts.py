"""Items whose reviewers differ, side by side; one press decides."""

import streamlit as st

from feedback_core import inspection
from feedback_core.loop import Loop
from feedback_core.types import Cursor
from pages._rulings import tell
from pages._shared import ago, plain, reviewer, show_input, title_of, told

PAGE_ROWS = 5


def show_conflicts(loop: Loop) -> None:
    """A page of items without a label, newest first."""
    trail = f"conflicts-trail-{loop.project.id}"
    cursors = st.session_state.setdefault(trail, [])
    more = inspection.conflicts(loop.store, loop.project, cursors[-1] if cursors else None, PAGE_ROWS + 1)
    found, is_last = more[:PAGE_ROWS], len(more) <= PAGE_ROWS
    if not found:
        st.info(
            "Nobody differs, and no second opinion is wanted."
            if not cursors else "That was the last one. Go back with the button below.",
            icon=":material/handshake:",
        )  # fmt: skip
    for conflict in found:
        with st.container(border=True):
            _show(loop, conflict)
    if not cursors and is_last:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=not cursors, key="conflicts_back"):
            cursors.pop()
            st.rerun()
        st.caption(f"Page {len(cursors) + 1}")
        if st.button("Next", icon=":material/chevron_right:", disabled=is_last, key="conflicts_next"):
            cursors.append(Cursor(0.0, found[-1].item.id))
            st.rerun()


def _show(loop: Loop, conflict: inspection.Conflict) -> None:
    item = conflict.item
    st.caption(
        f"Item {plain(title_of(item))} · "
        + ("a second opinion is wanted" if conflict.asked else "its reviewers differ")
        + (
            f" · the model says {plain(conflict.shown.label)} ({conflict.shown.confidence:.0%})"
            if conflict.shown
            else ""
        )
    )
    left, right = st.columns(2)
    with left:
        show_input(loop.project, item)
    with right, st.container(horizontal=True):
        for side in conflict.sides:
            with st.container(width=220):
                _show_side(loop, item.id, side)


def _show_side(loop: Loop, item_id: int, side: inspection.Side) -> None:
    st.subheader(plain(side.label))
    for entry in side.entries:
        note = f" · “{plain(entry.note)}”" if entry.note else ""
        st.caption(f"{plain(entry.reviewer)} · {ago(entry.created_at)}{note}")
    st.button(
        f"It is {plain(side.label)}",
        key=f"settle-{item_id}-{side.label}",
        on_click=_settle,
        args=(loop, item_id, side.label),
        help="Accepts these entries; the others no longer count.",
    )


def _settle(loop: Loop, item_id: int, label: str) -> None:
    with told():
        ruled = loop.settle(item_id, label, reviewer())
        tell(ruled, max(1, len(ruled.entries)))
