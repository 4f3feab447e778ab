"""An uploaded file on its way in: read, looked at, checked, handed to the worker."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from feedback_core import intake, plans, staging, tables
from feedback_core.settings import Settings
from feedback_core.tasks import TASKS
from feedback_core.types import Problem, Project, Rows, Schema, Task
from pages._people import acting
from pages._setup.album import upload_pictures
from pages._shared import counted, plain, store


@st.cache_data(show_spinner="Reading the file", max_entries=4)
def read(_data: bytes, filename: str, digest: str) -> Any:
    """The table in an uploaded file; cached by its content."""
    return tables.read_table(_data, filename)


@st.cache_data(show_spinner="Looking at the columns", max_entries=4)
def propose(_frame: Any, digest: str) -> intake.Proposal:
    """What the columns look like; cached by the file's content."""
    return intake.propose(_frame)


@st.cache_data(show_spinner="Checking every row", max_entries=4)
def check(
    _frame: Any,
    digest: str,
    schema: Schema,
    label: str | None,
    key: str | None,
    labels: tuple[str, ...],
    task: Task,
    settings: Settings,
) -> tuple[Rows, list[Problem]]:
    """Every row checked; cached by content and choices. labels: the allowed ones, empty for what the file holds."""
    read = TASKS[task].take_in.reader(settings, labels)
    return intake.check(_frame, schema, label_column=label, labels=labels, id_column=key, read=read)


@st.cache_data(show_spinner=False, max_entries=16)
def unfit_label(_frame: Any, digest: str, label: str, task: Task) -> str:
    """Why a column cannot be the label, in words; cached by content and choice."""
    return TASKS[task].take_in.unfit(_frame, label)


@st.cache_data(show_spinner=False, max_entries=16)
def suited(_frame: Any, digest: str, label: str | None) -> Task:
    """The task that suits a label column; cached by content and choice."""
    return plans.suited(_frame, label)


def upload(label: str, key: str, pictures: bool | None = None, **lock: Any) -> tuple[str, Any, str] | None:
    """Name, table and digest of an uploaded file; None while there is none. lock: whether it is disabled, and its
    help."""
    if _as_pictures(key, pictures, lock):
        return upload_pictures(label, key, lock)
    uploaded = st.file_uploader(
        f"{label}: CSV, Parquet or JSON Lines, up to 200 MB",
        type=["csv", "tsv", "txt", "gz", "parquet", "jsonl", "ndjson", "json"],
        key=key,
        **lock,
    )
    if uploaded is None:
        return None
    data = uploaded.getvalue()
    digest = hashlib.sha256(data).hexdigest()[:16]
    frame = read(data, uploaded.name, digest)
    for note in frame.attrs.get("notes", ()):
        st.caption(f":material/info: {plain(note)}")
    st.caption(f"{len(frame):,} rows, {len(frame.columns):,} columns. The first rows:")
    st.dataframe(frame.head(20).iloc[:, :50], hide_index=True, height=220, alt="First rows of the file")
    return uploaded.name, frame, digest


def _as_pictures(key: str, pictures: bool | None, lock: Mapping[str, Any]) -> bool:
    """Whether pictures come rather than a table. pictures: whether the project has some; None for a new one."""
    if pictures is False:
        return False
    ways = ["A table", "Images"]
    default = ways[bool(pictures)]
    chosen = st.segmented_control(
        "What comes in", ways, default=default, required=True, label_visibility="collapsed", key=f"{key}-what",
        disabled=lock.get("disabled", False),
    )  # fmt: skip
    return chosen == ways[1]


def column_picker(
    names: Sequence[str], proposed: str | None, title: str, none: str, help_text: str, key: str
) -> str | None:
    """A column of the file or none, which is named by what it means."""
    return st.selectbox(
        title,
        [None, *names],
        index=names.index(proposed) + 1 if proposed in names else 0,
        format_func=lambda name: name or f"none: {none}",
        key=key,
        help=help_text,
    )


def label_and_id(frame: Any, proposed: tuple[str | None, str | None], key: str, without: str) -> tuple[Any, Any]:
    """The two columns that are no input. proposed: label and id. without: what happens to rows without a label."""
    names = [str(column) for column in frame.columns]
    left, right = st.columns(2)
    with left:
        label = column_picker(
            names,
            proposed[0],
            "Label column",
            without,
            "What the model should predict. Rows without a value go to the review queue.",
            f"label-{key}",
        )
    with right:
        own = column_picker(
            names,
            proposed[1],
            "Id column",
            "equal inputs are one item",
            "Your own name for each row, to find it again after export.",
            f"id-{key}",
        )
    return label, own


def show_problems(problems: Sequence[Problem], rows: int) -> None:
    """What is wrong with the rows, by row and column, before anything is stored."""
    blocking = sum(problem.blocking for problem in problems)
    if blocking:
        st.error(
            f"{counted(blocking, 'problem')}. Rows with a problem are left out; the other {rows:,} can be imported."
        )
    elif problems:
        st.warning(f"{counted(len(problems), 'thing')} to know; nothing stands in the way.")
    else:
        st.success("The row is fine." if rows == 1 else f"All {rows:,} rows are fine.")
    if problems:
        listed = [{"Row": p.row, "Column": p.column, "Value": p.value, "What": p.what} for p in problems]
        height = min(220, 38 + 35 * len(listed))
        st.dataframe(listed, hide_index=True, height=height, placeholder="all", alt="Problems by row and column")


def hand_over(project: Project, rows: Rows, train: bool) -> None:
    """Give checked rows to the worker."""
    by = acting("add items", project)
    staged = staging.write(rows, staging.folder(store().artifacts))
    store().jobs.request(
        project.id, "import", trigger="upload", by=by, now=time.time(), payload={"file": staged, "train": train}
    )
