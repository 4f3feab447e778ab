"""Nothing but what a model elsewhere says about items: a file of it, taken in here, or by the worker if it is large."""

import hashlib
import io
import time

import streamlit as st

from feedback_core import brought, outside, staging
from feedback_core.errors import InvalidFile
from feedback_core.loop import Loop
from pages._people import acting, locked
from pages._shared import PAGES, ago, counted, plain, tell_done

AT_ONCE = 1_000_000
"""Bytes of a file of predictions that the page takes in by itself: 14,000 rows, 0.9 s of CPU; 100,000 take 6.6."""

SHOWN_BYTES = 20_000
"""From the start of a larger one, to show what it holds."""


def predictions(loop: Loop) -> None:
    """The file, its first rows, the name of the version, and the button; before a file is there, how one looks."""
    uploaded = st.file_uploader(
        "Predictions: CSV, Parquet or JSON Lines, up to 200 MB",
        type=["csv", "tsv", "gz", "parquet", "jsonl", "ndjson"],
        key=f"bring-said-{loop.project.id}",
        **locked("bring model", loop),
    )
    if uploaded is None:
        _example(loop)
        last_said(loop)
        return
    data = uploaded.getvalue()
    start = data if len(data) <= AT_ONCE else beginning(data, uploaded.name)
    said, named = _read(start, uploaded.name, whole=start is data)
    _first(said, whole=start is data)
    name = st.text_input(
        "Name of the version that said this",
        named,
        placeholder="support-llm-2026-11",
        help="More predictions under the same name add to the same version.",
        key=f"bring-name-{loop.project.id}-{uploaded.file_id}",
    )
    lock = locked("bring model", loop)
    if st.button("Import and judge", type="primary", icon=":material/upload:", key="bring-import", **lock):
        if start is data:
            tell_done(" ".join(brought.predictions(loop, said, name, acting("bring model", loop)).says))
        else:
            hand_over(loop, data, uploaded.name, name)
            tell_done("The worker takes them in; what became of them is told here and on Setup, Bring a model.")
        st.switch_page(PAGES["retrain"], query_params={"project": loop.project.name})


def _read(start: bytes, filename: str, *, whole: bool) -> tuple[list[outside.Said], str]:
    """The predictions in a file or in its beginning; none for a beginning that cannot be read by itself."""
    try:
        return read(start, filename, hashlib.sha256(start).hexdigest()[:16]) if start else ([], "")
    except InvalidFile:
        if whole:
            raise
        return [], ""  # it may end within a cell of several lines: the worker reads the whole file


def _example(loop: Loop) -> None:
    if loop.project.task == "regression":
        st.caption(
            "One row an item: **item** (its key, as *Export*, *inputs* has it), **value**, and where the model gives "
            "one its standard deviation as **spread**. In JSON Lines:"
        )
        st.code('{"item": "flat-17", "value": 412.5, "spread": 31.0}', language="json")
        return
    st.caption(
        "One row an item: **item** (its key, as *Export*, *inputs* has it), **label**, and where the model gives "
        "them a column **proba yes** for every label. In JSON Lines:"
    )
    st.code('{"item": "ticket-17", "label": "yes", "probabilities": {"yes": 0.9, "no": 0.1}}', language="json")


def _first(said: list[outside.Said], *, whole: bool) -> None:
    """The first predictions of a file, and how many there are where all of it has been read."""
    if whole:
        lacking = "a spread" if any(e.value is not None for e in said) else "probabilities"
        bare = sum(e.probabilities is None and e.spread is None for e in said)
        without = f"{bare:,} of them" if bare else "none"
        st.caption(f"{counted(len(said), 'prediction')}, {without} without {lacking}. The first:")
    else:
        what = "A large file: the worker reads it, and nothing of it is stored where a row does not fit."
        st.caption(f"{what} The first:" if said else what)
    shown = [
        {"Item": str(e.item), "Label": e.label, **dict(e.probabilities or {}), "Value": e.value, "Spread": e.spread}
        for e in said[:20]
    ]
    kept = {name for row in shown for name, value in row.items() if value is not None}
    rows = [{name: value for name, value in row.items() if name in kept} for row in shown]
    if rows:
        st.dataframe(rows, hide_index=True, height=min(220, 38 + 35 * len(rows)), alt="The first predictions")


def beginning(data: bytes, filename: str) -> bytes:
    """The first whole lines of a large file; empty for one that has none."""
    lines = filename.lower().endswith((".jsonl", ".ndjson", ".csv", ".tsv"))
    return data[:SHOWN_BYTES].rpartition(b"\n")[0] if lines else b""


def hand_over(loop: Loop, data: bytes, filename: str, name: str) -> None:
    """Give a large file of predictions to the worker."""
    by = acting("bring model", loop)
    staged = staging.put(io.BytesIO(data), staging.folder(loop.store.artifacts))
    payload = {"file": staged, "filename": filename, "name": name.strip()}
    given = {"trigger": "upload", "by": by, "now": time.time(), "payload": payload}
    loop.store.jobs.request(loop.project.id, "import predictions", **given)


def last_said(loop: Loop) -> None:
    """What became of the newest large file of predictions; nothing before the first."""
    latest = loop.store.jobs.latest(loop.project.id)
    job = next(
        (each for each in latest if each.kind == "import predictions" and each.state in ("done", "failed")), None
    )
    if job is not None:
        told = job.error if job.state == "failed" else " ".join((job.result or {}).get("says", ()))
        st.caption(f"The last large file, {ago(job.finished_at)}: {plain(told or '')}")


@st.cache_data(show_spinner="Reading the file", max_entries=2)
def read(_data: bytes, filename: str, digest: str) -> tuple[list[outside.Said], str]:
    """The predictions in an uploaded file; cached by its content."""
    return outside.from_file(_data, filename)
