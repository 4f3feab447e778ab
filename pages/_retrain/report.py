"""A gate report on the page: the verdict in words, then the numbers that support it."""

from typing import Any

import streamlit as st

from feedback_core import gate
from feedback_core.types import GateReport, Version
from pages._shared import ago, counted, percent, plain

FINDING_LOOKS = {
    "first": ("first version", "blue"),
    "better": ("better", "green"),
    "not measurably different": ("not measurably different", "gray"),
    "worse within noise": ("worse within noise", "orange"),
    "worse": ("worse", "red"),
}


def show_report(report: GateReport, version: Version) -> None:
    """The verdict in words, then its numbers."""
    name, colour = FINDING_LOOKS[report.finding]
    st.badge(name, color=colour)
    for reason in report.reasons:
        st.write(plain(reason))
    if report.finding == "first":
        st.caption(f"Accuracy on the holdout: {percent(version.metrics.get('holdout', {}).get('accuracy'))}")
        return
    _show_counts(report.numbers, version)
    if report.numbers["n"] < gate.FEW_CASES:
        st.caption("Add rows with labels on Setup: a share of them is locked away and makes versions comparable.")
        return
    gain = report.numbers["difference"]
    st.caption(
        f"95 % interval of the difference: {_points(gain['low'])} to {_points(gain['high'])} points. {_proof(report)}"
    )
    if samples := _samples(report.numbers):
        st.caption(samples)


def show_decision(report: GateReport) -> None:
    """Who decided what, when and why; nothing while nobody has."""
    if report.decision:
        because = f": {plain(report.decision_reason)}" if report.decision_reason else ""
        verb = "Promoted" if report.decision == "promote" else "Refused"
        st.caption(f"{verb} by {plain(report.decided_by or '')} {ago(report.decided_at)}{because}")


def _show_counts(numbers: Any, version: Version) -> None:
    measured = numbers["n"] >= gate.FEW_CASES
    with st.container(horizontal=True, gap="large"):
        if measured:
            st.metric(
                "Difference",
                f"{_points(numbers['difference']['value'])} points",
                help=f"Accuracy of version {version.number} minus the champion's on the same {numbers['n']:,} locked "
                "rows, holdout and audit sample together.",
                width="content",
            )
        st.metric("Fixed", numbers["gained"], help="Locked rows only the new version gets right.", width="content")
        st.metric("Broken", numbers["lost"], help="Locked rows only the champion gets right.", width="content")
        if measured:
            st.metric(
                "Probably better (cautious)",
                f"{numbers['p_better']:.0%}",
                help="Probability of a true gain. Cautious: before the comparison it expects gains around half a "
                "point, so it lies below what the interval alone suggests.",
                width="content",
            )


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _proof(report: GateReport) -> str:
    """The p that belongs to the finding: of a loss where it is worse, else of a gain with what the rows can prove."""
    numbers = report.numbers
    if report.finding in ("worse", "worse within noise"):
        p = numbers.get("p_worse", gate.mcnemar(numbers["lost"], numbers["gained"]))
        return f"Exact McNemar test for a loss: p = {p:.3g}; a loss counts as measured up to {gate.ALPHA}."
    look = f"look {numbers['looks']} of {numbers['looks_budget']} at these locked rows"
    if not numbers["alpha"]:
        return f"This was {look}: the budget is used up, and these rows can prove no further gain."
    text = f"Exact McNemar test for a gain: p = {numbers['p']:.3g}; proven up to {numbers['alpha']:.3g} ({look})."
    if numbers["smallest_provable_gain"] < 1:
        gain = 100 * numbers["smallest_provable_gain"]
        text += f" A gain that these rows would prove four times in five: {gain:.1f} points."
    if numbers["rows_to_decide"] and report.finding != "better":
        text += f" About {numbers['rows_to_decide']:,} more locked rows would decide a difference of this size."
    return text


def _samples(numbers: Any) -> str:
    """The difference on each locked sample by its name; empty where there is one only, or an old report has none."""
    samples = numbers.get("samples", {})
    parts = [
        f"{_points(samples[name]['difference']['value'])} points on {counted(samples[name]['n'], 'row')} of the {title}"
        for name, title in (("holdout", "holdout"), ("audit", "audit sample"))
        if samples.get(name, {}).get("n")
    ]
    return f"Of these {numbers['n']:,} locked rows: {', '.join(parts)}." if len(parts) > 1 else ""
