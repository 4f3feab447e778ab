"""Retrain: what has come in, the button, the verdict, the decision."""

import streamlit as st

from feedback_core import insights
from feedback_core.types import GateReport, Version
from pages import _jobs
from pages._shared import ago, open_loop, percent, plain, reviewer, show_message, told

loop = open_loop()
st.title("Retrain")
show_message()

FINDING_LOOKS = {
    "first": ("first version", "blue"),
    "better": ("better", "green"),
    "not measurably different": ("not measurably different", "gray"),
    "worse within noise": ("worse within noise", "orange"),
    "worse": ("worse", "red"),
}


def request() -> None:
    """Ask the worker for a new version."""
    with told():
        loop.request_retrain(reviewer())


def promote(version: Version) -> None:
    """Crown a judged version and have the queue scored again."""
    with told():
        loop.promote(version, reviewer(), st.session_state.get(f"reason-{version.id}", ""))
        loop.request_rescore(reviewer())


def keep(version: Version) -> None:
    """Keep the champion and close the candidate's case."""
    with told():
        loop.refuse(version, reviewer(), st.session_state.get(f"reason-{version.id}", ""))


def roll_back(version: Version) -> None:
    """Bring an earlier champion back."""
    with told():
        loop.rollback(version, reviewer(), st.session_state.get(f"back-{version.id}", ""))
        loop.request_rescore(reviewer())


def points(value: float) -> str:
    """A difference of accuracies in points, signed."""
    return f"{100 * value:+.1f}"


def show_report(report: GateReport, version: Version) -> None:
    """The verdict in words, then its numbers."""
    name, colour = FINDING_LOOKS[report.finding]
    st.badge(name, color=colour)
    for reason in report.reasons:
        st.write(plain(reason))
    numbers = report.numbers
    if report.finding == "first":
        score = version.metrics.get("holdout", {}).get("accuracy")
        st.caption(f"Accuracy on the holdout: {percent(score)}")
        return
    gain = numbers["difference"]
    first, second, third, fourth = st.columns(4)
    first.metric(
        "Difference",
        f"{points(gain['value'])} points",
        help=f"Accuracy of version {version.number} minus the champion's on the same {numbers['n']:,} locked rows; "
        f"95 % interval {points(gain['low'])} to {points(gain['high'])}.",
    )
    second.metric("Fixed", numbers["gained"], help="Locked rows only the new version gets right.")
    third.metric("Broken", numbers["lost"], help="Locked rows only the champion gets right.")
    fourth.metric(
        "Probably better",
        f"{numbers['p_better']:.0%}",
        help="Probability of a true gain, expecting gains around half a point.",
    )
    st.caption(
        f"95 % interval {points(gain['low'])} to {points(gain['high'])} points · exact McNemar p = {numbers['p']:.3g}, "
        f"proven at {numbers['alpha']:.3g} (look {numbers['looks']} of {numbers['looks_budget']} at this holdout) · "
        f"smallest gain these {numbers['n']:,} rows can prove: {100 * numbers['smallest_provable_gain']:.1f} points"
    )
    if numbers["rows_to_decide"] and report.finding != "better":
        st.caption(f"About {numbers['rows_to_decide']:,} more locked rows would decide a difference of this size.")


def decision(report: GateReport, version: Version) -> None:
    """Promote or keep, with a reason."""
    advice = {
        "promote": "The gate advises: promote.",
        "hold": "The gate advises: wait.",
        "refuse": "The gate advises: keep the champion.",
    }
    st.markdown(f"**{advice[report.action]}** You decide.")
    asked = "Reason" + (" (required: it is measurably worse)" if report.finding == "worse" else " (optional)")
    st.text_input(asked, key=f"reason-{version.id}", max_chars=500)
    with st.container(horizontal=True):
        st.button(
            f"Promote version {version.number}",
            type="primary" if report.action == "promote" else "secondary",
            icon=":material/verified:",
            key=f"promote-{version.id}",
            on_click=promote,
            args=(version,),
        )
        st.button(
            "Keep the champion",
            type="secondary" if report.action == "promote" else "primary",
            icon=":material/block:",
            key=f"keep-{version.id}",
            on_click=keep,
            args=(version,),
        )


jobs = loop.store.jobs.live(loop.project.id)


state = insights.overview(loop.store, loop.project)
with st.container(border=True):
    st.subheader("Since the last version")
    left, middle, right = st.columns(3)
    left.metric(
        "Corrections",
        f"{state.due.collected:,} of {state.due.needed:,}",
        help="A retrain is due when the threshold is reached; you can start one earlier.",
    )
    middle.metric("Decisions in all", f"{state.due.entries:,}", help="Corrections and confirmations together.")
    with right:
        st.button("Retrain now", type="primary", icon=":material/model_training:", on_click=request,
                  disabled=bool(jobs), key="retrain_now", width="stretch")  # fmt: skip
        st.caption(plain(state.due.text))
    _jobs.follow(loop, jobs)
    failed = next(iter(loop.store.jobs.latest(loop.project.id, 1)), None)
    if failed is not None and failed.state == "failed":
        st.error(plain(failed.error or ""), title=f"The last job ({failed.kind}) failed")

versions = {version.id: version for version in loop.store.versions.all(loop.project.id)}
if state.undecided is not None:
    candidate = versions[state.undecided.challenger_id]
    with st.container(border=True):
        st.subheader(f"Version {candidate.number} is judged")
        show_report(state.undecided, candidate)
        decision(state.undecided, candidate)

st.subheader("Versions")
if not versions:
    st.info(
        "No version yet. Train the first one as soon as two classes are labelled.", icon=":material/model_training:"
    )
reports = loop.store.versions.reports(loop.project.id)
for version in reversed(versions.values()):
    report = next((r for r in reports if r.challenger_id == version.id), None)
    holdout = version.metrics.get("holdout", {}).get("accuracy")
    label = f"Version {version.number} · {version.status} · {percent(holdout)} · {ago(version.created_at)}"
    with st.expander(label, icon=":material/star:" if version.status == "champion" else None):
        st.caption(
            f"{version.estimator.replace('_', ' ')}, seed {version.seed} · {version.n_base:,} base rows and "
            f"{version.n_feedback:,} reviewed items · {version.size / 1024:,.0f} KB · SHA-256 {version.sha256[:12]}… · "
            f"scikit-learn {version.environment.get('scikit-learn', '?')}"
        )
        if report is not None:
            show_report(report, version)
            if report.decision:
                because = f": {plain(report.decision_reason)}" if report.decision_reason else ""
                st.caption(f"{report.decision}d by {plain(report.decided_by or '')} {ago(report.decided_at)}{because}")
        if version.status == "retired":
            st.text_input("Why go back to this version?", key=f"back-{version.id}", max_chars=500)
            st.button("Roll back to this version", icon=":material/history:", key=f"rollback-{version.id}",
                      on_click=roll_back, args=(version,))  # fmt: skip
