"""Review: one item at a time, one key per decision."""

import streamlit as st

from pages import _deck
from pages._shared import loop_of, open_loop, reviewer, show_message, told


@st.fragment
def deck(project: str, name: str) -> None:
    """Runs alone, several times a second while somebody types: everything it needs is read here."""
    with told():
        _deck.show(loop_of(project), name)
    show_message()


st.title("Review")
deck(open_loop().project.name, reviewer())
