"""Next and back through a list by keyset: as quick on the last page as on the first."""

from typing import Any

import streamlit as st


def start_of(trail: str) -> Any:
    """Cursor that the page shown begins after, None on the first. trail: what is listed, with its filters."""
    cursors = st.session_state.setdefault(trail, [])
    return cursors[-1] if cursors else None


def pager(trail: str, following: Any, name: str) -> None:
    """The two buttons, when there is more than one page. following: where the next page begins, None on the last."""
    cursors = st.session_state[trail]
    if following is None and not cursors:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=not cursors, key=f"{name}_back"):
            cursors.pop()
            st.rerun()
        st.caption(f"Page {len(cursors) + 1}")
        if st.button("Next", icon=":material/chevron_right:", disabled=following is None, key=f"{name}_next"):
            cursors.append(following)
            st.rerun()
