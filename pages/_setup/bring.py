"""Bring a model: one that was fitted elsewhere, or nothing but what it says."""

import hashlib

import streamlit as st

from feedback_core import brought, outside
from feedback_core.loop import Loop
from pages._people import acting, locked
from pages._setup.address import address
from pages._shared import PAGES, counted, plain, tell_done

MODELS_FOR = ("classification", "regression")
WAYS = {
    "A fitted model": "A file that this server can run: it scores the items, and is judged like any version.",
    "Its address": "A model that lives on another server: it is asked about the items, and may be asked to learn.",
    "Its predictions": "Nothing but what it says about items. Enough for anything, a language model included.",
}


def bring_model(loop: Loop) -> None:
    """The ways that this project's task allows, one at a time."""
    if loop.project.task not in MODELS_FOR:
        st.info("Models from elsewhere tell classes apart or give numbers: this project asks for neither.")
        return
    ways = [way for way in WAYS if way == "A fitted model" or loop.project.task == "classification"]
    way = st.segmented_control(
        "What you have", ways, default=ways[0], required=True, key=f"bring-way-{loop.project.id}"
    )
    st.caption(WAYS[way])
    if way == "A fitted model":
        _file(loop)
    elif way == "Its address":
        address(loop)
    else:
        _predictions(loop)
    st.info(
        "Nobody here knows which rows a model from elsewhere was trained on. If the locked rows were among them, its "
        "score there is too good: go by the audit sample, which reviewers label blind after it came in.",
        icon=":material/info:",
    )


def _file(loop: Loop) -> None:
    uploaded = st.file_uploader(
        "A model as a .skops file (scikit-learn), .txt (LightGBM), .json or .ubj (XGBoost), or .onnx (any framework)",
        type=None,
        key=f"bring-file-{loop.project.id}",
        **locked("bring model", loop),
    )
    st.caption("A pickle is refused, because loading it would run its code. To write the safe kind:")
    st.code("import skops.io\nskops.io.dump(model, 'model.skops')", language="python")
    renamed = _renamed(loop) if loop.project.labels else ""
    lock = locked("bring model", loop, disabled=uploaded is None)
    pressed = st.button("Import and judge", type="primary", icon=":material/upload:", key="bring-import", **lock)
    if pressed and uploaded is not None:
        by = acting("bring model", loop)
        found = brought.model(loop, uploaded.getvalue(), uploaded.name, by, brought.renamed(renamed))
        tell_done(" ".join(found.says))
        st.switch_page(PAGES["retrain"], query_params={"project": loop.project.name})


def _renamed(loop: Loop) -> str:
    return st.text_input(
        "Its labels, where they are called otherwise",
        placeholder="0=no, 1=yes",
        help=f"What the model says = label of this project ({', '.join(map(plain, loop.project.labels[:10]))}). Files "
        "of LightGBM and XGBoost know their classes by number alone: 0 is the first one.",
        key=f"bring-labels-{loop.project.id}",
    )


def _predictions(loop: Loop) -> None:
    uploaded = st.file_uploader(
        "Predictions: CSV, Parquet or JSON Lines, up to 200 MB",
        type=["csv", "tsv", "gz", "parquet", "jsonl", "ndjson"],
        key=f"bring-said-{loop.project.id}",
        **locked("bring model", loop),
    )
    if uploaded is None:
        st.caption(
            "One row an item: **item** (its key, as *Export*, *inputs* has it), **label**, and where the model gives "
            "them a column **proba yes** for every label. In JSON Lines:"
        )
        st.code('{"item": "ticket-17", "label": "yes", "probabilities": {"yes": 0.9, "no": 0.1}}', language="json")
        return
    data = uploaded.getvalue()
    said, named = read(data, uploaded.name, hashlib.sha256(data).hexdigest()[:16])
    bare = sum(each.probabilities is None for each in said)
    without = f"{bare:,} of them" if bare else "none"
    st.caption(f"{counted(len(said), 'prediction')}, {without} without probabilities. The first:")
    shown = [{"Item": str(e.item), "Label": e.label, **dict(e.probabilities or {})} for e in said[:20]]
    st.dataframe(shown, hide_index=True, height=min(220, 38 + 35 * len(shown)), alt="The first predictions")
    name = st.text_input(
        "Name of the version that said this",
        named,
        placeholder="support-llm-2026-11",
        help="More predictions under the same name add to the same version.",
        key=f"bring-name-{loop.project.id}-{uploaded.file_id}",
    )
    lock = locked("bring model", loop)
    if st.button("Import and judge", type="primary", icon=":material/upload:", key="bring-import", **lock):
        found = brought.predictions(loop, said, name, acting("bring model", loop))
        tell_done(" ".join(found.says))
        st.switch_page(PAGES["retrain"], query_params={"project": loop.project.name})


@st.cache_data(show_spinner="Reading the file", max_entries=2)
def read(_data: bytes, filename: str, digest: str) -> tuple[list[outside.Said], str]:
    """The predictions in an uploaded file; cached by its content."""
    return outside.from_file(_data, filename)
