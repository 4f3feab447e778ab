"""Feedback: which entries to double-check, what became of each, and what a maintainer decides about them."""

import streamlit as st

from feedback_core import inspection
from feedback_core.store.ranks import COUNT_CAP
from feedback_core.types import EntryFilter, Item, RankedEntry
from pages._conflicts import show_conflicts
from pages._entry import PART_HELP, PART_NAMES, show_bulk, show_entry
from pages._own import show_own
from pages._paging import pager, start_of
from pages._people import acting, locked, may, stay
from pages._rulings import entries, show_last_ruling
from pages._shared import VERBS, ago, open_loop, plain, preview, show_message, thumbnail, told

PAGE_ROWS = 50
STATES = {
    "waiting": "To look at",
    "ask": "Second opinion asked",
    "accept": "Accepted",
    "reject": "Rejected",
    "any": "All",
}
LABELS_GIVEN = {"confirm": "Confirmations", "correct": "Corrections", "flag": "Flags"}

loop = open_loop()
st.title("Feedback")
show_message()


def rank() -> None:
    """Ask the worker for a new ranking."""
    with told():
        loop.request_ranking(acting("study", loop))


@st.fragment(run_every=2)
def wait_for_ranking() -> None:
    """Say how far the ranking is, and show its result as soon as it is there."""
    stay("see", loop)
    fresh = inspection.freshness(loop.store, loop.project)
    if fresh.job is None:
        st.rerun()
    waits = "waits for the worker" if fresh.job.state == "waiting" else f"is running, {fresh.job.progress:.0%}"
    st.caption(f":material/hourglass: A new ranking {waits}.")


def show_freshness(fresh: inspection.Freshness) -> None:
    """When the entries were ranked, what is newer, and the button."""
    newer = f"{fresh.newer:,}" if fresh.newer <= COUNT_CAP else f"more than {COUNT_CAP:,}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if fresh.run is not None:
            later = f" · {newer} newer, not ranked yet" if fresh.newer else ""
            st.caption(f"{entries(fresh.run.entries)} ranked {ago(fresh.run.created_at)}{later}")
        if fresh.job is None:
            lock = locked("study", loop, help="Runs in the background, and by itself after each new champion.")
            st.button("Rank now", icon=":material/sort:", on_click=rank, key="feedback_rank", **lock)
    if fresh.job is not None:
        wait_for_ranking()
    elif fresh.error is not None:
        st.error(plain(fresh.error), title="The last ranking failed")
    if fresh.run is not None and fresh.run.without_model:
        st.caption(f"Without a suspicion: {fresh.run.without_model:,}, because no model could judge them unseen.")


def filters() -> EntryFilter:
    """The filter rows; their choices are what the database is asked for."""
    state = st.segmented_control(
        "Entries", list(STATES), format_func=STATES.get, default="waiting", required=True, key="entries_state"
    )
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    person = left.selectbox(
        "Reviewer", [None, *loop.store.ranks.people(loop.project.id)], format_func=lambda name: name or "anybody",
        key=f"entries_person-{loop.project.id}",
    )  # fmt: skip
    verdict = middle.selectbox(
        "Kind", [None, *LABELS_GIVEN], format_func=lambda kind: LABELS_GIVEN.get(kind, "any"), key="entries_verdict"
    )
    search = right.text_input("Search in notes", placeholder="words", key="entries_search", type="search")
    with st.expander("Only entries that are …"):
        cuts = {}
        for (part, name), column in zip(PART_NAMES.items(), st.columns(len(PART_NAMES)), strict=True):
            cuts[part] = column.slider(
                f"{name}, at least", 0, 100, 0, 5, format="%d %%", key=f"entries_{part}", help=PART_HELP[part]
            )
    above = tuple((part, cut / 100) for part, cut in cuts.items() if cut)
    return EntryFilter(state, person, verdict, above, search)


