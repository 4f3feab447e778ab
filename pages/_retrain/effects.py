"""What a version goes by now and did not before, and which labels pulled it: worked out when it is asked for."""

import streamlit as st

from feedback_core import charts, studies
from feedback_core.loop import Loop
from feedback_core.studies import EffectsView
from feedback_core.types import Version
from pages._people import acting, locked
from pages._shared import plain, told

HELP = "Takes both versions apart on the same rows, and trains without the labels that moved it most. About a minute."


def show_effects(loop: Loop, version: Version, place: str) -> None:
    """The newest comparison of a version with its parent, or the button that asks for one. place: where on the page."""
    if not studies.comparable(loop.store, loop.project, version):
        return
    found = studies.effects_view(loop.store, version)
    st.caption("**What moved.** What it goes by now, beside the version before it.")
    for sentence in found.sentences:
        st.write(plain(sentence))
    if found.sentences:
        _charts(found, f"{place}-{version.id}")
    if found.empty:
        waiting = any(
            job.kind == "effects" and job.payload.get("version") == version.id
            for job in loop.store.jobs.live(loop.project.id)
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Explain what moved",
                icon=":material/compare_arrows:",
                key=f"effects-{place}-{version.id}",
                on_click=_request,
                args=(loop, version),
                **locked("study", loop, disabled=waiting, help=HELP),
            )
            st.caption("The worker is at it: look again in a minute." if waiting else plain(found.empty))


def _charts(found: EffectsView, key: str) -> None:
    bare = {"displayModeBar": False}
    if len(found.moved["column"]) > 1:
        left, right = st.columns(2, gap="large")
        with left:
            figure = charts.moved(found.moved, found.versions, found.unit, found.measure)
            st.plotly_chart(figure, key=f"moved-{key}", config=bare, alt="How much each column counts, before and now")
        with right:
            for n, tab in enumerate(st.tabs([curve["column"] for curve in found.curves]) if found.curves else ()):
                with tab:
                    figure = charts.effect_curve(found.curves[n], found.versions, found.measure)
                    alt = "Effect of a column, both versions"
                    st.plotly_chart(figure, key=f"curve-{key}-{n}", config=bare, alt=alt)
    if found.labels:
        st.dataframe(
            [
                {"Item": row["key"], "Label": row["label"], "Before": row["before"] or "unlabelled", "By": row["by"]}
                for row in found.labels
            ],
            hide_index=True,
            key=f"pulled-{key}",
            height=min(38 + 35 * len(found.labels), 250),
            alt="New labels that pulled the version most",
        )
    for note in found.notes:
        st.caption(plain(note))


def _request(loop: Loop, version: Version) -> None:
    with told():
        loop.request_study("effects", acting("study", loop), version)
