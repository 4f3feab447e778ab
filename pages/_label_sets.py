"""A set of labels chosen outside the deck, and what sets differ on."""

from collections.abc import Sequence

import streamlit as st

from feedback_core.multilabel import NONE, joined, parts
from feedback_core.types import Project


def is_set(project: Project) -> bool:
    """Whether a row of the project bears any number of its labels."""
    return project.task == "multilabel"


def choose_labels(project: Project, key: str) -> str | None:
    """A field for any number of labels; gives their text, None while that is undecided."""
    chosen = st.multiselect(
        "Labels",
        [*project.labels, NONE],
        format_func=lambda label: "none of them" if label == NONE else label,
        key=key,
        placeholder="choose every label that is right",
        help="“none of them” says that no label is right, and stands alone.",
    )
    if NONE in chosen and len(chosen) > 1:
        st.caption(":material/info: “none of them” cannot stand beside a label: take one of them out.")
    return chosen_text(project, chosen)


def chosen_text(project: Project, chosen: Sequence[str]) -> str | None:
    """The text of what was chosen; None where nothing was, or "none of them" beside a label."""
    if not chosen or (NONE in chosen and len(chosen) > 1):
        return None
    return joined([label for label in chosen if label != NONE], project.labels)


def differing(texts: Sequence[str]) -> list[str]:
    """The labels that some of these sets hold and others do not, in the order they are met."""
    sets = [set(parts(text)) for text in texts]
    met = dict.fromkeys(label for text in texts for label in parts(text))
    return [label for label in met if not all(label in held for held in sets)]
