"""Predictions: find items, open one, see everything known about it."""

import streamlit as st

from feedback_core import charts, insights
from feedback_core.loop import Loop
from feedback_core.store.items import COUNT_CAP
from feedback_core.types import Cursor, Item, ItemFilter
from pages._shared import (
    PAGES,
    STATE_NAMES,
    ago,
    open_loop,
    plain,
    preview,
    reviewer,
    show_input,
    show_message,
    thumbnail,
    title_of,
    told,
)

PAGE_ROWS = 100
SORT_NAMES = {"priority": "Ask first", "confidence": "Least confident", "newest": "Newest"}

loop = open_loop()
st.title("Predictions")
show_message()


def filters() -> tuple[ItemFilter, str]:
    """The filter row; its choices are what the database is asked for."""
    with st.container(horizontal=True, gap="large"):
        state = st.segmented_control(
            "State", list(STATE_NAMES), format_func=STATE_NAMES.get, default="open", required=True, key="items_state"
        )
        sort = st.segmented_control(
            "Order", list(SORT_NAMES), format_func=SORT_NAMES.get, default="priority", required=True, key="items_sort"
        )
    left, middle, right = st.columns(3, gap="large", vertical_alignment="bottom")
    predicted = left.selectbox(
        "Predicted", [None, *loop.project.labels], format_func=lambda label: label or "any", key="items_predicted"
    )
    below = middle.slider("Confidence at most", 0, 100, 100, 5, format="%d %%", key="items_confidence")
    search = right.text_input("Search", placeholder="words or key", key="items_search", type="search")
    ranked = state != "base" and loop.store.versions.champion(loop.project.id) is not None
    limit = below / 100 if below < 100 else None
    return ItemFilter((state,), predicted, limit, search), sort if ranked else "newest"


def table(items: list[Item], sort: str) -> Item | None:
    """One page of items; gives the one that is open, by its id."""
    images = any(column.kind == "image" for column in loop.project.schema.columns)
    rows = [
        {
            "Input": thumbnail(loop.project, item) if images else preview(loop.project, item),
            "Prediction": item.predicted,
            "Confidence": None if item.confidence is None else 100 * item.confidence,
            "Priority": item.priority,
            "Label": item.label or item.base_label or "",
            "Item": title_of(item),
        }
        for item in items
    ]
    # The key carries the ids: a selection is positional, and must not survive a change of the rows under it.
    shown = hash(tuple(item.id for item in items))
    chosen = st.dataframe(
        rows,
        key=f"items-{loop.project.id}-{shown}",
        on_select="rerun",
        selection_mode="single-row",
        row_height=56 if images else None,
        height=460,
        alt=f"Items, {SORT_NAMES[sort].lower()} first",
        column_config={
            "Input": st.column_config.ImageColumn("Input", width="small") if images
            else st.column_config.TextColumn("Input", width="large"),
            "Confidence": st.column_config.ProgressColumn(
                "Confidence", format="%.0f %%", min_value=0, max_value=100, help="Probability of the predicted class"
            ),
            "Priority": st.column_config.NumberColumn("Priority", format="%.2f", help="0 = sure, 1 = ask first"),
            "Label": st.column_config.TextColumn("Label", help="What reviewers or the base data say"),
        },
    )  # fmt: skip
    picked = chosen.selection.rows
    return items[picked[0]] if picked and picked[0] < len(items) else None


def pager(items: list[Item], sort: str, trail: str) -> None:
    """Next and back by keyset: as quick on the last page as on the first."""
    cursors = st.session_state[trail]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=not cursors, key="items_back"):
            cursors.pop()
            st.rerun()
        st.caption(f"Page {len(cursors) + 1}")
        if st.button("Next", icon=":material/chevron_right:", disabled=len(items) < PAGE_ROWS, key="items_next"):
            last = items[-1]
            value = {"priority": last.priority, "confidence": last.confidence}.get(sort) or 0.0
            cursors.append(Cursor(value, last.id))
            st.rerun()


def details(loop: Loop, item: Item) -> None:
    """One item: its input, its probabilities, its history."""
    story = insights.story(loop.store, item.id)
    st.subheader(f"Item {plain(title_of(item))}")
    left, right = st.columns(2, gap="large")
    with left:
        show_input(loop.project, item)
    with right:
        if item.audit and item.state == "open":
            st.info(
                "In the audit sample: its prediction stays hidden until it is reviewed.",
                icon=":material/visibility_off:",
            )
        elif story.predictions:
            newest = story.predictions[0]
            figure = charts.probabilities(loop.project.labels[: len(newest.proba)], newest.proba, newest.label)
            st.plotly_chart(figure, key=f"proba-{item.id}", config={"displayModeBar": False}, alt="Class probabilities")
        if item.split == "pool" and st.button("Review this item", icon=":material/rate_review:", key=f"open-{item.id}"):
            with told():
                loop.draw_item(reviewer(), item.id)
                st.switch_page(PAGES["review"])
            st.rerun()  # somebody else has it: say so here and now
        for entry in reversed(story.entries):
            verb = {
                "confirm": "confirmed",
                "correct": "corrected to",
                "skip": "skipped",
                "flag": "flagged",
                "undo": "undid",
            }
            note = f" · “{plain(entry.note)}”" if entry.note else ""
            st.caption(
                f"{plain(entry.reviewer)} {verb[entry.verdict]} {plain(entry.target or '')} · {ago(entry.created_at)}"
                f"{'' if entry.state == 'accepted' else f' · {entry.state}'}{note}"
            )
        for prediction in story.predictions:
            st.caption(
                f"Version {prediction.version_number} predicted {plain(prediction.label)} "
                f"with {prediction.confidence:.0%}"
            )


wanted, sort = filters()
trail = f"trail-{loop.project.id}-{hash((wanted, sort))}"
cursors = st.session_state.setdefault(trail, [])
items = loop.store.items.page(
    loop.project.id, wanted, sort=sort, after=cursors[-1] if cursors else None, limit=PAGE_ROWS
)
found = loop.store.items.count(loop.project.id, wanted)
st.caption(f"{found:,} items match" if found <= COUNT_CAP else f"more than {COUNT_CAP:,} items match")
if not items:
    st.info("No item matches. Loosen the filters, or add data on Setup.", icon=":material/search_off:")
    st.stop()
opened = table(items, sort)
pager(items, sort, trail)
if opened is None:
    st.caption("Select a row to open it.")
else:
    details(loop, loop.store.items.get(opened.id))
