"""One prediction as the task has it: class probabilities, or a number with its interval."""

import streamlit as st

from feedback_core import charts, number_views
from feedback_core.charts.items import MOST_BARS
from feedback_core.loop import Loop
from feedback_core.multilabel import parts
from feedback_core.types import Prediction
from pages._label_sets import is_set
from pages._shared import plain


def show_prediction(loop: Loop, shown: Prediction, key: str) -> None:
    """What a version said of an item. key: of the figure."""
    if loop.project.task == "regression":
        st.metric(
            f"Version {shown.version_number} predicts",
            plain(number_views.told(loop.project, shown.label)),
            number_views.interval_text(loop, shown) or None,
            "off",
            delta_arrow="off",
            help=number_views.basis(loop, shown.version_id),
            width="content",
        )
        return
    labels, of_sets = loop.project.labels[: len(shown.proba)], is_set(loop.project)
    figure = charts.probabilities(labels, shown.proba, *(parts(shown.label) if of_sets else (shown.label,)))
    alt = "Probability of each label" if of_sets else "Class probabilities"
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)
    if of_sets:
        most = f" The {MOST_BARS} likeliest are drawn." if len(labels) > MOST_BARS else ""
        st.caption(
            f"Predicted: {plain(shown.label)}. Each label has a probability of its own, and from 50 % on it is "
            f"predicted; the chance that all of them are right is {shown.confidence:.0%}.{most}"
        )