def table(found: list[RankedEntry], items: dict[int, Item]) -> tuple[RankedEntry, list[RankedEntry]]:
    """One page of entries; gives the open one and those chosen by their boxes."""
    images = any(column.kind == "image" for column in loop.project.schema.columns)
    rows = [
        {
            "Input": (thumbnail if images else preview)(loop.project, items[one.entry.item_id]),
            "Said": f"{VERBS[one.entry.verdict]} {one.entry.target or ''}".strip(),
            "Model": one.entry.predicted,
            "Priority": one.score,
            **{name: None if (value := one.parts[part]) is None else 100 * value for part, name in PART_NAMES.items()},
            "Reviewer": one.entry.reviewer,
            "Given": ago(one.entry.created_at),
        }
        for one in found
    ]
    parts = {
        name: st.column_config.NumberColumn(name, width=84, format="%.0f %%", help=PART_HELP[part])
        for part, name in PART_NAMES.items()
    }
    # The key carries the ids: a selection is positional, and must not survive a change of the rows under it.
    chosen = st.dataframe(
        rows,
        key=f"entries-{loop.project.id}-{hash(tuple(one.entry.id for one in found))}",
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        row_height=56 if images else None,
        height=min(420, 44 + (56 if images else 36) * len(rows)),
        hide_index=True,
        alt="Entries, the most doubtful first",
        column_config=parts | {
            "Input": st.column_config.ImageColumn("Input", width="small") if images
            else st.column_config.TextColumn("Input", width="medium"),
            "Model": st.column_config.TextColumn("Model", help="What the model said when the entry was given"),
            "Priority": st.column_config.ProgressColumn(
                "Priority", format="%.2f", min_value=0, max_value=1, width=85,
                help="0 = no reason to look, 1 = look first: the parts on the right, weighted. Empty = not ranked yet.",
            ),
        },
    )  # fmt: skip
    cells = [row for row, _ in chosen.selection.cells]
    boxes = [found[row] for row in chosen.selection.rows if row < len(found)]
    opened = cells[0] if cells and cells[0] < len(found) else chosen.selection.rows[0] if boxes else 0
    return found[opened], boxes


def show_entries() -> None:
    """The ranked list, and one entry of it or several to decide about."""
    wanted = filters()
    trail = f"entries-trail-{loop.project.id}-{hash(wanted)}"
    found, following = loop.store.ranks.page(loop.project.id, wanted, after=start_of(trail), limit=PAGE_ROWS)
    if not found and fresh.run is None:
        st.info(
            "The entries are being ranked for the first time: the list appears by itself."
            if fresh.job is not None
            else "The entries have not been ranked yet: the worker does it after each new champion, or on request.",
            icon=":material/hourglass:",
        )
        return
    if not found:
        hint = " Look further with Next." if following is not None else " Loosen the filters, or look at another list."
        st.info(f"No entry matches.{hint}", icon=":material/search_off:")
        pager(trail, following, "entries")
        return
    items = {item.id: item for item in loop.store.items.many([one.entry.item_id for one in found])}
    opened, boxes = table(found, items)
    pager(trail, following, "entries")
    if len(boxes) > 1:
        show_bulk(loop, boxes)
    else:
        st.caption("Press a cell to open its entry; tick several boxes to decide about them together.")
        show_entry(loop, opened)


fresh = inspection.freshness(loop.store, loop.project)
if fresh.is_due and fresh.job is None and may("study", loop):
    loop.request_ranking(acting("study", loop))
    fresh = inspection.freshness(loop.store, loop.project)
if not fresh.newer and (fresh.run is None or not fresh.run.entries):
    st.info(
        "Entries appear here as soon as somebody has confirmed, corrected or flagged a prediction.",
        title="There is no feedback yet",
        icon=":material/fact_check:",
    )
    st.page_link("review.py", label="Review items", icon=":material/rate_review:")
    st.stop()
show_freshness(fresh)
show_last_ruling(loop)
open_conflicts = loop.store.tallies.of(loop.project.id, "items").get("pool/conflict", 0)
VIEWS = {
    "entries": "Entries to double-check",
    "conflicts": f"Conflicts ({open_conflicts:,})",
    "own": "Your corrections",
}
view = st.segmented_control(
    "View", list(VIEWS), format_func=VIEWS.get, default="entries", required=True, key="feedback_view",
    label_visibility="collapsed",
)  # fmt: skip
if view == "conflicts":
    show_conflicts(loop)
elif view == "own":
    show_own(loop)
else:
    show_entries()
