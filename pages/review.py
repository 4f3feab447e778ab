"""Review: one item at a time, one key per decision."""

import streamlit as st

from feedback_core.loop import Loop
from pages import _deck
from pages._shared import open_loop, reviewer, show_message, store, told


@st.fragment
def deck(project: str, name: str) -> None:
    """Runs alone, several times a second while somebody types: everything it needs is read here."""
    with told():
        _deck.show(Loop(store(), store().projects.named(project)), name)
    show_message()


st.title("Review")
deck(open_loop().project.name, reviewer())
