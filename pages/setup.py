"""Setup: new projects from a file, settings, exports."""

import hashlib
import time
from dataclasses import replace
from typing import Any

import streamlit as st

from feedback_core import exports, insights, intake, staging, tables
from feedback_core.errors import FeedbackError
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS
from feedback_core.settings import Settings
from feedback_core.types import Column, Problem, Project, Rows, Schema
from pages._shared import PAGES, plain, reviewer, show_message, store

MODEL_NAMES = {
    "logistic_regression": "Logistic regression: quick, calibrated, good on text and few rows",
    "random_forest": "Random forest: strong on mixed columns without tuning",
    "hist_gradient_boosting": "Histogram gradient boosting: strongest from some thousand rows",
}
KINDS = ("number", "category", "text", "image", "leave out")


@st.cache_data(show_spinner="Reading the file", max_entries=4)
def read(_data: bytes, filename: str, digest: str) -> Any:
    """The table in an uploaded file; cached by its content."""
    return tables.read_table(_data, filename)


@st.cache_data(show_spinner="Looking at the columns", max_entries=4)
def propose(_frame: Any, digest: str) -> intake.Proposal:
    """What the columns look like; cached by the file's content."""
    return intake.propose(_frame)


@st.cache_data(show_spinner="Checking every row", max_entries=4)
def check(_frame: Any, digest: str, schema: Schema, label: str | None, key: str | None) -> tuple[Rows, list[Problem]]:
    """Every row checked; cached by content and choices."""
    labels = intake.classes(_frame, label) if label else ()
    return intake.check(_frame, schema, label_column=label, labels=labels, id_column=key)


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
    return Schema(tuple(c if c.kind == kinds[c.name] else Column(c.name, kinds[c.name]) for c in kept))


def show_problems(problems: list[Problem], rows: int) -> None:
    """What is wrong with the rows, by row and column, before anything is stored."""
    blocking = [problem for problem in problems if problem.blocking]
    if blocking:
        st.error(f"{len(blocking):,} problems. Rows with a problem are left out; the other {rows:,} can be imported.")
    elif problems:
        st.warning(f"{len(problems):,} things to know; nothing stands in the way.")
    else:
        st.success(f"All {rows:,} rows are fine.")
    if problems:
        listed = [{"Row": p.row, "Column": p.column, "Value": p.value, "What": p.what} for p in problems]
        st.dataframe(listed, hide_index=True, height=220, alt="Problems by row and column")


def hand_over(project: Project, rows: Rows, train: bool) -> None:
    """Give checked rows to the worker."""
    staged = staging.write(rows, staging.folder(store().artifacts))
    store().jobs.request(
        project.id, "import", trigger="upload", by=reviewer(), now=time.time(), payload={"file": staged, "train": train}
    )
    st.session_state["open_project"] = project.name


