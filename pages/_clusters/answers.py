"""One's last answers on pairs, each with its way back."""

import streamlit as st

from feedback_core.clustering import views
from feedback_core.loop import Loop
from pages._clusters.groups import take_back
from pages._people import locked, reviewer
from pages._shared import ago, plain, title_of

LISTED = 10
SAID = {"together": "together", "apart": "apart", "skip": "skipped"}


def show(loop: Loop) -> None:
    """The newest answers of whoever is here."""
    mine = views.answers_of(loop, reviewer(), LISTED)
    if not mine:
        return
    ids = [n for entry in mine for n in (entry.item_a, entry.item_b) if n is not None]
    items = {item.id: item for item in loop.store.items.many(ids, loop.project.id)}
    with st.expander("Your last answers", icon=":material/history:"):
        for entry in mine:
            one, other = (plain(title_of(items[n])) if n in items else "?" for n in (entry.item_a, entry.item_b))
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{one}** and **{other}**: {SAID[entry.kind]} · {ago(entry.created_at)}", width="stretch")
                st.button(
                    "Take back", key=f"unanswer-{entry.id}", on_click=take_back, args=(loop, entry.id, "group"),
                    **locked("group", loop),
                )  # fmt: skip
