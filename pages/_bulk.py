"""One decision about many items: the panel that asks for it, and the way back."""

from collections.abc import Sequence
from uuid import uuid4

import streamlit as st

from feedback_core import bulk
from feedback_core.loop import Loop
from feedback_core.types import Project
from pages._label_sets import choose_labels, is_set
from pages._people import acting, locked, reviewer
from pages._shared import PAGES, counted, plain, told

ACTIONS = {"confirm": "Confirm the prediction", "correct": "Set the label", "flag": "Flag"}
DONE = {"confirm": "confirmed", "correct": "labelled", "flag": "flagged"}


def review(loop: Loop, ids: Sequence[int], name: str, key: str) -> None:
    """A button that makes a review session of these items and opens it."""
    lock = locked("review", loop)
    if st.button(f"Review {counted(len(ids), 'item')}", icon=":material/rate_review:", key=f"{key}-review", **lock):
        with told():
            session = loop.open_session(ids, name, acting("review", loop))
            st.switch_page(PAGES["review"], query_params={"session": str(session.id)})


def decide(loop: Loop, ids: Sequence[int], key: str) -> None:
    """A choice of one decision for all these items, which says how many it would change before it does."""
    with st.popover(f"Decide {counted(len(ids), 'item')} at once", icon=":material/done_all:"):
        # One number for many items is a mistake more often than not.
        actions = ACTIONS if loop.project.labels else [name for name in ACTIONS if name != "correct"]
        verdict = st.segmented_control(
            "Decision", list(actions), format_func=ACTIONS.get, default="confirm", required=True, key=f"{key}-verdict"
        )
        target = _target(loop.project, f"{key}-target") if verdict == "correct" else None
        name = st.session_state.setdefault(f"{key}-name", uuid4().hex)
        held = loop.store.draws.in_other_hands(reviewer(), ids, loop.clock())
        items = loop.store.items.many(ids)
        plan = bulk.plan(items, verdict, target, reviewer(), name=name, held=held)
        for reason, n in plan.left_out.items():
            st.caption(f"{counted(n, 'item')} left out: {reason}.")
        taking = {decision.item_id for decision in plan.decisions}
        if reviewed := sum(item.id in taking and item.state != "open" for item in items):
            st.warning(
                f"{counted(reviewed, 'item')} of them {'has' if reviewed == 1 else 'have'} been decided before: yours "
                "replaces your own answer, and where it differs from somebody else's the item becomes a conflict."
            )
        ready = bool(plan.decisions) and (verdict != "correct" or target is not None)
        caption = f"{ACTIONS[verdict]}: {counted(len(plan.decisions), 'item')}"
        lock = locked("review", loop, disabled=not ready)
        if st.button(caption, type="primary", key=f"{key}-apply", **lock):
            with told():
                acting("review", loop)
                entries = loop.record(*plan.decisions)
                st.session_state["bulk"] = {
                    "project": loop.project.id,
                    "entries": [entry.id for entry in entries],
                    "text": f"{counted(len(entries), 'item')} {DONE[verdict]}" + (f" as {target}" if target else ""),
                }
            del st.session_state[f"{key}-name"]
            st.rerun()


def _target(project: Project, key: str) -> str | None:
    if is_set(project):
        return choose_labels(project, key)
    return st.selectbox("Label", project.labels, index=None, placeholder="choose", key=key)


def way_back(loop: Loop) -> None:
    """What the last bulk decision did, and one click to take all of it back."""
    done = st.session_state.get("bulk")
    if not done or done["project"] != loop.project.id:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/done_all: {plain(done['text'])}.")
        lock = locked("review", loop)
        if done["entries"] and st.button("Undo all", icon=":material/undo:", key="bulk_undo", **lock):
            with told():
                undone = loop.undo_many(done["entries"], acting("review", loop))
                kept = len(done["entries"]) - len(undone)
                text = f"{counted(len(undone), 'decision')} taken back"
                if kept:
                    text += f"; {counted(kept, 'item')} had been decided again since"
                st.session_state["bulk"] = done | {"entries": [], "text": text}
            st.rerun()
        if st.button("Close", type="tertiary", key="bulk_close"):
            del st.session_state["bulk"]
            st.rerun()
