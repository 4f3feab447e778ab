"""What moved one prediction: columns as bars to either side, patches of an image as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..wording import signed
from .style import AUDIT, CHAMPION, OTHER, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_BARS = 10
"""Columns with a bar of their own; what the others add together is the last bar."""

TOGETHER = ""

TITLES = {
    "log-odds": "What it adds (log-odds)",
    "probability": "What it adds (points of probability)",
    "score": "What it adds to the alarm score",
}

VERBS = {"number": ("raises it", "lowers it"), "score": ("makes it stand out", "is as usual")}
"""What an amount above and below zero does, where it does not push towards a label."""


def contributions(rows: Mapping[str, Sequence[Any]], label: str, unit: str, measure: str = "") -> go.Figure:
    """Bars to the right push towards a label, or raise a number, to the left away from it, the largest on top.

    rows: columns name, value (as text) and amount, the largest first. unit: log-odds, probability, number or score;
    measure: what a number is measured in.
    """
    import plotly.graph_objects as go

    scale = 100 if unit == "probability" else 1
    up, down = VERBS.get(unit, (f"pushes towards {short(label)}", f"pushes away from {short(label)}"))
    names, values = list(rows["name"][:MOST_BARS]), list(rows["value"][:MOST_BARS])
    amounts = [scale * amount for amount in rows["amount"][:MOST_BARS]]
    left = len(rows["name"]) - MOST_BARS
    if left > 0:
        names.append(f"{left} other columns" if left > 1 else "1 other column")
        values.append(TOGETHER)
        amounts.append(scale * sum(rows["amount"][MOST_BARS:]))
    figure = go.Figure(
        go.Bar(
            x=amounts,
            y=[_bar(name, value) for name, value in zip(names, values, strict=True)],
            orientation="h",
            marker_color=[CHAMPION if amount > 0 else AUDIT for amount in amounts],
            text=[_text(amount, unit) for amount in amounts],
            textposition="outside",
            cliponaxis=False,
            customdata=[up if amount > 0 else down for amount in amounts],
            hovertemplate="%{y}<br>%{customdata}: %{text}<extra></extra>",
        )
    )
    widest = max((abs(amount) for amount in amounts), default=1.0) or 1.0
    low, high = min(0.0, *amounts), max(0.0, *amounts)
    figure.update_xaxes(range=[low - 0.22 * widest, high + 0.22 * widest], zeroline=True, zerolinecolor=OTHER)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    finish(figure, _title(unit, measure), "")
    return figure.update_layout(height=90 + 26 * len(names), showlegend=False)


def _title(unit: str, measure: str) -> str:
    return TITLES.get(unit, f"What it adds ({short(measure)})" if measure else "What it adds")


def _text(amount: float, unit: str) -> str:
    if unit == "number":
        return signed(amount)
    return f"{amount:+.1f}" if unit == "probability" else f"{amount:+.2f}"


def _bar(name: str, value: str) -> str:
    return name if value == TOGETHER else f"{short(name)}: {short(value)}"


def patches(heat: Sequence[Sequence[float]], picture: str, label: str, unit: str, measure: str = "") -> go.Figure:
    """Which patches of an image push towards a label, and which away from it, over the image itself.

    heat: rows from the top. picture: the image as a data address.
    """
    import plotly.graph_objects as go

    scale = 100 if unit == "probability" else 1
    rows = [[scale * amount for amount in row] for row in heat]
    most = max((abs(amount) for row in rows for amount in row), default=1.0) or 1.0
    high, wide = len(rows), len(rows[0])
    figure = go.Figure(
        go.Heatmap(
            z=rows,
            zmin=-most,
            zmax=most,
            opacity=0.85,
            colorscale=[(0, AUDIT), (0.5, "rgba(128,128,128,0)"), (1, CHAMPION)],
            colorbar={"title": {"text": _title(unit, measure), "side": "right"}, "thickness": 12},
            hovertemplate=f"row %{{y}}, column %{{x}}: %{{z:+.3g}}{_for(label, unit)}<extra></extra>",
        )
    )
    frame = {"x": -0.5, "y": -0.5, "sizex": wide, "sizey": high, "xref": "x", "yref": "y", "sizing": "stretch"}
    figure.add_layout_image(source=picture, layer="below", **frame)
    finish(figure, "", "")
    figure.update_xaxes(visible=False, range=[-0.5, wide - 0.5])
    figure.update_yaxes(visible=False, range=[high - 0.5, -0.5], scaleanchor="x")
    return figure.update_layout(height=320, showlegend=False)


def _for(label: str, unit: str) -> str:
    return "" if unit in VERBS else f" for {short(label)}"
