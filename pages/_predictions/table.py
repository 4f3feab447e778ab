"""Items as rows of a table."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from feedback_core.number_views import told
from feedback_core.types import Item, Project
from pages._label_sets import is_set
from pages._shared import STATE_NAMES, preview, thumbnail, title_of


def rows_of(project: Project, items: Sequence[Item]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One row an item, and how its columns are shown. What the audit keeps blind is left empty."""
    images = any(column.kind == "image" for column in project.schema.columns)
    return [_row(project, item, images) for item in items], _columns(project)


def _columns(project: Project) -> dict[str, Any]:
    return SET_COLUMNS if is_set(project) else COLUMNS if project.labels else NUMBER_COLUMNS


COLUMNS = {
    "Image": st.column_config.ImageColumn("Image", width="small"),
    "Input": st.column_config.TextColumn("Input", width=330),
    "Prediction": st.column_config.TextColumn(
        "Prediction", help="Empty for items of the audit sample until they are reviewed"
    ),
    "Confidence": st.column_config.ProgressColumn(
        "Confidence", format="%.0f %%", min_value=0, max_value=100, help="Probability of the predicted class"
    ),
    "Priority": st.column_config.NumberColumn("Priority", format="%.2f", help="Rank from 0 to 1; 1 is asked first"),
    "Before": st.column_config.TextColumn("Before", help="What the version before predicted"),
    "Label": st.column_config.TextColumn("Label", help="What reviewers or the base data say"),
}


NUMBER_COLUMNS = COLUMNS | {
    "Label": st.column_config.TextColumn("Number", help="What reviewers or the base data say, with its unit")
}

SET_COLUMNS = COLUMNS | {
    "Confidence": st.column_config.ProgressColumn(
        "Confidence", format="%.0f %%", min_value=0, max_value=100,
        help="Chance that all its labels are right: the product of their probabilities",
    ),
    "Prediction": st.column_config.TextColumn(
        "Prediction", width="medium", help="Empty for items of the audit sample until they are reviewed"
    ),
    "Label": st.column_config.TextColumn("Labels", help="What reviewers or the base data say"),
}  # fmt: skip


def _row(project: Project, item: Item, images: bool) -> dict[str, Any]:
    blind = item.hidden
    sure = {"Confidence": None if blind or item.confidence is None else 100 * item.confidence} if project.labels else {}
    return {
        **({"Image": thumbnail(project, item)} if images else {"Input": preview(project, item)}),
        "Prediction": "" if blind else told(project, item.predicted),
        **sure,
        "Priority": item.priority,
        "Label": told(project, item.label or item.base_label),
        "State": STATE_NAMES[item.state],
        "Before": "" if blind else told(project, item.was),
        "Item": title_of(item),
    }
