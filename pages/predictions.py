"""Predictions: find items, open one, see everything known about it, put what you found up for review."""

import streamlit as st

from feedback_core.slices import described
from feedback_core.store.finding import COUNT_CAP, SCAN
from feedback_core.store.sessions import MOST
from feedback_core.types import Cursor, Item, ItemFilter
from pages import _bulk, _jobs
from pages._people import acting, locked
from pages._predictions import details, filters, weights
from pages._predictions.table import rows_of
from pages._shared import PAGES, counted, open_loop, show_message, told

PAGE_ROWS = 100

loop = open_loop()
st.title("Predictions")
show_message()
_bulk.way_back(loop)


def table(items: list[Item], sort: str) -> Item | None:
    """One page of items; gives the one that is open, by its id."""
    rows, config = rows_of(loop.project, items)
    # The key carries the ids: a selection is positional, and must not survive a change of the rows under it.
    shown = hash(tuple(item.id for item in items))
    chosen = st.dataframe(
        rows,
        key=f"items-{loop.project.id}-{shown}",
        on_select="rerun",
        selection_mode="single-row",
        row_height=56 if "Image" in rows[0] else None,
        height=460,
        alt=f"Items, {filters.SORT_NAMES[sort].lower()} first",
        column_config=config,
    )
    picked = chosen.selection.rows
    return items[picked[0]] if picked and picked[0] < len(items) else None


def pager(items: list[Item], sort: str, trail: str, further: Cursor | None) -> None:
    """Next and back by keyset: as quick on the last page as on the first."""
    cursors = st.session_state[trail]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=not cursors, key="items_back"):
            cursors.pop()
            st.rerun()
        st.caption(f"Page {len(cursors) + 1}")
        following = _after(items[-1], sort) if len(items) == PAGE_ROWS else further
        caption = "Next" if len(items) == PAGE_ROWS or not further else f"Look at the next {SCAN:,}"
        if st.button(caption, icon=":material/chevron_right:", disabled=following is None, key="items_next"):
            cursors.append(following)
            st.rerun()


def _after(last: Item, sort: str) -> Cursor:
    return Cursor({"priority": last.priority, "confidence": last.confidence}.get(sort) or 0.0, last.id)


def review_them(wanted: ItemFilter, sort: str, found: int, after: Cursor | None) -> None:
    """One click makes a review session of what the filter finds."""
    most = min(found, MOST)
    caption = f"Review {counted(most, 'item')}" if found <= MOST else f"Review the first {MOST:,} of them"
    lock = locked("review", loop, disabled=not most)
    if not st.button(caption, icon=":material/rate_review:", key="items_review", **lock):
        return
    with told():
        page = loop.store.items.page(loop.project.id, wanted, sort=sort, after=after, limit=MOST)
        name = described(wanted, loop.project.schema.names)
        session = loop.open_session([item.id for item in page], name, acting("review", loop))
        st.switch_page(PAGES["review"], query_params={"session": str(session.id)})
    st.rerun()


def tell_unpredicted(items: list[Item]) -> None:
    """Why some of the items shown have no prediction, where nobody keeps it from view."""
    bare = sum(item.state == "open" and item.version_id is None for item in items)
    if not bare:
        return
    if live := loop.store.jobs.live(loop.project.id):
        _jobs.follow(loop, live)
    if loop.store.versions.champion(loop.project.id) is None:
        st.caption(":material/hourglass_empty: Nothing is predicted before the first version: train it on Retrain.")
    else:
        st.caption(f":material/hourglass_empty: {counted(bare, 'item')} here not predicted yet: the worker does it.")


wanted, sort = filters.choose(loop)
weights.show(loop)
# What no version has predicted has no place in an order by what one says: the newest come first till then.
if sort != "newest" and not wanted.features and not loop.store.items.page(loop.project.id, wanted, sort=sort, limit=1):
    sort = "newest"
trail = f"trail-{loop.project.id}-{hash((wanted, sort))}"
cursors = st.session_state.setdefault(trail, [])
after = cursors[-1] if cursors else None
looked = MOST if wanted.features else PAGE_ROWS
items = loop.store.items.page(loop.project.id, wanted, sort=sort, after=after, limit=looked)
further = loop.store.items.scan_end(loop.project.id, wanted, sort=sort, after=after)
if wanted.features:
    found, where = len(items), f"among {SCAN:,} items in this order" if further else "to the end of the list"
    text = f"{'more than ' if found == MOST else ''}{counted(found, 'item')} match {where}"
else:
    found = loop.store.items.count(loop.project.id, wanted)
    text = f"{counted(found, 'item')} match" if found <= COUNT_CAP else f"more than {COUNT_CAP:,} items match"
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.caption(text.replace("1 item match", "1 item matches"))
    if wanted.states != ("base",):
        review_them(wanted, sort, found, after if wanted.features else None)
items = items[:PAGE_ROWS]
if not items and not further:
    st.info("No item matches. Loosen the filters, or add data on Setup.", icon=":material/search_off:")
    st.stop()
tell_unpredicted(items)
opened = table(items, sort) if items else None
pager(items, sort, trail, further)
if opened is None:
    st.caption("Select a row to open it.")
else:
    details.show(loop, loop.store.items.get(opened.id))