def upload(label: str, key: str) -> tuple[str, Any, str] | None:
    """Name, table and digest of an uploaded file; None while there is none."""
    uploaded = st.file_uploader(
        f"{label}: CSV, Parquet or JSON Lines, up to 200 MB",
        type=["csv", "tsv", "txt", "gz", "parquet", "jsonl", "ndjson", "json"],
        key=key,
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


def create(name: str, schema: Schema, labels: tuple[str, ...], settings: Settings, rows: Rows, train: bool) -> None:
    """Create the project and hand its rows to the worker."""
    project = create_project(store(), name, schema, labels, settings, actor=reviewer())
    hand_over(project, rows, train)


def new_project() -> None:
    """From a file to a project with its first version."""
    given = upload("Your data", "upload")
    if given is None:
        st.caption(
            "One row per input, one column per feature. A column of known labels trains the first version; rows "
            "without a label become the review queue. Nothing is stored before you have seen what was read."
        )
        return
    filename, frame, digest = given
    proposal = propose(frame, digest)
    for note in proposal.notes:
        st.caption(f":material/info: {plain(note)}")

    names = [str(column) for column in frame.columns]
    left, right = st.columns(2)
    label = left.selectbox(
        "Label column",
        [None, *names],
        index=names.index(proposal.label_column) + 1 if proposal.label_column in names else 0,
        format_func=lambda n: n or "none: reviewers will label",
        key=f"label-{digest}",
        help="What the model should predict. Rows without a value go to the review queue.",
    )
    key = right.selectbox(
        "Id column",
        [None, *names],
        index=names.index(proposal.id_column) + 1 if proposal.id_column in names else 0,
        format_func=lambda n: n or "none: equal inputs are one item",
        key=f"id-{digest}",
        help="Your own name for each row, to find it again after export.",
    )
    schema = columns_editor(proposal, {label, key}, digest)
    if label == proposal.label_column:
        st.caption(f"Task: {proposal.task}. {plain(proposal.why)}")
    typed = "" if label else st.text_input("Labels, separated by commas", key=f"labels-{digest}", placeholder="yes, no")
    labels = (
        intake.classes(frame, label) if label else tuple(dict.fromkeys(filter(None, map(str.strip, typed.split(",")))))
    )
    if not schema.columns:
        st.error("Every column is left out: keep at least one as input.")
        return
    rows, problems = check(frame, digest, schema, label, key)
    show_problems(problems, len(rows.inputs))
    finish(filename, schema, labels, rows, label is not None and proposal.task == "regression", digest)


def finish(filename: str, schema: Schema, labels: tuple[str, ...], rows: Rows, regression: bool, digest: str) -> None:
    """Name, model, and the button."""
    left, right = st.columns(2)
    name = left.text_input("Project name", filename.rsplit(".", 1)[0][:80], key=f"name-{digest}", max_chars=80)
    model = right.selectbox("Model", list(MODEL_NAMES), format_func=MODEL_NAMES.get, key=f"model-{digest}")
    labelled = sum(label is not None for label in rows.labels)
    if regression:
        st.error(
            "The labels are numbers on a scale. Predicting numbers is not supported yet: choose another label column."
        )
    if len(labels) < 2:
        st.error(f"A classifier needs at least two classes; {'there is one' if labels else 'there are none'} so far.")
    st.caption(
        f"{labelled:,} labelled rows become base data (20 % of them locked away to judge versions), "
        f"{len(rows.labels) - labelled:,} unlabelled rows become the review queue. "
        f"Classes: {plain(', '.join(labels[:20]))}"
    )
    ready = len(labels) >= 2 and rows.inputs and not regression
    caption = "Create and train the first version" if labelled else "Create the project"
    if st.button(caption, type="primary", disabled=not ready, key=f"create-{digest}"):
        create(name, schema, labels, Settings(estimator=model), rows, train=bool(labelled))
        st.switch_page(PAGES["retrain" if labelled else "overview"])


def add_rows(loop: Loop) -> None:
    """More rows for a project that exists: without a label for the queue, with one for the base data."""
    given = upload("More rows of this project", f"more-{loop.project.id}")
    if given is None:
        names = ", ".join(loop.project.schema.names[:12])
        st.caption(f"The file needs the columns this project learns from: {plain(names)}")
        return
    _, frame, digest = given
    names = [str(column) for column in frame.columns]
    left, right = st.columns(2)
    label = left.selectbox(
        "Label column",
        [None, *names],
        format_func=lambda n: n or "none: they go to the review queue",
        key=f"more-label-{digest}",
    )
    key = right.selectbox(
        "Id column",
        [None, *names],
        format_func=lambda n: n or "none: equal inputs are one item",
        key=f"more-id-{digest}",
    )
    rows, problems = intake.check(
        frame, loop.project.schema, label_column=label, labels=loop.project.labels if label else (), id_column=key
    )
    show_problems(problems, len(rows.inputs))
    if st.button(f"Add {len(rows.inputs):,} rows", type="primary", disabled=not rows.inputs, key=f"add-{digest}"):
        hand_over(loop.project, rows, train=False)
        st.switch_page(PAGES["retrain"])


def settings_form(loop: Loop) -> None:
    """The project's settings, each with its reason."""
    now = loop.project.settings
    with st.form("settings", border=False):
        threshold = st.number_input(
            "Corrections that make a retrain due", 1, 1_000_000, now.retrain_threshold,
            help="Confirmations do not count.",
        )  # fmt: skip
        audit = st.slider(
            "Audit share of review draws", 0, 50, round(100 * now.audit_share), format="%d %%",
            help="Drawn uniformly at random and shown without the prediction: the only honest sample of what comes in.",
        )  # fmt: skip
        policy = st.segmented_control(
            "The gate promotes", ["strict", "balanced", "manual"], default=now.policy, required=True,
            help="strict: only a proven gain. balanced: also a probable gain with a real loss excluded. manual: never "
            "by itself.",
        )  # fmt: skip
        models = [name for name in BUILDERS if name in MODEL_NAMES or name == now.estimator]
        model = st.selectbox("Model of the next version", models, models.index(now.estimator),
                             format_func=lambda n: MODEL_NAMES.get(n, n.replace("_", " ")))  # fmt: skip
        if st.form_submit_button("Save", type="primary"):
            params = now.params if model == now.estimator else {}
            changed = replace(
                now,
                retrain_threshold=int(threshold),
                audit_share=audit / 100,
                policy=policy,
                estimator=model,
                params=params,
            )
            store().projects.update(loop.project, settings=changed, now=time.time(), actor=reviewer())
            st.session_state["message"] = "Settings saved."
            st.rerun()


def export(loop: Loop) -> None:
    """Everything out again, in three formats."""
    what = st.segmented_control(
        "What", ["items", "predictions", "feedback"], default="items", required=True, key="what"
    )
    form = st.segmented_control("Format", list(exports.FORMATS), default="csv", required=True, key="form")
    chosen = exports.FORMATS[form]

    def produce() -> bytes:
        rows = insights.export_rows(loop.store, loop.project, what)
        return exports.export(rows, insights.export_columns(loop.project, what), form)

    st.download_button(
        f"Download {what}",
        produce,
        file_name=f"{loop.project.name}-{what}.{chosen.extension}",
        mime=chosen.mime,
        icon=":material/download:",
        on_click="ignore",
        key="export",
        help="Made when you press. Cells that a spreadsheet would run as a formula are made harmless in CSV.",
    )


st.title("Setup")
show_message()
project_name = st.session_state.get("project")
sections = ["New project"] if project_name is None else ["New project", "Add rows", "Settings", "Export"]
section = st.segmented_control(
    "Section", sections, default=sections[0], required=True, label_visibility="collapsed", key="section"
)
try:
    if section == "New project":
        new_project()
    else:
        loop = Loop(store(), store().projects.named(project_name))
        st.caption(f"Project: {plain(loop.project.name)}")
        {"Add rows": add_rows, "Settings": settings_form, "Export": export}[section](loop)
except FeedbackError as error:
    st.error(plain(str(error)))
