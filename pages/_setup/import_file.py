"""A file of another program on its way in: what it is, what becomes of it, a look before anything is taken in."""

import hashlib
import io
import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from feedback_core import incoming, staging
from feedback_core.formats import FORMATS
from feedback_core.loop import Loop
from pages._people import acting, locked
from pages._setup.outcome import last_outcome
from pages._shared import PAGES, counted, plain

BECOME = {
    "entries": (
        "entries by those people",
        "Weighed against other reviewers; they can be undone, and train the model.",
    ),
    "labels": (
        "base truth",
        "Versions learn from them, and some are locked away to judge versions.",
    ),
}


@st.cache_data(show_spinner="Looking at the fields", max_entries=4)
def _fields(_data: bytes, digest: str, _loop: Loop, project_id: int, format: str) -> tuple[str, ...]:
    """Fields of the first records; cached by content and format."""
    return incoming.fields(io.BytesIO(_data), _loop.project, format)


@st.cache_data(show_spinner="Reading the whole file", max_entries=4)
def _look(_data: bytes, digest: str, _loop: Loop, project: tuple[Any, ...], choices: dict[str, Any]) -> incoming.Look:
    """What would become of the file; cached by content, choices, and how far the project is."""
    return incoming.look(_loop.store, _loop.project, io.BytesIO(_data), incoming.Choices(**choices))


def import_file(loop: Loop) -> None:
    """Format, file, choices, the look, and the button; below it what became of the last file."""
    formats = [name for name in FORMATS if FORMATS[name].read is not None]
    format = st.segmented_control(
        "Made by",
        formats,
        default="label-studio",
        required=True,
        key="import-format",
        format_func=lambda name: FORMATS[name].title,
    )
    st.caption(FORMATS[format].help)
    uploaded = st.file_uploader(
        f"A file of it ({', '.join(FORMATS[format].accepts)}), up to 200 MB",
        type=[ending.removeprefix(".") for ending in FORMATS[format].accepts],
        key=f"import-{loop.project.id}-{format}",
        **locked("add items", loop),
    )
    if uploaded is None:
        st.caption("Nothing is stored before you have seen what would become of it.")
        last_outcome(loop)
        return
    data = uploaded.getvalue()
    _chosen(loop, format, data, hashlib.sha256(data).hexdigest()[:16])


def _chosen(loop: Loop, format: str, data: bytes, digest: str) -> None:
    """The choices about one file, the look they lead to, and the button."""
    key, project = f"{format}-{digest}-{loop.project.id}", _state(loop)
    fields = _fields(data, digest, loop, loop.project.id, format)
    columns = _columns(loop, fields, key)
    become = st.radio(
        "What people's answers become",
        list(BECOME),
        format_func=lambda name: BECOME[name][0],
        captions=[says for _, says in BECOME.values()],
        horizontal=True,
        key=f"become-{key}",
    )
    nameless = st.text_input(
        "Who gave labels that bear no name",
        placeholder="nobody in particular: they become base truth",
        key=f"nameless-{key}",
        help="Their entries, where a name is given. Empty: these labels become base truth.",
    )
    given = incoming.Choices(format, become, columns, nameless=nameless.strip())
    before = _look(data, digest, loop, project, given.to_dict())
    names = _people(before.report.people, key) if become == "entries" and before.report.people else {}
    labels = _labels(before.report.unknown, key) if before.report.unknown else []
    guesses = bool(before.guesses) and _guesses(before.guesses, key)
    choices = incoming.Choices(format, become, columns, names, nameless.strip(), tuple(labels), guesses)
    look = _look(data, digest, loop, project, choices.to_dict())
    show(look)
    said = f", {counted(look.guesses.total(), 'prediction')}" if look.guesses else ""
    caption = f"Take in {counted(look.new, 'item')}{said} and {counted(look.entries + look.votes, 'answer')}"
    lock = locked("add items", loop, disabled=look.empty or bool(look.stopped))
    if st.button(caption, type="primary", key=f"take-{key}", **lock):
        hand_over(loop, data, choices)
        st.switch_page(PAGES["retrain"], query_params={"project": loop.project.name})


