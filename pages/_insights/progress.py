"""Is it getting better, and can I believe it?"""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from feedback_core import charts, headlines, version_scores
from feedback_core.scope import Scope
from feedback_core.types import GateReport, Version
from pages._insights.panel import Way, panel
from pages._retrain.report import FINDING_LOOKS
from pages._shared import plain

SAMPLES = {
    "holdout": (
        "Holdout",
        "Locked rows of the data the project began with. No version learns from them; versions were chosen on them, so "
        "the champion looks a little better here than it is.",
    ),
    "audit": (
        "Audit sample",
        "Incoming items that chance chose and people labelled without seeing the prediction: the fairest measure of "
        "what is coming in.",
    ),
}


def show_verdict(version: Version, before: Version | None, report: GateReport | None) -> None:
    """The version against the champion before it, then its accuracy on each sample."""
    name, colour = FINDING_LOOKS[report.finding] if report else ("not judged", "gray")
    number = None if before is None else before.number
    st.header(headlines.verdict(version.number, number, report))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(name, color=colour)
        standing = "serves now" if version.status == "champion" else version.status
        st.badge(f"v{version.number} {standing}", color="blue" if version.status == "champion" else "gray")
        deciding = version.status == "candidate"
        st.page_link("retrain.py", label="Decide" if deciding else "Report", icon=":material/gavel:")
    st.caption(plain(headlines.evidence(version.number, number, report)))
    with st.container(horizontal=True, gap="large"):
        for sample, (title, help_text) in SAMPLES.items():
            _metric(title, version.metrics.get(sample, {}).get("accuracy"), help_text)


def _metric(title: str, score: dict[str, float] | None, help_text: str) -> None:
    if not score or score.get("value") is None:
        st.metric(title, "–", "not measured yet", "off", delta_arrow="off", help=help_text, width="content")
        return
    span = f"{score['low']:.1%} to {score['high']:.1%}, n = {score['n']:,}"
    st.metric(title, f"{score['value']:.1%}", span, "off", delta_arrow="off", help=f"{help_text} The range is the 95 % "
              "interval.", width="content")  # fmt: skip


def show(versions: Sequence[Version], reports: Sequence[GateReport], scope: Scope, version: Version) -> None:
    """Accuracy across the versions of the scope."""
    low, high = scope.versions or (0, max(each.number for each in versions))
    chosen = [each for each in versions if low <= each.number <= high]
    rows = version_scores.accuracy(chosen, reports)
    if not rows:
        st.info("None of these versions has been judged on locked rows.", icon=":material/insights:")
        return
    newest = version if version in chosen else version_scores.looked_at(chosen)
    times = [datetime.fromtimestamp(at, UTC) for at in rows["created_at"]]
    panel(
        headlines.accuracy(rows, newest.number),
        "insights_accuracy",
        charts.accuracy(rows),
        rows | {"created_at": times},
        "Bars are 95 % intervals (Wilson). Filled: was or is champion; hollow: refused or undecided. A version that "
        "won a comparison looks a little better here than it is, because it was chosen on these rows. The audit sample "
        "grows: each diamond stands for the rows reviewed by then.",
        [Way("Compare versions on Retrain", "retrain", icon=":material/model_training:")],
        {name: st.column_config.NumberColumn(format="percent") for name in ("accuracy", "low", "high")},
    )
