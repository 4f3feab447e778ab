"""The items most like the opened one, and one decision for all of them."""

import streamlit as st

from feedback_core.errors import ArtifactError
from feedback_core.loop import Loop
from feedback_core.similar import similar
from feedback_core.types import Item
from pages import _bulk
from pages._predictions.table import rows_of
from pages._shared import title_of


def show(loop: Loop, item: Item) -> None:
    """Ten neighbours with what is known about them; the chosen ones can be reviewed or decided together."""
    with st.spinner("Looking for similar items"):
        try:
            found = similar(loop, item.id)
        except ArtifactError:  # told on Overview
            return
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
        [
            {"No.": n} | row | {"Distance": far[like.id]}
            for n, (row, like) in enumerate(zip(rows, items, strict=True), 1)
        ],
        column_config=config | {"Distance": distances},
        row_height=56 if "Image" in rows[0] else None,
        hide_index=True,
        alt="Items most like the opened one, nearest first",
    )
    names = {
        like.id: f"{n} · {row['Prediction'] or '–'}" for n, (row, like) in enumerate(zip(rows, items, strict=True), 1)
    }
    chosen = st.pills(
        "Chosen",
        list(names),
        format_func=names.get,
        selection_mode="multi",
        default=[like.id for like in items if like.state == "open"],
        key=f"similar-{item.id}-{hash(found.ids)}",
        help="Number and prediction. Those nobody has decided yet are chosen; click to leave one out or take one in.",
    )
    if chosen:
        with st.container(horizontal=True):
            # Locked rows and the audit sample are not for review: the button must not count what no session takes.
            opened = [item.id] if item.split == "pool" and not item.audit else []
            _bulk.review(loop, [*opened, *chosen], f"similar to {title_of(item)}", f"similar-{item.id}")
            _bulk.decide(loop, chosen, f"similar-{item.id}")
