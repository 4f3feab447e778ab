"""One prediction as the task has it: class probabilities, or a number with its interval."""

import streamlit as st

from feedback_core import charts, number_views
from feedback_core.loop import Loop
from feedback_core.types import Prediction
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
    figure = charts.probabilities(loop.project.labels[: len(shown.proba)], shown.proba, shown.label)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt="Class probabilities")
