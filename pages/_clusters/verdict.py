"""New groups that wait for a decision: how they compare with those in use."""

import streamlit as st

from feedback_core.clustering import deciding
from feedback_core.loop import Loop
from feedback_core.types import Clustering, ClusterReport
from pages._people import acting, locked
from pages._shared import counted, plain, told

FOUND = {
    "first": "the first",
    "better": "measurably better",
    "not measurably different": "not measurably different",
    "worse within noise": "worse, though that may be chance",
    "worse": "measurably worse",
}
ADVICE = {
    "promote": "Advice: use them.",
    "hold": "No advice: the answers do not decide it. Look at the groups, or answer more pairs and compare again.",
    "refuse": "Advice: keep the groups in use.",
}


def show(loop: Loop, champion: Clustering, made: Clustering, report: ClusterReport) -> None:
    """The verdict in words, and the decision."""
    with st.container(border=True):
        st.subheader(f"New groups (version {made.number}): {FOUND[report.finding]}", anchor=False)
        st.markdown(plain(" ".join(report.reasons)))
        st.caption(f"{_what(made)} Compared with version {champion.number}, in use. {ADVICE[report.action]}")
        against = report.action == "refuse"
        caption = "Reason (needed to use them against the advice)" if against else "Reason (if you like)"
        reason = st.text_input(caption, key=f"cluster-reason-{made.id}", max_chars=500)
        with st.container(horizontal=True):
            kind = "primary" if report.action == "promote" else "secondary"
            needs = against and not reason.strip()
            st.button(
                "Use the new groups", type=kind, key=f"use-{made.id}", on_click=_promote, args=(loop, made, reason),
                **locked("promote", loop, disabled=needs),
            )  # fmt: skip
            kind = "primary" if against else "secondary"
            st.button(
                "Keep the groups in use", type=kind, key=f"keep-groups-{made.id}", on_click=_refuse,
                args=(loop, made, reason), **locked("refuse", loop),
            )  # fmt: skip
            st.button(
                "Compare again", key=f"compare-{made.id}", on_click=_compare, args=(loop, made),
                **locked("judge", loop, help="With the answers that have come in since. Each comparison counts: after "
                "25 no gain is claimed any more."),
            )  # fmt: skip


def _what(made: Clustering) -> str:
    told_of = [
        counted(made.metrics[name], one) for name, one in (("merges", "merge"), ("splits", "split"))
        if made.metrics[name]
    ]  # fmt: skip
    pairs = made.metrics["pairs"]
    told_of.append(counted(pairs["together"] + pairs["apart"], "answered pair"))
    return f"{counted(made.k, 'group')}, heeding {', '.join(told_of)}."


def _promote(loop: Loop, made: Clustering, reason: str) -> None:
    with told(f"Version {made.number} is in use."):
        deciding.promote(loop, made, acting("promote", loop), reason)


def _refuse(loop: Loop, made: Clustering, reason: str) -> None:
    with told(f"Version {made.number} is refused; the groups in use stay."):
        deciding.refuse(loop, made, acting("refuse", loop), reason)


def _compare(loop: Loop, made: Clustering) -> None:
    with told("Compared again."):
        acting("judge", loop)
        deciding.compare(loop, made)