def _state(loop: Loop) -> tuple[Any, ...]:
    """What a look at a file depends on beside it."""
    items = loop.store.tallies.of(loop.project.id, "items")
    newest = [entry.id for entry in loop.store.feedback.latest(loop.project.id, 1)]
    return loop.project.id, loop.project.labels, sorted(items.items()), newest


def _columns(loop: Loop, fields: Sequence[str], key: str) -> Mapping[str, str]:
    """The field of each column; asked for where it bears another name."""
    matched = incoming.matched(loop.project, fields)
    absent = [name for name in loop.project.schema.names if name not in fields]
    found = {}
    for name in absent[:20]:
        likely = matched.get(name)
        chosen = st.selectbox(
            f"Field that holds {plain(name)}",
            fields,
            index=fields.index(likely) if likely else None,
            placeholder="choose one",
            key=f"column-{name}-{key}",
        )
        found |= {name: chosen} if chosen is not None else {}
    return found


def _people(counts: Mapping[str, int], key: str) -> dict[str, str]:
    """Names here of the people in the file, where somebody writes another one."""
    st.caption("People in the file. Write another name in the last column where somebody is known by it here.")
    table = [{"In the file": name, "Answers": n, "Here": name} for name, n in sorted(counts.items())]
    edited = st.data_editor(
        table, disabled=["In the file", "Answers"], hide_index=True, key=f"people-{key}", width="content"
    )
    return {
        row["In the file"]: row["Here"].strip()
        for row in edited
        if row["Here"] and row["Here"].strip() and row["Here"] != row["In the file"]
    }


def _labels(counts: Mapping[str, int], key: str) -> list[str]:
    """Unknown labels that shall be labels of the project."""
    told = ", ".join(f"{plain(name)} ({n:,})" for name, n in sorted(counts.items(), key=lambda each: -each[1])[:20])
    st.warning(f"Not labels of this project: {told}. Their answers are left out unless you add them.")
    return st.multiselect("Labels to add to the project", sorted(counts), key=f"labels-{key}")


def _guesses(counts: Mapping[str, int], key: str) -> bool:
    """Whether what models say in the file is taken in."""
    listed = ", ".join(f"{plain(name)} ({n:,})" for name, n in sorted(counts.items(), key=lambda each: -each[1])[:5])
    more = f" and {len(counts) - 5:,} more" if len(counts) > 5 else ""
    return st.checkbox(
        f"Take in what models say in the file: {listed}{more}",
        value=True,
        key=f"guesses-{key}",
        help="Each becomes a version that is known by its predictions alone. It is judged once 80 % of the locked rows "
        "have one, and orders the queue once it serves. A score is taken for the probability of its label.",
    )


def show(look: incoming.Look) -> None:
    """What would become of a file: counts, the first records, and what is left out with the reason."""
    report = look.report
    cells = (
        ("Records", report.records, "In the file."),
        ("New items", look.new, "With an input or key that is not here yet."),
        ("Known items", look.known, "Stay as they are; what people say about them can come in."),
        ("Entries", look.entries, "Answers of people that would be stored as theirs."),
        ("Base truth", look.votes, "Labels that would become base data, locked rows among them."),
        ("Here already", look.back, "Answers that were taken in before, or went out from here."),
    )
    for column, (title, n, says) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(title, f"{n:,}", help=says)
    if look.stopped:
        st.error(plain(look.stopped))
    if look.first:
        st.caption("The first records:")
        st.dataframe(look.first, hide_index=True, height=220, alt="First records of the file")
    if report.problems:
        st.warning(f"{counted(report.problems_in_all, 'thing')} left out; the rest can be taken in.")
        listed = [{"Where": each.column, "Value": each.value, "What": each.what} for each in report.problems]
        height = min(220, 38 + 35 * len(listed))
        st.dataframe(listed, hide_index=True, height=height, alt="What is left out, and why")
    elif report.records and not look.empty:
        st.success("Everything in the file can be taken in.")


def hand_over(loop: Loop, data: bytes, choices: incoming.Choices) -> None:
    """Give the file to the worker."""
    by = acting("add items", loop)
    if choices.guesses:
        acting("bring model", loop)
    staged = staging.put(io.BytesIO(data), staging.folder(loop.store.artifacts))
    payload = {"file": staged, "choices": choices.to_dict()}
    loop.store.jobs.request(loop.project.id, "import file", trigger="upload", by=by, now=time.time(), payload=payload)
