"""The items most like the opened one, and one decision for all of them."""

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.similar import similar
from feedback_core.types import Item
from pages import _bulk
from pages._predictions.table import rows_of
from pages._shared import title_of


def show(loop: Loop, item: Item) -> None:
    """Ten neighbours with what is known about them; the chosen ones can be reviewed or decided together."""
    with st.spinner("Looking for similar items"):
        found = similar(loop, item.id)
    if found is None or not found.ids:
        return
    st.subheader("Similar items")
    whole = found.searched >= found.pool
    st.caption(
        "The nearest by the values the model works with"
        + ("." if whole else f", among {found.searched:,} of {found.pool:,} items: all decided ones and a random rest.")
    )
    items = loop.store.items.many(found.ids)
    far = dict(zip(found.ids, found.distances, strict=True))
    rows, config = rows_of(loop.project, items)
    distances = st.column_config.NumberColumn(
        "Distance", format="%.2f", help="0 = the same values. Comparable within this list only."
    )
    st.dataframe(
        [row | {"Distance": far[similar.id]} for row, similar in zip(rows, items, strict=True)],
        column_config=config | {"Distance": distances},
        row_height=56 if "Image" in rows[0] else None,
        hide_index=True,
        alt="Items most like the opened one, nearest first",
    )
    names = {similar.id: title_of(similar) for similar in items}
    chosen = st.pills(
        "Chosen",
        list(names),
        format_func=names.get,
        selection_mode="multi",
        default=list(names),
        key=f"similar-{item.id}-{hash(found.ids)}",
        help="Click one to leave it out.",
    )
    if chosen:
        with st.container(horizontal=True):
            _bulk.review(loop, [item.id, *chosen], f"similar to {title_of(item)}", f"similar-{item.id}")
            _bulk.decide(loop, chosen, f"similar-{item.id}")
