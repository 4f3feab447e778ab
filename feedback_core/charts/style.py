"""What all figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

PART_COLOURS = ("#4361EE", "#F2A65A", "#2A9D8F", "#B56576")
CHAMPION, OTHER, AUDIT = "#4361EE", "#8D99AE", "#F2A65A"
GOOD, BAD = "#2A9D8F", "#E4572E"


def download(name: str) -> dict[str, Any]:
    """Plotly's settings for a figure whose camera is always in sight; it saves `name`.png at twice the size."""
    return {
        "displayModeBar": True,
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
    }


def short(label: str) -> str:
    """A label of at most 24 characters. Plotly reads labels as markup: brackets are shown, never obeyed."""
    text = label if len(label) <= 24 else label[:23] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bars(values: Sequence[float], low: Sequence[float], high: Sequence[float]) -> dict[str, Any]:
    """Error bars from the ends of intervals."""
    return {
        "type": "data",
        "array": [top - value for top, value in zip(high, values, strict=True)],
        "arrayminus": [value - bottom for bottom, value in zip(low, values, strict=True)],
        "thickness": 1.4,
        "color": OTHER,  # the default is black, which a dark page swallows
    }


def finish(figure: go.Figure, x: str, y: str) -> go.Figure:
    """Size, margins and axis titles that all figures share."""
    figure.update_layout(
        height=340,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": OTHER, "activecolor": CHAMPION},
        xaxis_title=x,
        yaxis_title=y,
    )
    return figure
