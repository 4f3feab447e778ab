"""Items whose reviewers differ, and items whose label was turned round after a while; one press decides."""

import streamlit as st

from feedback_core import inspection, tasks
from feedback_core.errors import InvalidFeedback
from feedback_core.loop import Loop
from feedback_core.number_views import told as told_number
from feedback_core.types import Cursor
from pages._label_sets import choose_labels, chosen_text, differing, is_set
from pages._paging import pager, start_of
from pages._people import acting, locked
from pages._reversals import show_reversals
from pages._rulings import tell
from pages._shared import ago, plain, show_input, title_of, told

PAGE_ROWS = 5


def show_conflicts(loop: Loop) -> None:
    """Items without a label, or on demand those whose label was turned round; newest first."""
    turned = loop.store.reversals.count(loop.project.id)
    views = {"open": "Without a label", "turned": f"Changed over time ({turned:,})"}
    view = st.segmented_control(
        "Conflicts", list(views), format_func=views.get, default="open", required=True, key="conflicts_view",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "turned":
        show_reversals(loop)
    else:
        _show_open(loop)


def _show_open(loop: Loop) -> None:
    trail = f"conflicts-trail-{loop.project.id}"
    more = inspection.conflicts(loop.store, loop.project, start_of(trail), PAGE_ROWS + 1)
    found = more[:PAGE_ROWS]
    if not found:
        st.info("Nobody differs here, and no second opinion is wanted.", icon=":material/handshake:")
    for conflict in found:
        with st.container(border=True):
            _show(loop, conflict)
    pager(trail, Cursor(0.0, found[-1].item.id) if len(more) > PAGE_ROWS else None, "conflicts")


def _show(loop: Loop, conflict: inspection.Conflict) -> None:
    item = conflict.item
    st.caption(f"Item {plain(title_of(item))} · " + _why(conflict) + _said(loop, conflict))
    left, right = st.columns(2)
    with left:
        show_input(loop.project, item)
    with right:
        if is_set(loop.project) and (labels := differing([side.label for side in conflict.sides])):
            st.caption(f"They differ on {plain(', '.join(labels))}.")
        with st.container(horizontal=True):
            for side in conflict.sides:
                with st.container(width=190):
                    _show_side(loop, item.id, side)
        _show_others(loop, conflict)


def _why(conflict: inspection.Conflict) -> str:
    if doubts := [entry.doubt for side in conflict.sides for entry in side.entries if entry.doubt]:
        return f"waits for a second person: {plain(doubts[0])}"
    return "a second opinion is wanted" if conflict.asked else "its reviewers differ"


def _said(loop: Loop, conflict: inspection.Conflict) -> str:
    if not conflict.shown or conflict.item.hidden:
        return ""
    said = plain(told_number(loop.project, conflict.shown.label))
    sure = f" ({conflict.shown.confidence:.0%})" if loop.project.labels else ""
    return f" · the model says {said}{sure}"


def _show_side(loop: Loop, item_id: int, side: inspection.Side) -> None:
    st.subheader(plain(told_number(loop.project, side.label)))
    for entry in side.entries:
        note = f" · “{plain(entry.note)}”" if entry.note else ""
        st.caption(f"{plain(entry.reviewer)} · {ago(entry.created_at)}{note}")
    st.button(
        f"It is {plain(told_number(loop.project, side.label))}",
        key=f"settle-{item_id}-{side.label}",
        on_click=_settle,
        args=(loop, item_id, side.label),
        **locked("rule", loop, help="Accepts these entries; the others no longer count."),
    )


def _show_others(loop: Loop, conflict: inspection.Conflict) -> None:
    given = {side.label for side in conflict.sides}
    others = [label for label in loop.project.labels if label not in given or is_set(loop.project)]
    if not others and loop.project.task != "regression":
        return
    with st.popover("It is something else …", type="tertiary"):
        key = f"other-{conflict.item.id}"
        if is_set(loop.project):
            choose_labels(loop.project, key)
        elif others:
            st.selectbox("Label", others, key=key)
        else:
            unit = loop.project.settings.unit
            st.number_input(f"Number ({plain(unit)})" if unit else "Number", None, None, None, format="%.10g", key=key)
        st.button(
            "Decide",
            type="primary",
            key=f"decide-{conflict.item.id}",
            on_click=_decide,
            args=(loop, conflict.item.id, key),
            **locked("rule", loop, help="Keeps it as your own entry and accepts that one; the others no longer count."),
        )


def _decide(loop: Loop, item_id: int, key: str) -> None:
    with told():
        sets = is_set(loop.project)
        said = chosen_text(loop.project, st.session_state[key]) if sets else st.session_state[key]
        if said is None:
            what = "set of labels yet: choose some, or “none of them” alone" if sets else "number yet: type one"
            raise InvalidFeedback(f"There is no {what}, then decide.")
        target = tasks.of(loop.project).target(said, loop.project)
        loop.decide(item_id, target, acting("rule", loop))


def _settle(loop: Loop, item_id: int, label: str) -> None:
    with told():
        ruled = loop.settle(item_id, label, acting("rule", loop))
        tell(ruled, max(1, len(ruled.entries)))
