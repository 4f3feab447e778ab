"""Every version of the groups, newest first: its scores, its way back, and its items as a file."""

import streamlit as st

from feedback_core import exports
from feedback_core.clustering import deciding, views
from feedback_core.loop import Loop
from feedback_core.types import Clustering
from feedback_core.wording import moment, number, share
from pages._clusters.verdict import FOUND
from pages._people import acting, guarded, locked
from pages._shared import ago, counted, decider, plain, told

STATUS = {"champion": "in use", "candidate": "waits for a decision", "retired": "used before", "refused": "refused"}


def show(loop: Loop) -> None:
    """One fold a version."""
    for made in loop.store.clusterings.latest(loop.project.id):
        icon = ":material/star:" if made.status == "champion" else None
        # Not how long ago: a fold whose title changes closes, under the hands of whoever types in it.
        when = moment(made.created_at)
        title = f"Version {made.number} · {STATUS[made.status]} · {counted(made.k, 'group')} · {when}"
        with st.expander(title, icon=icon, expanded=made.status == "champion"):
            _show(loop, made)


def _show(loop: Loop, made: Clustering) -> None:
    pairs = made.metrics["pairs"]
    heeded = counted(pairs["together"] + pairs["apart"], "answered pair")
    sample = f", fitted on {made.sample:,} of them" if made.sample < made.items else ""
    st.caption(
        f"{made.method}, seed {made.seed} · {counted(made.items, 'item')}{sample} · {heeded} · asked for by "
        f"{plain(made.created_by)}"
    )
    st.markdown(
        f"Answers kept while left out: {share(made.metrics['satisfaction'])}. Stability: "
        f"{number(made.metrics['stability'])}."
    )
    report = loop.store.clusterings.report_on(made.id)
    if report is not None:
        compared = "" if report.finding == "first" else f"Compared: {FOUND[report.finding]}. "
        st.markdown(compared + plain(" ".join(report.reasons)))
        if report.decision:
            because = f": {plain(report.decided_reason)}" if report.decided_reason else ""
            verb = "Put into use" if report.decision == "promote" else "Refused"
            st.caption(f"{verb} by {decider(report.decided_by)} {ago(report.decided_at)}{because}")
    if made.status == "retired":
        _way_back(loop, made)
    if made.status == "champion":
        _download(loop, made)


def _way_back(loop: Loop, made: Clustering) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("What went wrong", key=f"back-groups-{made.id}", max_chars=500)
        st.button(
            "Use it again", key=f"rollback-groups-{made.id}", on_click=_roll_back, args=(loop, made, reason),
            **locked("rollback", loop, disabled=not reason.strip(), help="Say what went wrong first."),
        )  # fmt: skip


def _roll_back(loop: Loop, made: Clustering, reason: str) -> None:
    with told(f"Version {made.number} is in use again. What people said stays."):
        deciding.rollback(loop, made, acting("rollback", loop), reason)


def _download(loop: Loop, made: Clustering) -> None:
    def produce() -> bytes:
        return exports.export(views.members(loop, made), views.COLUMNS, "csv")

    st.download_button(
        "Download the groups as CSV",
        guarded("export", loop, produce),
        file_name=f"{loop.project.name}-groups.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="export-groups",
        **locked("export", loop, help="Every item with the number and the name of its group."),
    )
