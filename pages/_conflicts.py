"""Items whose reviewers differ, side by side; one press decides."""

import streamlit as st

from feedback_core import inspection
from feedback_core.loop import Loop
from feedback_core.types import Cursor
from pages._paging import pager, start_of
from pages._rulings import tell
from pages._shared import ago, plain, reviewer, show_input, title_of, told

PAGE_ROWS = 5


def show_conflicts(loop: Loop) -> None:
    """A page of items without a label, newest first."""
    trail = f"conflicts-trail-{loop.project.id}"
    more = inspection.conflicts(loop.store, loop.project, start_of(trail), PAGE_ROWS + 1)
    found = more[:PAGE_ROWS]
    if not found:
        st.info("Nobody differs here, and no second opinion is wanted.", icon=":material/handshake:")
    for conflict in found:
        with st.container(border=True):
            _show(loop, conflict)
    pager(trail, Cursor(0.0, found[-1].item.id) if len(more) > PAGE_ROWS else None, "conflicts")


def _show(loop: Loop, conflict: inspection.Conflict) -> None:
    item = conflict.item
    st.caption(
        f"Item {plain(title_of(item))} · "
        + ("a second opinion is wanted" if conflict.asked else "its reviewers differ")
        + (
            f" · the model says {plain(conflict.shown.label)} ({conflict.shown.confidence:.0%})"
            if conflict.shown and not item.hidden
            else ""
        )
    )
    left, right = st.columns(2)
    with left:
        show_input(loop.project, item)
    with right, st.container(horizontal=True):
        for side in conflict.sides:
            with st.container(width=190):
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
