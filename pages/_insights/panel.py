"""One chart: the finding as its title, then the figure, the numbers behind it, and the ways on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from feedback_core import charts
from feedback_core.exports import export
from feedback_core.types import Interval
from pages._shared import PAGES, plain


@dataclass(frozen=True)
class Way:
    """A way on to a page with its filters set. state: what the page's widgets shall hold."""

    label: str
    page: str
    state: Mapping[str, Any] = field(default_factory=dict)
    icon: str = ":material/arrow_forward:"


def panel(
    title: str,
    key: str,
    figure: Any,
    table: Mapping[str, Sequence[Any]],
    note: str,
    ways: Sequence[Way] = (),
    columns: Mapping[str, Any] | None = None,
    **chart: Any,
) -> Any:
    """Gives what was selected on the figure, where `chart` says on_select."""
    with st.container(border=True):
        st.subheader(plain(title))
        event = st.plotly_chart(figure, key=key, alt=title, config=charts.download(key.replace("_", "-")), **chart)
        st.caption(note)
        footer(title, key, table, ways, columns)
    return event


def footer(
    title: str,
    key: str,
    table: Mapping[str, Sequence[Any]],
    ways: Sequence[Way] = (),
    columns: Mapping[str, Any] | None = None,
    *,
    numbers: bool = True,
) -> None:
    """The download and the ways on in one row, and the numbers to unfold below it, as wide as the chart."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", partial(as_csv, table), f"{key.replace('_', '-')}.csv", "text/csv", key=f"{key}_csv",
            icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip
        for n, way in enumerate(ways):
            follow(way, f"{key}_way{n}")
    if numbers:
        with st.expander("Numbers", icon=":material/table:"):
            st.dataframe(table, hide_index=True, alt=f"Numbers behind: {title}", column_config=columns)


def follow(way: Way, key: str) -> None:
    """A button that leads somewhere with filters set. Not a link: filters are in the session, not the address."""
    if st.button(plain(way.label), icon=way.icon, type="tertiary", key=key):
        for name, value in way.state.items():
            st.session_state[name] = value
        st.switch_page(PAGES[way.page])


def to_predictions(label: str, project_id: int, **filters: Any) -> Way:
    """A way to Predictions. filters: by the names of its widgets without `items_`; the others are put back."""
    usual = {"state": "open", "sort": "priority", "marks": [], "predicted": None, "confidence": 100, "search": ""}
    state = {f"items_{name}": value for name, value in (usual | {"features": []} | filters).items()}
    return Way(label, "predictions", state | {"items_of": project_id}, ":material/table_view:")


def as_csv(table: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as a CSV file; an interval becomes four columns."""
    flat = dict(_flat(table))
    rows = (dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True))
    return export(rows, list(flat), "csv")


def _flat(table: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Sequence[Any]]]:
    for name, values in table.items():
        if not any(isinstance(value, Interval) for value in values):
            yield name, values
            continue
        for part in ("value", "low", "high", "n"):
            yield f"{name} {part}", [None if value is None else getattr(value, part) for value in values]
