"""What was decided about entries, in words, and its undo."""

from collections import Counter

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.store.rulings import Press
from feedback_core.types import Ruled
from pages._people import acting, locked
from pages._shared import ago, counted, plain, told

SHOWN = 5
DONE = {
    "accept": "accepted {n}",
    "reject": "rejected {n}",
    "ask": "asked for a second opinion on {n}",
    None: "lifted the ruling on {n}",
}


def entries(n: int) -> str:
    """1 entry, 2 entries."""
    return counted(n, "entry", "entries")


def tell(ruled: Ruled, wanted: int) -> None:
    """A word about a ruling that changed less than was asked for."""
    if len(ruled.entries) < wanted:
        st.session_state["message"] = (
            f"{len(ruled.entries):,} of {entries(wanted)} changed: the rest stood so already or was replaced."
        )


def show_last_ruling(loop: Loop) -> None:
    """The newest ruling with its undo, earlier ones behind a button."""
    presses = loop.store.rulings.latest(loop.project.id, SHOWN)
    if not presses:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _show(loop, presses[0])
        if len(presses) > 1:
            with st.popover("Earlier rulings", type="tertiary"):
                for press in presses[1:]:
                    with st.container(horizontal=True, vertical_alignment="center"):
                        _show(loop, press)


def _show(loop: Loop, press: Press) -> None:
    event = press.event
    counts = Counter(each["ruling"] for each in event.details["rulings"])
    done = " and ".join(DONE[ruling].format(n=entries(n)) for ruling, n in counts.items())
    reason = f" · “{plain(event.details['reason'])}”" if event.details.get("reason") else ""
    gone = "" if press.standing else " · undone or replaced since"
    st.caption(f"{plain(event.actor)} {done} {ago(event.at)}{reason}{gone}")
    if press.standing:
        label = "Undo" if press.standing == sum(counts.values()) else f"Undo on {entries(press.standing)}"
        st.button(
            label,
            icon=":material/undo:",
            type="tertiary",
            key=f"unrule-{event.id}",
            on_click=undo,
            args=(loop, event.id),
            **locked("rule", loop, help="Brings back what was decided before."),
        )


def undo(loop: Loop, event_id: int) -> None:
    """Take one ruling back."""
    with told():
        loop.undo_ruling(event_id, acting("rule", loop))
