"""Is it getting better, and can I believe it?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from feedback_core import charts, headlines, version_scores, wording
from feedback_core.accuracies import Accuracies, Estimate
from feedback_core.intervals import plain as plain_interval
from feedback_core.scope import Scope
from feedback_core.types import GateReport, Version
from pages._insights.panel import Way, panel
from pages._retrain.report import FINDING_LOOKS
from pages._shared import plain

PERCENT = st.column_config.NumberColumn(format="percent")
SAMPLES = {
    "holdout": "Locked rows of the data the project began with. No version learns from them.",
    "audit": "Incoming items that chance chose and people labelled without seeing the prediction.",
}
FIRST = ("holdout", "audit since promotion", "all items", "audit")
"""Estimates that stand on top, the most telling first; the others are in the list beside them."""


def show_verdict(version: Version, before: Version | None, report: GateReport | None) -> None:
    """The version against the champion before it, and why that can be believed."""
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


LEAST_ANSWERED = 0.95
"""Share of the audit's draws below which what is missing is told beside the accuracy: it could move it by points."""


def show_accuracies(found: Accuracies) -> None:
    """How right the champion is: the estimates with rows behind them, each with interval and n."""
    by_name = {estimate.name: estimate for estimate in found.estimates if estimate.interval.n}
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        for estimate in (by_name[name] for name in FIRST if name in by_name):
            show_score(estimate.title, plain_interval(estimate.interval), f"{estimate.sample}. {estimate.says}")
        if not by_name:
            st.caption(
                "Its accuracy has not been measured yet: there are no locked rows, and nothing has been audited."
            )
    if found.response and found.response.answered < LEAST_ANSWERED * found.response.asked:
        st.caption(wording.response(asdict(found.response)))


def show_meaning(found: Accuracies) -> None:
    """Every estimate with its rows and what it says and does not say, behind a button."""
    measured = [estimate for estimate in found.estimates if estimate.interval.n]
    if measured:
        with st.popover("What each number says", icon=":material/help_center:", type="tertiary"):
            st.dataframe(
                estimates_table(measured),
                hide_index=True,
                alt="Every estimate of the accuracy",
                column_config=dict.fromkeys(("Accuracy", "from", "to"), PERCENT),
            )
            if found.response:
                st.caption(wording.response(asdict(found.response)))


def estimates_table(listed: Sequence[Estimate]) -> dict[str, list[Any]]:
    """Every estimate as a row."""
    return {
        "Estimate": [each.title for each in listed],
        "Accuracy": [each.interval.value for each in listed],
        "from": [each.interval.low for each in listed],
        "to": [each.interval.high for each in listed],
        "n": [each.interval.n for each in listed],
        "Rows": [each.sample for each in listed],
        "What it says": [each.says for each in listed],
    }


def show_scores(version: Version) -> None:
    """How right a version was when it was judged, on each sample."""
    with st.container(horizontal=True, gap="large"):
        for sample, help_text in SAMPLES.items():
            score = version.metrics.get(sample, {}).get("accuracy")
            if score and score.get("value") is not None:
                show_score(f"{headlines.SAMPLE_NAMES[sample].capitalize()} when judged", score, help_text)


def show_score(title: str, score: Mapping[str, Any], help_text: str) -> None:
    """One share with its interval and n."""
    census = wording.is_census(score)
    span = f"census, n = {score['n']:,}" if census else f"{score['low']:.1%} to {score['high']:.1%}, n = {score['n']:,}"
    st.metric(
        title,
        f"{score['value']:.1%}",
        span,
        "off",
        delta_arrow="off",
        help=f"{plain(help_text)} {'' if census else 'The range is the 95 % interval.'}",
        width="content",
    )


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
        dict.fromkeys(("accuracy", "low", "high"), PERCENT),
    )
