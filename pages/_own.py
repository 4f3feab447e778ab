"""A reviewer's own corrections, and what became of them."""

import streamlit as st

from feedback_core import receipts
from feedback_core.loop import Loop
from pages._paging import pager, start_of
from pages._people import reviewer
from pages._shared import ago, counted, plain, preview, thumbnail

PAGE_ROWS = 25


def show_own(loop: Loop) -> None:
    """The sum of what became of them, then page by page one line each."""
    found = receipts.own(loop, reviewer())
    if not found.receipts:
        st.info(
            "What you correct on Review is listed here with what became of it: which version learned from it, and "
            "what the model says now.",
            title=f"No corrections of {plain(reviewer())} yet",
            icon=":material/receipt_long:",
        )
        return
    st.write(plain(receipts.summary(found)))
    st.caption(
        "Most of these items the champion has learned from, so the counts say what your work has changed, not how "
        "accurate the model is: see Insights for that."
        + (f" Older corrections than your newest {len(found.receipts):,} are not looked at." if found.more else "")
    )
    trail = f"own-trail-{loop.project.id}-{reviewer()}"
    start = start_of(trail) or 0
    shown = found.receipts[start : start + PAGE_ROWS]
    _table(loop, shown)
    following = start + PAGE_ROWS
    pager(trail, following if following < len(found.receipts) else None, "own")


def _table(loop: Loop, shown: tuple[receipts.OwnReceipt, ...]) -> None:
    images = any(column.kind == "image" for column in loop.project.schema.columns)
    items = {item.id: item for item in loop.store.items.many([one.entry.item_id for one in shown])}
    with st.spinner("Looking for similar items"):
        fixed = receipts.fixed_with(loop, [one.entry for one in shown])
    st.dataframe(
        [
            {
                "Input": (thumbnail if images else preview)(loop.project, items[one.entry.item_id]),
                "Corrected": f"{one.entry.predicted or '–'} to {one.entry.target}",
                "What became of it": receipts.line(one),
                "Similar fixed": _similar(fixed.get(one.entry.id)),
                "Given": ago(one.entry.created_at),
            }
            for one in shown
        ],
        row_height=56 if images else None,
        hide_index=True,
        alt=f"Your corrections, {counted(len(shown), 'line')}, the newest first",
        column_config={
            "Input": st.column_config.ImageColumn("Input", width="small") if images
            else st.column_config.TextColumn("Input", width="medium"),
            "What became of it": st.column_config.TextColumn("What became of it", width="large"),
            "Similar fixed": st.column_config.TextColumn(
                "Similar fixed",
                help=f"Of the {receipts.LIKE_IT} pool items most like it, those that had the same wrong label when you "
                "corrected it, and how many of these have your label now. That they turned afterwards does not prove "
                "that they turned because of it.",
            ),
        },
    )  # fmt: skip


def _similar(fixed: receipts.Fixed | None) -> str:
    return "" if fixed is None else f"{fixed.turned} of {fixed.alike} alike, {fixed.looked} looked at"
