"""What a project's versions are judged on beside accuracy: segments, and what each mistake costs."""

from typing import Any

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.settings import Settings

MOST_LABELS = 12
"""Labels up to which the costs are a table to type into; larger ones are set from Python."""


def judging(loop: Loop) -> dict[str, Any]:
    """The fields that need more than one widget of their own kind; gives the settings they stand for."""
    project, now = loop.project, loop.project.settings
    changed: dict[str, Any] = {}
    columns = [column.name for column in project.schema.of_kind("category")]
    if columns:
        changed["segments"] = tuple(
            st.multiselect(
                "Segments",
                columns,
                list(now.segments),
                key=f"setting-segments-{project.id}",
                help=Settings.__dataclass_fields__["segments"].metadata["help"],
                placeholder="none",
            )
        )
    if len(project.labels) <= MOST_LABELS and now.metric == "cost":
        changed["costs"] = _costs(project.labels, now.costs, f"setting-costs-{project.id}")
    return changed


def _costs(labels: tuple[str, ...], costs: Any, key: str) -> dict[str, dict[str, float]]:
    st.caption("**Costs**: what it costs to say the column's label where the row's is true.")
    table = [{"True label": a} | {b: costs.get(a, {}).get(b, float(a != b)) for b in labels} for a in labels]
    columns = {b: st.column_config.NumberColumn(b, min_value=0.0, required=True) for b in labels}
    shown = st.data_editor(table, key=key, hide_index=True, disabled=["True label"], column_config=columns)
    return {row["True label"]: {b: float(row[b]) for b in labels} for row in shown}
