"""Everything out again, in three formats."""

import streamlit as st

from feedback_core import exports, insights
from feedback_core.loop import Loop
from pages._people import guarded, locked

ALBUM = "csv with the pictures (zip)"


def export(loop: Loop) -> None:
    """What, in which format, and the button."""
    what = st.segmented_control(
        "What", ["items", "inputs", "predictions", "feedback"], default="items", required=True, key="what"
    )
    pictures = [column.name for column in loop.project.schema.columns if column.files]
    forms = [*exports.FORMATS, *([ALBUM] if pictures and what == "items" else [])]
    form = st.segmented_control("Format", forms, default="csv", required=True, key="form")
    with_pictures = form == ALBUM
    chosen = exports.FORMATS["csv" if with_pictures else form]

    def produce() -> bytes:
        rows = insights.export_rows(loop.store, loop.project, what)
        if with_pictures:
            columns = insights.export_columns(loop.project, what)
            return b"".join(exports.write_album(rows, columns, pictures, loop.store.shelf))
        return exports.export(rows, insights.export_columns(loop.project, what), form)

    st.download_button(
        f"Download {what}",
        guarded("export", loop, produce),
        file_name=f"{loop.project.name}-{what}{'.zip' if with_pictures else chosen.extension}",
        mime="application/zip" if with_pictures else chosen.mime,
        icon=":material/download:",
        on_click="ignore",
        key="export",
        **locked(
            "export",
            loop,
            help="Made when you press. Cells that a spreadsheet would run as a formula are made harmless in CSV.",
        ),
    )
