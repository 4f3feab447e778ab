"""What is worth asking next."""

import streamlit as st

from feedback_core import charts, insights
from feedback_core.loop import Loop
from pages._insights.panel import Way, panel, to_predictions
from pages._shared import counted


def show(loop: Loop) -> None:
    """The queue by priority."""
    queue = insights.priorities(loop.store, loop.project)
    if not queue:
        st.info("Priorities appear when a champion has scored the queue.", icon=":material/insights:")
        return
    bars = len(queue["count"])
    panel(
        f"{counted(round(sum(queue['count'])), 'item')} ranked by what the label would teach the model",
        "insights_priorities",
        charts.priorities(queue),
        {"priority from": [n / bars for n in range(bars)], **queue},
        "The items that were open when the champion last scored the queue. Colours: what the priority is made of.",
        [
            to_predictions("See them, asked first on top", loop.project.id),
            Way("Review them", "review", icon=":material/rate_review:"),
        ],
    )
