"""From a file to a project with its first version."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from feedback_core import intake, tasks
from feedback_core.gate.verdict import FEW_CASES, MIN_CASES
from feedback_core.loop import create_project
from feedback_core.models import BUILDERS
from feedback_core.plans import KINDS
from feedback_core.settings import Settings
from feedback_core.types import Column, Rows, Schema
from pages._people import acting, locked
from pages._setup.album import seen_size
from pages._setup.file import check, hand_over, label_and_id, propose, show_problems, suited, unfit_label, upload
from pages._setup.models import model_choice
from pages._setup.numbers import number_settings
from pages._setup.settings import setting
from pages._shared import PAGES, counted, plain, store

SHOWN_CLASSES = 20
CELLS = (
    "A cell names the labels of its row: a;b or a|b, or a, b where no label holds a comma; a list in Parquet or JSON "
    'Lines; or ["a", "b"]. (none) or [] says that a row bears none; an empty cell is not known yet and goes to '
    "the review queue."
)
ORDER = ("classification", "multilabel", "regression", "anomaly", "clustering")
"""Tasks as they are offered, the most usual first."""


def new_project() -> None:
    """File, columns, problems, and the button."""
    given = upload("Your data", "upload")
    if given is None:
        st.caption(
            "One row per input, one column per feature. A column of known labels trains the first version; rows "
            "without a label become the review queue. Nothing is stored before you have seen what was read."
        )
        return
    filename, frame, digest = given
    proposal = propose(frame, digest)
    for note in proposal.notes[len(frame.attrs.get("notes", ())) :]:  # the reader's own stand above the table
        st.caption(f":material/info: {plain(note)}")
    guessed = (proposal.label_column, proposal.id_column)
    label, key = label_and_id(frame, guessed, digest, "reviewers will label")
    schema = columns_editor(proposal, {label, key}, digest)
    task = task_picker(frame, digest, label, proposal.label_column)
    if label and (unfit := unfit_label(frame, digest, label, task.name)):
        st.error(plain(unfit))
        return
    if label == proposal.label_column and task.name != "multilabel":  # it counts each set as a class of its own
        st.caption(plain(proposal.why[:1].upper() + proposal.why[1:]))
    if task.name == "multilabel":
        st.caption(plain(CELLS))
    labels = task.take_in.labels_always or _labels(frame, task, label, digest)
    if not schema.columns:
        st.error("Every column is left out: keep at least one as input.")
        return
    first = first_settings(frame, task, label, digest)
    rows, problems = check(frame, digest, schema, label, key, labels if label else (), task.name, first)
    show_problems(problems, len(rows.inputs))
    finish(filename, task, first, schema, labels, rows, digest)


def task_picker(frame: Any, digest: str, label: str | None, guessed: str | None) -> tasks.Task:
    """What is predicted; the one that suits the label column unless another is chosen."""
    names = sorted(tasks.TASKS, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    chosen = st.segmented_control(
        "What is predicted",
        names,
        default=suited(frame, digest, label),
        required=True,
        format_func=lambda name: tasks.TASKS[name].title,
        key=_task_key(digest, label),
        on_change=_give_way,
        args=(frame, digest, label, guessed),
        help=" ".join(f"{tasks.TASKS[name].title}: {tasks.TASKS[name].help}" for name in names),
    )
    return tasks.TASKS[chosen]


def _task_key(digest: str, label: str | None) -> str:
    return f"task-{digest}-{label}"


def _give_way(frame: Any, digest: str, label: str | None, guessed: str | None) -> None:
    """A label column that nobody chose is an input again, once a task is chosen that does without labels."""
    name = st.session_state[_task_key(digest, label)]
    needs_labels = tasks.TASKS[name].learns and not tasks.TASKS[name].background
    if label is None or label != guessed or needs_labels or not unfit_label(frame, digest, label, name):
        return
    st.session_state[f"label-{digest}"] = None
    st.session_state[_task_key(digest, None)] = name


def first_settings(frame: Any, task: tasks.Task, label: str | None, digest: str) -> Settings:
    """The settings a project of this task begins with; those that only it has are asked for."""
    settings = task.defaults()
    if task.name != "regression":
        return settings
    settings = replace(settings, tolerance=intake.tolerance_of(frame, label) if label else 0.0)
    return number_settings(settings, f"{digest}-{label}")


def columns_editor(proposal: intake.Proposal, taken: set[str | None], digest: str) -> Schema:
    """The proposed kinds of the columns, open to change."""
    known = {column.name for column in proposal.columns}
    # A column first taken for the label or the id is a feature like any other once another is chosen.
    guessed = [n for n in (proposal.label_column, proposal.id_column) if n and n not in known | taken]
    columns = [*proposal.columns, *(Column(name, "category") for name in guessed)]
    rows = [{"Column": c.name, "Kind": c.kind, "Shape": "×".join(map(str, c.shape))} for c in columns]
    edited = st.data_editor(
        [row for row in rows if row["Column"] not in taken],
        key=f"columns-{digest}-{hash(tuple(sorted(map(str, taken))))}",
        hide_index=True,
        disabled=["Column", "Shape"],
        height=min(320, 38 + 35 * len(rows)),
        column_config={"Kind": st.column_config.SelectboxColumn("Kind", options=KINDS, required=True)},
        alt="Columns and their kinds",
    )
    kinds = {row["Column"]: row["Kind"] for row in edited}
    kept = [c for c in columns if kinds.get(c.name, "leave out") != "leave out"]
    kept = [c if c.kind == kinds[c.name] else Column(c.name, kinds[c.name]) for c in kept]
    return Schema(tuple(seen_size(c, digest) if c.files else c for c in kept), proposal.pictures)


def finish(
    filename: str, task: tasks.Task, first: Settings, schema: Schema, labels: tuple[str, ...], rows: Rows, digest: str
) -> None:
    """Name, model, holdout share, and the button."""
    specs = {spec.name: spec for spec in fields(Settings)}
    left, middle, right = st.columns([2, 3, 2])
    name = left.text_input("Project name", filename.rsplit(".", 1)[0][:80], key=f"name-{digest}", max_chars=80)
    if not task.learns:
        _finish_without_a_model(name, task, first, schema, rows, digest)
        return
    with middle:
        why = "Can be changed later."
        model = model_choice(task.name, schema, first.estimator, f"model-{digest}-{task.name}", why=why)
    with right:
        share = setting(specs["holdout_share"], Settings().holdout_share, digest)
    labelled = sum(label is not None for label in rows.labels)
    noun = "labels" if task.name == "multilabel" else "classes"
    if len(labels) < task.take_in.least_labels:
        st.error(f"A classifier needs at least two {noun}; {'there is one' if labels else 'there are none'} so far.")
    queued = len(rows.labels) - labelled
    base = f"{counted(labelled, 'labelled row')} for the base data, about {share:.0%} of them locked to judge versions"
    queue = f"{counted(queued, 'unlabelled row')} for the review queue"
    going = [part for n, part in ((labelled, base), (queued, queue)) if n]
    classes = f" {noun.capitalize()}: {plain(listed(labels))}" if labels else ""
    st.caption(f"{'; '.join(going)}.{classes}")
    held = round(labelled * share)
    if labelled and held < FEW_CASES:
        st.warning(
            f"About {held} locked rows cannot prove any version better: {FEW_CASES} are the least, and {MIN_CASES} "
            "before a version can promote itself. Choose a larger holdout share, or add labelled rows later.",
            icon=":material/info:",
        )
    trains = bool(labelled or task.background)
    caption = "Create and train the first version" if trains else "Create the project"
    ready = len(labels) >= task.take_in.least_labels and bool(rows.inputs)
    lock = locked("create project", None, disabled=not ready)
    if st.button(caption, type="primary", key=f"create-{digest}", **lock):
        BUILDERS[model].require()
        settings, by = replace(first, estimator=model, holdout_share=share), acting("create project", None)
        project = create_project(store(), name, schema, labels, settings, actor=by, task=task.name)
        hand_over(project, rows, train=trains)
        st.switch_page(PAGES["retrain" if trains else "overview"], query_params={"project": project.name})


def _finish_without_a_model(
    name: str, task: tasks.Task, first: Settings, schema: Schema, rows: Rows, digest: str
) -> None:
    st.caption(f"{counted(len(rows.labels), 'row')} to be grouped; the first groups are made at once.")
    lock = locked("create project", None, disabled=not rows.inputs)
    if st.button("Create the project", type="primary", key=f"create-{digest}", **lock):
        by = acting("create project", None)
        project = create_project(store(), name, schema, (), first, actor=by, task=task.name)
        hand_over(project, rows, train=False)
        st.switch_page(PAGES["clusters"], query_params={"project": project.name})


def listed(labels: Sequence[str]) -> str:
    """The first classes by name and how many more there are."""
    more = len(labels) - SHOWN_CLASSES
    return ", ".join(labels[:SHOWN_CLASSES]) + (f" and {more:,} more" if more > 0 else "")


def _labels(frame: Any, task: tasks.Task, label: str | None, digest: str) -> tuple[str, ...]:
    if label:
        return task.take_in.labels(frame, label)
    return _typed_labels(digest) if task.take_in.least_labels else ()


def _typed_labels(digest: str) -> tuple[str, ...]:
    typed = st.text_input("Labels, separated by commas", key=f"labels-{digest}", placeholder="yes, no")
    return tuple(dict.fromkeys(filter(None, map(str.strip, typed.split(",")))))
