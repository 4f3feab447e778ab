"""What more feedback should bring, and what is worth asking next."""

import streamlit as st

from feedback_core import charts, insights, studies
from feedback_core.loop import Loop
from feedback_core.types import StudyKind
from pages._insights.panel import Way, panel, to_predictions
from pages._people import acting, locked
from pages._shared import ago, counted, plain, told

PERCENT = st.column_config.NumberColumn(format="percent")


def show(loop: Loop) -> None:
    """The forecast, then the queue by priority."""
    _forecast(loop)
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


def _forecast(loop: Loop) -> None:
    view = studies.forecast_view(loop.store, loop.project)
    if not view.table:
        study_missing(loop, "forecast", "What would more labels bring?", view.empty or view.sentence)
        return
    shares = ("accuracy", "low_80", "high_80", "low_95", "high_95")
    state = study_state(view.version, view.created_at, view.outdated)
    advice = view.advice if view.advice not in view.sentence else ""
    panel(
        view.sentence.removesuffix("."),
        "insights_forecast",
        charts.forecast(view.table),
        view.table,
        " ".join(plain(text) for text in (advice, *view.notes, state) if text),
        columns=dict.fromkeys(shares, PERCENT),
    )
    ask_again(loop, "forecast", view.outdated)


def study_missing(loop: Loop, kind: StudyKind, title: str, why: str) -> None:
    """A card in the place of a chart: what it would show, and the button that asks for it."""
    with st.container(border=True):
        st.subheader(title)
        st.caption(plain(why))
        if loop.store.versions.champion(loop.project.id) is not None:
            study_button(loop, kind, "Find out")


def study_state(version: int | None, then: float | None, outdated: str) -> str:
    """About which version a study is, how old it is, and why it may be out of date."""
    return f"About v{version}, found out {ago(then)}. {outdated}".strip()


def ask_again(loop: Loop, kind: StudyKind, outdated: str) -> None:
    """The button for another study where this one is out of date."""
    if outdated:
        study_button(loop, kind, "Find out again")


def study_button(loop: Loop, kind: StudyKind, caption: str) -> None:
    """Asks the worker for a study, unless it is on it already."""
    asked = any(job.kind == kind for job in loop.store.jobs.live(loop.project.id))
    label = "The worker is on it" if asked else caption
    st.button(
        label, icon=":material/science:", key=f"insights_ask_{kind}", on_click=_request, args=(loop, kind),
        **locked("study", loop, disabled=asked),
    )  # fmt: skip


def _request(loop: Loop, kind: StudyKind) -> None:
    with told():
        loop.request_study(kind, acting("study", loop))
