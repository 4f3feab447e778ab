"""Every version with all its reports, newest first, and the way back to an earlier champion."""

from collections.abc import Callable, Sequence

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import GateReport, Version
from pages._retrain.flips import show_flips
from pages._retrain.report import show_decision, show_report, show_slices
from pages._shared import ago, counted, percent


def show_versions(
    loop: Loop, versions: Sequence[Version], reports: Sequence[GateReport], roll_back: Callable[[Version], None]
) -> None:
    """One line a version, newest first. reports: of all of them, newest first."""
    if not versions:
        st.info(
            "No version yet. Train the first one as soon as two classes are labelled.", icon=":material/model_training:"
        )
    else:
        st.caption(
            "The accuracies in this list are the holdout's alone (locked base rows). A report compares two versions on "
            "all locked rows, holdout and audit sample (incoming items) together: its difference need not be theirs."
        )
    for version in reversed(versions):
        holdout = version.metrics.get("holdout", {}).get("accuracy")
        label = f"Version {version.number} · {version.status} · holdout {percent(holdout)} · {ago(version.created_at)}"
        with st.expander(label, icon=":material/star:" if version.status == "champion" else None):
            _show_version(loop, version, [report for report in reports if report.challenger_id == version.id], versions)
            if version.status == "retired":
                _show_way_back(version, roll_back)


def _show_version(loop: Loop, version: Version, reports: Sequence[GateReport], versions: Sequence[Version]) -> None:
    st.caption(
        f"{version.estimator.replace('_', ' ')}, seed {version.seed} · {counted(version.n_base, 'base row')} and "
        f"{counted(version.n_feedback, 'reviewed item')} · {version.size / 1024:,.0f} KB · "
        f"SHA-256 {version.sha256[:12]}… · scikit-learn {version.environment.get('scikit-learn', '?')}"
    )
    numbers = {each.id: each.number for each in versions}
    for report in reports:
        against = f" against version {numbers[report.champion_id]}" if report.champion_id in numbers else ""
        st.markdown(f"**Judged {ago(report.created_at)}{against}**")
        show_report(report, version)
        show_decision(report)
        if report.finding != "first" and st.toggle("Slices and rows that flip", key=f"more-{report.id}"):
            show_slices(report, "list")
            show_flips(loop, report, "list")


def _show_way_back(version: Version, roll_back: Callable[[Version], None]) -> None:
    st.text_input("Why go back to this version?", key=f"back-{version.id}", max_chars=500)
    st.button(
        "Roll back to this version",
        icon=":material/history:",
        key=f"rollback-{version.id}",
        on_click=roll_back,
        args=(version,),
        help="Judges it against the present champion first; the report is kept.",
    )
