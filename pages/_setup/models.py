"""The choice of what the next version is trained as."""

import streamlit as st

from feedback_core.models import BUILDERS, choices, title
from feedback_core.types import Schema


def model_choice(task: str, schema: Schema, value: str, key: str, caption: str = "Model", why: str = "") -> str:
    """A select box of the models for a task and columns, those that are not installed last and marked; gives a name.

    value: chosen now; one that is no longer offered stays in the list. key: keeps projects and files apart.
    """
    names = list(choices(task, schema))
    names += [value] if value not in names else []
    missing = [BUILDERS[name] for name in names if name in BUILDERS and not BUILDERS[name].installed]
    ways = " ".join(f"For {each.title}, {each.way}." for each in missing)
    return st.selectbox(
        caption,
        names,
        names.index(value),
        format_func=_described,
        key=key,
        help=" ".join(filter(None, (why, ways))),
    )


def _described(name: str) -> str:
    if name not in BUILDERS:
        return title(name)
    found = BUILDERS[name]
    text = f"{found.title}: {found.help}" if found.help else found.title
    return text if found.installed else f"{text} (not installed)"
