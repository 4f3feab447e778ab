"""One item: its input, its probabilities, its history, and the items like it."""

import streamlit as st

from feedback_core import insights
from feedback_core.loop import Loop
from feedback_core.number_views import told as told_number
from feedback_core.types import Feedback, Item
from pages._people import acting, locked
from pages._prediction import show_prediction
from pages._predictions import similar, why
from pages._shared import PAGES, VERBS, ago, plain, show_input, title_of, told


def show(loop: Loop, item: Item) -> None:
    """Everything known about an opened item."""
    story = insights.story(loop.store, item.id)
    st.subheader(f"Item {plain(title_of(item))}")
    left, right = st.columns(2, gap="large")
    with left:
        show_input(loop.project, item)
    with right:
        if item.hidden:
            st.info(
                "In the audit sample: its prediction stays hidden until it is reviewed.",
                icon=":material/visibility_off:",
            )
        elif story.predictions:
            newest = story.predictions[0]
            show_prediction(loop, newest, f"proba-{item.id}")
        if item.split == "pool" and st.button(
            "Review this item", icon=":material/rate_review:", key=f"open-{item.id}", **locked("review", loop)
        ):
            with told():
                loop.draw_item(acting("review", loop), item.id)
                st.session_state.pop("queue", None)  # a chosen card comes first in the whole queue, not in a session
                st.switch_page(PAGES["review"])
            st.rerun()  # somebody else has it: say so here and now
        for entry in reversed(story.entries):
            st.caption(_told(loop, entry))
        for prediction in story.predictions if not item.hidden else ():
            sure = f" with {prediction.confidence:.0%}" if loop.project.labels else ""
            predicted = plain(told_number(loop.project, prediction.label))
            st.caption(f"Version {prediction.version_number} predicted {predicted}{sure}")
    why.show(loop, item)
    similar.show(loop, item)


def _told(loop: Loop, entry: Feedback) -> str:
    note = f" · “{plain(entry.note)}”" if entry.note else ""
    standing = "" if entry.state == "accepted" else f" · {entry.state}"
    return (
        f"{plain(entry.reviewer)} {VERBS[entry.verdict]} {plain(told_number(loop.project, entry.target))} · "
        f"{ago(entry.created_at)}{standing}{note}"
    )
