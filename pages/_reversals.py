"""Items whose label was turned round after a while: did the world change, or was someone wrong?"""

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import streamlit as st

from feedback_core import inspection
from feedback_core.loop import Loop
from feedback_core.training import DAY_S
from feedback_core.types import Feedback
from pages._paging import pager, start_of
from pages._people import acting, locked
from pages._shared import ago, counted, plain, show_input, store, tell_done, title_of, told

PAGE_ROWS = 5
SHORTEST_DAYS, LONGEST_DAYS = 1.0, 36_500.0


def show_reversals(loop: Loop) -> None:
    """A page of them, the newest first, after what an answer suggests for all labels."""
    _propose_fading(loop)
    trail = f"reversals-trail-{loop.project.id}"
    found, following = inspection.reversals(loop.store, loop.project, start_of(trail), PAGE_ROWS)
    if not found:
        st.info(
            "No label was turned round after a day, or after a version had learned it, without somebody saying why.",
            icon=":material/history_toggle_off:",
        )
    for reversal in found:
        with st.container(border=True):
            _show(loop, reversal)
    pager(trail, following, "reversals")


def proposed_days(apart: Sequence[float]) -> float:
    """Half-life in whole days: the median age at which a label was out of date. apart: seconds between the two labels.

    If anything too long, because nobody saw how long before the newer label the world had changed.
    """
    return min(LONGEST_DAYS, max(SHORTEST_DAYS, float(round(median(apart) / DAY_S))))


def _propose_fading(loop: Loop) -> None:
    apart = loop.store.reversals.world_changes(loop.project.id)
    if not apart or loop.project.settings.label_half_life_days:
        return
    days, changes = proposed_days(apart), len(apart)
    basis = (
        f"{days:.0f} days is the median age at which the older label was found out of date, over these {changes} items."
        if changes > 1
        else f"{days:.0f} days lie between the two labels of this one item, which is little to go by."
    )
    with st.container(border=True):
        st.markdown("**Shall older labels fade?**")
        st.write(
            f"The world has changed for {counted(changes, 'item')}. Other old labels may be out of date too, and every "
            "version still learns from them in full. With a half-life a label of that age counts half, one twice as "
            "old a quarter. Where nothing else has changed this costs a little accuracy: judge the next version."
        )
        st.caption(f"{basis} Nobody knows how long before the newer label the world had changed: less may be right.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                "Half-life (days)", SHORTEST_DAYS, LONGEST_DAYS, days, 1.0, "%.0f", key="half_life", width=180
            )
            lock = locked("settings", loop, help="From the next version on; Setup turns it off again.")
            st.button("Let older labels fade", icon=":material/timelapse:", key="fade", on_click=_fade, args=(loop,),
                      **lock)  # fmt: skip


def _fade(loop: Loop) -> None:
    with told():
        settings = replace(loop.project.settings, label_half_life_days=float(st.session_state["half_life"]))
        store().projects.update(loop.project, settings=settings, now=time.time(), actor=acting("settings", loop))
        tell_done("Older labels fade from the next version on.")


def _show(loop: Loop, found: inspection.Reversal) -> None:
    item, earlier, later = found.item, found.earlier, found.later
    model = f" · the model says {plain(found.shown.label)} ({found.shown.confidence:.0%})" if found.shown else ""
    st.markdown("**Did the world change, or was someone wrong?**")
    st.caption(f"Item {plain(title_of(item))}{model}")
    left, right = st.columns(2)
    with left:
        show_input(loop.project, item)
    with right:
        with st.container(horizontal=True):
            for entry, learned in ((earlier, found.learned_earlier), (later, found.learned_later)):
                with st.container(width=190):
                    _show_side(entry, learned)
        before, now = plain(earlier.target or ""), plain(later.target or "")
        st.button(
            f"The world changed: it is {now} now",
            icon=":material/public:",
            key=f"world-{later.id}",
            on_click=_world_changed,
            args=(loop, item.id),
            **locked(
                "rule", loop, help=f"{before} was right then. The newer label counts from now on, and nobody is blamed."
            ),
        )
        with st.container(horizontal=True):
            for entry, label in ((earlier, before), (later, now)):
                st.button(
                    f"Someone was wrong: it is {label}",
                    key=f"wrong-{later.id}-{entry.id}",
                    on_click=_someone_was_wrong,
                    args=(loop, entry),
                    **locked("rule", loop, help="This label counts, and was right all the time."),
                )


def _show_side(entry: Feedback, learned: tuple[int, ...]) -> None:
    st.subheader(plain(entry.target or ""))
    note = f" · “{plain(entry.note)}”" if entry.note else ""
    st.caption(f"{plain(entry.reviewer)} · {ago(entry.created_at)}{note}")
    numbers = ", ".join(map(str, learned))
    st.caption(f"Learned by version{'s' if len(learned) > 1 else ''} {numbers}" if learned else "No version learned it")


def _world_changed(loop: Loop, item_id: int) -> None:
    with told():
        loop.world_changed(item_id, acting("rule", loop))


def _someone_was_wrong(loop: Loop, entry: Feedback) -> None:
    label = entry.target or ""
    with told():
        # Who has answered again since no longer gives the first label: then it is the word of whoever decides.
        if entry.state == "accepted":
            loop.settle(entry.item_id, label, acting("rule", loop), "someone was wrong")
        else:
            loop.decide(entry.item_id, label, acting("rule", loop), "someone was wrong")
