"""The frame around every page: navigation, project picker, reviewer name."""

from pathlib import Path

import streamlit as st

from feedback_core.environment import user_name
from pages._shared import store

# A file of our own: Streamlit would fetch an icon by name from a font server.
ICON = Path(__file__).with_name("_icon.png")
st.set_page_config(page_title="AI Feedback Loop", page_icon=ICON, layout="wide")

PAGES = [  # no sections: Streamlit lists them in markup that screen readers cannot follow
    st.Page("overview.py", title="Overview", icon=":material/cycle:", default=True),
    st.Page("review.py", title="Review", icon=":material/rate_review:"),
    st.Page("feedback.py", title="Feedback", icon=":material/fact_check:"),
    st.Page("retrain.py", title="Retrain", icon=":material/model_training:"),
    st.Page("predictions.py", title="Predictions", icon=":material/table_view:"),
    st.Page("map.py", title="Map", icon=":material/scatter_plot:"),
    st.Page("insights.py", title="Insights", icon=":material/insights:"),
    st.Page("setup.py", title="Setup", icon=":material/tune:"),
]
# The theme's accent is dark enough for white on it, and so too dark as the text of a chosen option on a dark page.
st.html(
    "<style>[data-testid=stButtonGroup] button[data-selected=true] p, [data-testid=stSliderThumbValue] p "
    "{ color: CanvasText }</style>"
)

page = st.navigation(PAGES)
names = [project.name for project in store().projects.all()]


def keep(widget: str, name: str) -> None:
    """Remember a choice beside its widget, which forgets its value when a button leads to another page."""
    st.session_state[name] = st.session_state[widget]


with st.sidebar:
    if names:
        wanted = st.session_state.get("open_project") or st.query_params.get("project")
        st.session_state["project"] = wanted if wanted in names else names[0]
        # Not bind="query-params": st.switch_page refuses to leave a page whose address a widget is bound to.
        st.query_params["project"] = st.selectbox(
            "Project", names, key="project", on_change=keep, args=("project", "open_project")
        )
        st.session_state["open_project"] = st.session_state["project"]
    st.session_state["reviewer"] = st.session_state.get("reviewer_name", user_name())
    st.text_input(
        "Your name",
        key="reviewer",
        help="Stands beside every decision you make.",
        max_chars=60,
        on_change=keep,
        args=("reviewer", "reviewer_name"),
    )
page.run()
