"""Everything out again: tables, and files of other programs."""

from collections.abc import Sequence

import streamlit as st

from feedback_core import exports, insights, mlflow_model, outgoing
from feedback_core.formats import FORMATS, label_studio
from feedback_core.loop import Loop
from pages._people import guarded, locked
from pages._shared import plain

ALBUM = "csv with the pictures (zip)"


def export(loop: Loop) -> None:
    """Rows in a format, and the model that serves."""
    _rows(loop)
    _model(loop)


def _album(loop: Loop, pictures: Sequence[str]) -> None:
    """Items as CSV with their picture files, which can be taken in again as it is."""

    def produce() -> bytes:
        rows = insights.export_rows(loop.store, loop.project, "items")
        columns = insights.export_columns(loop.project, "items")
        return b"".join(exports.write_album(rows, columns, pictures, loop.store.shelf))

    st.download_button(
        "Download items",
        guarded("export", loop, produce),
        file_name=f"{loop.project.name}-items.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="export",
        **locked("export", loop, help="Made when you press."),
    )


def _model(loop: Loop) -> None:
    """The champion as an MLflow model."""
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        return

    def produce() -> bytes:
        return b"".join(mlflow_model.pieces(loop.store, loop.project, champion))

    st.download_button(
        f"Download version {champion.number} as an MLflow model",
        guarded("export", loop, produce),
        file_name=f"{loop.project.name}-v{champion.number}-mlflow.zip",
        mime="application/zip",
        icon=":material/deployed_code:",
        on_click="ignore",
        key="export-mlflow",
        **locked(
            "export",
            loop,
            disabled=not mlflow_model.available() or not champion.artifact,
            help="A folder, as a ZIP, that mlflow.pyfunc.load_model opens and that predicts like the version."
            if mlflow_model.available()
            else mlflow_model.MISSING,
        ),
    )


def _rows(loop: Loop) -> None:
    """What, in which format with a line about it, and the button."""
    what = st.segmented_control(
        "What",
        ["items", "inputs", "predictions", "feedback"],
        default="items",
        required=True,
        key="what",
        help="Items can also go to other programs, with what the model and each person say about them.",
    )
    others = [name for name in FORMATS if FORMATS[name].write is not None and name not in exports.FORMATS]
    names = [name for name in (*exports.FORMATS, *others) if what in FORMATS[name].holds]
    pictures = [column.name for column in loop.project.schema.columns if column.files]
    form = st.segmented_control(
        "Format",
        [*names, *([ALBUM] if pictures and what == "items" else [])],
        default="csv",
        required=True,
        key=f"form-{what}",
        format_func=lambda name: name if name == ALBUM else FORMATS[name].title,
    )
    if form == ALBUM:
        _album(loop, pictures)
        return
    chosen = FORMATS[form]
    st.caption(chosen.help)
    if why := chosen.unfit(loop.project):
        st.info(plain(f"{why}: choose another format."), icon=":material/info:")

    def produce() -> bytes:
        return b"".join(outgoing.pieces(loop.store, loop.project, what, form))

    st.download_button(
        f"Download {what}",
        guarded("export", loop, produce),
        file_name=outgoing.filename(loop.project, what, form),
        mime=chosen.mime,
        icon=":material/download:",
        on_click="ignore",
        key="export",
        **locked(
            "export",
            loop,
            disabled=bool(why),
            help="Made when you press. Predictions that must not be seen before their item is decided are left out.",
        ),
    )
    if form == "label-studio" and not why:
        with st.expander("The labelling set-up that goes with it: paste it in Label Studio", icon=":material/code:"):
            st.caption("In Label Studio: Settings, Labeling Interface, Code. Then import the file.")
            st.code(label_studio.config(loop.project), language="xml")
