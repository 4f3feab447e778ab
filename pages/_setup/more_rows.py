"""More rows for a project that exists: without a label for the queue, with one for the base data."""

from typing import Any

import streamlit as st

from feedback_core import intake, tasks
from feedback_core.loop import Loop
from feedback_core.types import Project, Rows
from pages._people import locked
from pages._setup.file import check, hand_over, label_and_id, show_problems, upload
from pages._shared import PAGES, counted, plain


@st.cache_data(show_spinner="Looking for the label column", max_entries=4)
def match(_frame: Any, digest: str, _project: Project, project_id: int) -> tuple[str | None, str | None]:
    """The columns that seem to be label and id; cached by content and project."""
    _, key = intake.match(_frame, _project.schema, _project.labels)
    return tasks.of(_project).take_in.match(_frame, _project), key


@st.cache_data(show_spinner=False, max_entries=4)
def destinations(_loop: Loop, _rows: Rows, project_id: int, digest: str, label: str | None, key: str | None) -> dict:
    """Rows by where they will go; cached by what decides it."""
    return _loop.destinations(_rows)


def add_rows(loop: Loop) -> None:
    """File, its label and id, problems, where the rows will go, and the button."""
    project = loop.project
    has_pictures = any(column.files for column in project.schema.columns)
    given = upload("More rows of this project", f"more-{project.id}", has_pictures, **locked("add items", loop))
    if given is None:
        names = project.schema.names
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        st.caption(f"The file needs the columns this project learns from: {plain(', '.join(names[:12]))}{more}")
        return
    _, frame, digest = given
    guessed = match(frame, digest, project, project.id)
    label, key = label_and_id(frame, guessed, f"more-{digest}-{project.id}", "they go to the review queue")
    read = {source for column in project.schema.columns for source in column.sources or (column.name,)}
    unused = [str(name) for name in frame.columns if str(name) not in read | {label, key}]
    if unused:
        st.warning(
            f"Not read: {plain(', '.join(unused[:8]))}{f' and {len(unused) - 8} more' if len(unused) > 8 else ''}. "
            "If one of them holds labels, choose it as the label column."
        )
    rows, problems = check(
        frame, digest, project.schema, label, key, project.labels if label else (), project.task, project.settings
    )
    show_problems(problems, len(rows.inputs))
    if rows.inputs:
        st.markdown(where_to(destinations(loop, rows, project.id, digest, label, key)))
    caption = f"Add {counted(len(rows.inputs), 'row')}"
    lock = locked("add items", loop, disabled=not rows.inputs)
    if st.button(caption, type="primary", key=f"add-{digest}", **lock):
        hand_over(project, rows, train=False)
        st.switch_page(PAGES["retrain"], query_params={"project": project.name})


def where_to(rows: dict[str, int]) -> str:
    """Where the rows of each split go, in a sentence."""
    parts = (
        ("train", "to the base data that versions learn from"),
        ("holdout", "to the locked holdout that judges them"),
        ("pool", "to the review queue"),
    )
    going = [f"**{counted(rows[split], 'row')}** {place}" for split, place in parts if rows.get(split)]
    return f"{', '.join(going)}. Rows that are here already stay as they are."
