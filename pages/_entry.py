"""One entry opened with its receipt, and the decisions about one or many."""

import streamlit as st

from feedback_core import charts, inspection, receipts, trust
from feedback_core.loop import Loop
from feedback_core.number_views import told as told_number
from feedback_core.types import Feedback, Project, RankedEntry, Ruling
from pages._people import acting, locked
from pages._prediction import show_prediction
from pages._rulings import entries, tell, undo
from pages._shared import VERBS, ago, plain, show_input, title_of, told

PART_NAMES = {
    "suspicious": "Suspicious",
    "contradicted": "Contradicted",
    "low_agreement": "Low agreement",
    "far": "Far away",
    "effect": "High effect",
}
PART_HELP = {
    "suspicious": "How unlikely a model that never learned from it found this label. 100 % = the least likely of all.",
    "contradicted": "Share of the item's other reviewers who gave another label.",
    "low_agreement": "How rarely its reviewer agrees with others, and with known answers. 20 % = never compared.",
    "far": "How far the input lies from what is labelled. 100 % = the farthest of all entries.",
    "effect": "How strongly learning from it would move the model. 100 % = the strongest of all entries.",
}
RULINGS: dict[Ruling, tuple[str, str, str]] = {
    "accept": ("Accept", ":material/check:", "It counts, and of its item's entries only accepted ones do."),
    "reject": ("Reject", ":material/block:", "It does not count, and nothing learns from it. It is kept."),
    "ask": (
        "Ask a second opinion",
        ":material/group_add:",
        "Another reviewer gets the item; till then it has no label.",
    ),
}
STATE_WORDS = {"quarantined": "rejected", "superseded": "answered again later", "withdrawn": "taken back"}
RULING_WORDS = {"accept": "accepted", "ask": "second opinion asked", "reject": "", None: ""}


def show_bulk(loop: Loop, chosen: list[RankedEntry]) -> None:
    """Decide about several entries; each decision asks once more, with the number."""
    st.subheader(f"{entries(len(chosen))} chosen")
    ids = tuple(one.entry.id for one in chosen)
    with st.container(horizontal=True):
        for ruling, (name, icon, help_text) in RULINGS.items():
            with st.popover(f"{name} …", icon=icon, help=help_text):
                st.text_input("Reason (optional)", key=f"bulk-reason-{ruling}", max_chars=500)
                st.button(f"{name}: {entries(len(ids))}", type="primary", key=f"bulk-{ruling}", on_click=_rule,
                          args=(loop, ids, ruling, f"bulk-reason-{ruling}"), **locked("rule", loop))  # fmt: skip


def show_entry(loop: Loop, ranked: RankedEntry) -> None:
    """One entry: the input, what was said about it, what became of it, and the three decisions."""
    with st.spinner("Looking for similar items"):
        found, fixed = receipts.receipt(loop, ranked)
    entry = ranked.entry
    st.subheader(f"{plain(entry.reviewer)} {VERBS[entry.verdict]} {plain(told_number(loop.project, entry.target))}")
    if entry.doubt:
        st.caption(f":material/report: {plain(entry.doubt)} It counts once somebody else agrees or you accept it.")
    left, right = st.columns(2)
    with left:
        show_input(loop.project, found.item)
        st.caption(f"Item {plain(title_of(found.item))}")
    with right:
        for sentence in inspection.sentences(found):
            st.write(plain(sentence))
        if fixed is not None:
            st.write(plain(receipts.fixed_sentence(fixed)))
        if entry.state in ("accepted", "quarantined"):
            _decide(loop, entry)
        for said in found.entries:
            st.caption(("**This entry** · " if said.id == entry.id else "") + _line(loop.project, said))
    left, right = st.columns(2)
    with left:
        _show_prediction(loop, found)
    with right:
        _show_parts(ranked)


def _show_prediction(loop: Loop, found: inspection.Receipt) -> None:
    if found.shown is None:
        st.caption("No model had answered when this entry was given.")
        return
    entry = found.ranked.entry
    st.caption(f"What version {found.shown.version_number} said when {plain(entry.reviewer)} answered")
    show_prediction(loop, found.shown, f"entry-proba-{entry.id}")


def _show_parts(ranked: RankedEntry) -> None:
    if ranked.score is None:
        st.caption("Newer than the last ranking: its priority comes with the next one.")
        return
    st.caption(f"What its priority of {ranked.score:.2f} is made of")
    figure = charts.parts(trust.contributions(ranked.parts), ranked.parts, PART_NAMES)
    st.plotly_chart(
        figure,
        key=f"entry-parts-{ranked.entry.id}",
        config={"displayModeBar": False},
        alt=f"Parts of the priority of {ranked.score:.2f}",
    )


def _decide(loop: Loop, entry: Feedback) -> None:
    st.text_input("Reason (optional)", key=f"reason-{entry.id}", max_chars=500)
    with st.container(horizontal=True):
        for ruling, (name, icon, help_text) in RULINGS.items():
            st.button(
                name,
                icon=icon,
                key=f"rule-{ruling}-{entry.id}",
                on_click=_rule,
                args=(loop, (entry.id,), ruling, f"reason-{entry.id}"),
                **locked("rule", loop, disabled=entry.ruling == ruling and ruling != "ask", help=help_text),
            )
        if entry.ruling is not None and entry.ruling_id is not None:
            st.button(
                "Undo its ruling",
                icon=":material/undo:",
                type="tertiary",
                key=f"lift-{entry.id}",
                on_click=undo,
                args=(loop, entry.ruling_id),
                **locked("rule", loop, help="With everything decided in the same press."),
            )


def _rule(loop: Loop, ids: tuple[int, ...], ruling: Ruling, reason_key: str) -> None:
    # The reason by its key: its value as an argument would be the one of the run before the press.
    with told():
        tell(loop.rule(ids, ruling, acting("rule", loop), st.session_state.get(reason_key, "")), len(ids))


def _line(project: Project, said: Feedback) -> str:
    words = [
        f"{plain(said.reviewer)} {VERBS[said.verdict]} {plain(told_number(project, said.target))}".strip(),
        ago(said.created_at),
        STATE_WORDS.get(said.state, ""),
        RULING_WORDS[said.ruling] and f"{RULING_WORDS[said.ruling]} by {plain(said.ruled_by or '')}",
        f"“{plain(said.note)}”" if said.note else "",
    ]
    return " · ".join(word for word in words if word)
