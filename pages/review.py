"""Review: one item at a time, one press per decision."""

import time

import streamlit as st

from feedback_core import charts
from feedback_core.loop import Loop
from feedback_core.types import Decision, Draw, Feedback, Item
from pages._shared import open_loop, plain, reviewer, show_input, show_message, title_of, told

MOST_BUTTONS = 12  # labels shown as buttons; more become a list to search

loop = open_loop()
name = reviewer()
began = st.session_state.setdefault(f"session-{loop.project.id}-{name}", time.time())


def said_in_session() -> list[Feedback]:
    """This reviewer's standing decisions of this session, newest first."""
    entries = loop.store.feedback.latest(loop.project.id, 500, name)
    return [e for e in entries if e.created_at >= began and e.state == "accepted" and e.verdict != "undo"]


def decide(draw: Draw, item: Item, verdict: str, target: str | None = None) -> None:
    """Store one decision about exactly this draw; pressing twice stores it once."""
    shown_at = st.session_state.get(f"shown-{draw.id}", time.time())
    note = st.session_state.get(f"note-{draw.id}", "")
    with told():
        loop.record(
            Decision(
                item.id,
                name,
                verdict,
                target,
                version_id=item.version_id,
                note=note,
                seconds=round(time.time() - shown_at, 1),
                draw_id=draw.id,
                idempotency_key=f"draw-{draw.id}",
            )
        )


def undo(entry: Feedback) -> None:
    """Take a decision back and put its item into hand again."""
    with told():
        loop.undo(entry.id, name)
        loop.draw_item(name, entry.item_id)


def strip(entries: list[Feedback]) -> None:
    """The session in figures, with undo."""
    decided = [e for e in entries if e.verdict in ("confirm", "correct")]
    minutes = max((time.time() - began) / 60, 1 / 60)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.metric("Done this session", len(entries), help="Decisions you made since you opened this page.")
        st.metric("Per minute", f"{len(entries) / minutes:.1f}", help="Decisions a minute since you opened this page.")
        agreed = sum(e.verdict == "confirm" for e in decided)
        st.metric(
            "Agreed with the model",
            f"{agreed / len(decided):.0%}" if decided else "–",
            help="Share of your labels equal to the prediction. The queue seeks hard items, so this is no accuracy.",
        )
        left = loop.store.tallies.of(loop.project.id, "items").get("pool/open", 0)
        st.metric("Open", f"{left:,}", help="Items nobody has decided on yet.")
        st.button(
            "Undo",
            icon=":material/undo:",
            disabled=not entries,
            on_click=undo,
            args=(entries[0],) if entries else (None,),
            key=f"undo-{entries[0].id if entries else 0}",
            help="Takes your last decision back and shows its item again.",
        )


def answers(loop: Loop, draw: Draw, item: Item) -> None:
    """Label buttons, confirm, skip, flag and note; every key carries the draw."""
    shown = None if draw.blind else item.predicted
    if shown is not None:
        st.button(
            f"Confirm: {plain(shown)}",
            type="primary",
            icon=":material/check:",
            width="stretch",
            key=f"confirm-{draw.id}",
            on_click=decide,
            args=(draw, item, "confirm"),
        )
        st.caption("or correct it:")
    others = [label for label in loop.project.labels if label != shown]
    if len(others) <= MOST_BUTTONS:
        with st.container(horizontal=True):
            for n, label in enumerate(others):
                st.button(
                    plain(label), key=f"label-{draw.id}-{n}", on_click=decide, args=(draw, item, "correct", label)
                )
    else:
        chosen = st.selectbox(
            "Label", others, index=None, placeholder="Type to search the labels", key=f"choice-{draw.id}"
        )
        st.button(
            "Save this label",
            disabled=chosen is None,
            key=f"save-{draw.id}",
            on_click=decide,
            args=(draw, item, "correct", chosen),
        )
    st.text_input("Note", key=f"note-{draw.id}", placeholder="Optional: why?", max_chars=2000)
    with st.container(horizontal=True):
        skip_help = "You cannot tell: somebody else gets it."
        st.button("Skip", icon=":material/skip_next:", key=f"skip-{draw.id}", on_click=decide, help=skip_help,
                  args=(draw, item, "skip"))  # fmt: skip
        flag_help = "Something is wrong with the item itself: it is set aside."
        st.button("Flag", icon=":material/flag:", key=f"flag-{draw.id}", on_click=decide, help=flag_help,
                  args=(draw, item, "flag"))  # fmt: skip


def why(draw: Draw, item: Item) -> str:
    """Why this item is next, in one sentence."""
    if draw.audit:
        return "Drawn at random for the audit sample and shown without the prediction, so that neither sways you."
    if draw.strategy == "second opinion":
        return "Reviewers disagree about it: yours decides."
    if draw.strategy == "chosen":
        return "You opened this item yourself."
    if item.priority is None:
        return "Drawn at random: no model has ranked the items yet."
    prediction = loop.store.predictions.history(item.id)[0]
    parts = ", ".join(f"{part} {share:.2f}" for part, share in sorted(prediction.parts.items(), key=lambda p: -p[1]))
    return f"Priority {item.priority:.2f} of 1: {parts}."


st.title("Review")
show_message()
strip(said_in_session())
with told():
    draw = loop.draw(name)
    if draw is None:
        left = loop.store.tallies.of(loop.project.id, "items")
        if not left.get("pool/open"):
            st.success("Every item has been reviewed. Add more data on Setup, or retrain.", title="All done")
        else:
            st.info("All open items are in other reviewers' hands, or you skipped them.", title="Nothing for you now")
        st.stop()
    item = loop.store.items.get(draw.item_id)
    st.session_state.setdefault(f"shown-{draw.id}", time.time())
    picture, panel = st.columns(2, gap="large")
    with picture, st.container(border=True):
        show_input(loop.project, item)
        st.caption(f"Item {plain(title_of(item))} · {plain(why(draw, item))}")
    with panel:
        answers(loop, draw, item)
        if item.predicted is not None and not draw.blind:
            proba = loop.store.predictions.history(item.id)[0].proba
            figure = charts.probabilities(loop.project.labels[: len(proba)], proba, item.predicted)
            st.plotly_chart(figure, key="review_proba", config={"displayModeBar": False}, alt="Class probabilities")
show_message()
