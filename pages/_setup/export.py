"""Everything out again, in three formats."""

import streamlit as st

from feedback_core import exports, insights
from feedback_core.loop import Loop
from pages._people import guarded, locked


def export(loop: Loop) -> None:
    """What, in which format, and the button."""
    what = st.segmented_control(
        "What", ["items", "inputs", "predictions", "feedback"], default="items", required=True, key="what"
    )
    form = st.segmented_control("Format", list(exports.FORMATS), default="csv", required=True, key="form")
    chosen = exports.FORMATS[form]

    def produce() -> bytes:
        rows = insights.export_rows(loop.store, loop.project, what)
        return exports.export(rows, insights.export_columns(loop.project, what), form)

    st.download_button(
        f"Download {what}",
        guarded("export", loop, produce),
        file_name=f"{loop.project.name}-{what}.{chosen.extension}",
        mime=chosen.mime,
        icon=":material/download:",
        on_click="ignore",
        key="export",
        **locked(
            "export",
            loop,
            help="Made when you press. Cells that a spreadsheet would run as a formula are made harmless in CSV.",
        ),
    )
