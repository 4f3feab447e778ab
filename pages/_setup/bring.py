"""Bring a model: one that was fitted elsewhere, or nothing but what it says."""

import streamlit as st

from feedback_core import brought
from feedback_core.loop import Loop
from pages._people import acting, locked
from pages._setup.address import address
from pages._setup.predictions import predictions
from pages._shared import PAGES, plain, tell_done

SAFE = """import skops.io
skops.io.dump(model, 'model.skops')       # scikit-learn
model.booster_.save_model('model.txt')    # LightGBM
model.save_model('model.json')            # XGBoost"""

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
    way = st.segmented_control(
        "What you have", list(WAYS), default=next(iter(WAYS)), required=True, key=f"bring-way-{loop.project.id}"
    )
    st.caption(WAYS[way])
    if way == "A fitted model":
        _file(loop)
    elif way == "Its address":
        address(loop)
    else:
        predictions(loop)
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
    st.code(SAFE, language="python")
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
