"""What more feedback should bring, and what past feedback brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import BAD, CHAMPION, GOOD, OTHER, bars, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_BARS = 20


def forecast(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """The learning curve so far and its fan ahead: the line, with its 80 % and 95 % intervals.

    rows: columns rows (labels learned from), accuracy, low_80, high_80, low_95, high_95 (0-1, None where measured) and
    kind: `measured` or `forecast`.
    """
    import plotly.graph_objects as go

    measured = [n for n, kind in enumerate(rows["kind"]) if kind == "measured"]
    ahead = [n for n, kind in enumerate(rows["kind"]) if kind == "forecast"]
    figure = go.Figure()
    for share, opacity in ((95, 0.15), (80, 0.25)):
        low, high = ([rows[f"{end}_{share}"][n] for n in ahead] for end in ("low", "high"))
        x = [rows["rows"][n] for n in ahead]
        figure.add_scatter(
            x=x + x[::-1], y=high + low[::-1], fill="toself", mode="lines", line={"width": 0},
            fillcolor=f"rgba(67,97,238,{opacity})", name=f"{share} % interval", hoverinfo="skip",
        )  # fmt: skip
    for chosen, name, mode, dash in (
        (measured, "Measured by refits", "markers", "solid"),
        (ahead, "Forecast", "lines", "dash"),
    ):
        figure.add_scatter(
            x=[rows["rows"][n] for n in chosen], y=[rows["accuracy"][n] for n in chosen], mode=mode, name=name,
            line={"color": CHAMPION, "dash": dash}, marker={"color": CHAMPION, "size": 9},
            hovertemplate="%{x:,} labels: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%")
    return finish(figure, "Labels learned from", "Accuracy on the locked rows")


def certificate(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Accuracy of what goes without review by its share of the open items, its proved lower bound, and the promise.

    rows: columns threshold, share, accuracy, bound, target (0-1), rows, and held.
    """
    import plotly.graph_objects as go

    order = sorted(range(len(rows["share"])), key=lambda n: rows["share"][n])
    share, accuracy, bound = ([rows[name][n] for n in order] for name in ("share", "accuracy", "bound"))
    facts = [(rows["threshold"][n], rows["rows"][n]) for n in order]
    figure = go.Figure()
    figure.add_scatter(
        x=share, y=accuracy, mode="lines", name="Right on the random draws", line={"color": OTHER, "dash": "dot"},
        customdata=facts, hovertemplate="%{y:.1%} of %{customdata[1]:,} draws right<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=share, y=bound, mode="lines+markers", name="Proved at least", line={"color": CHAMPION},
        marker={"color": [GOOD if rows["held"][n] else BAD for n in order], "size": 8},
        customdata=facts,
        hovertemplate="confidence %{customdata[0]:.1%} and more: at least %{y:.1%} right<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=rows["target"][0], line={"color": OTHER, "dash": "dash"}, annotation_text="promise")
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(tickformat=".1%")
    return finish(figure, "Share of the open items without review", "Predictions that are right")


def credit(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Points of accuracy that each group of feedback brought, with 95 % intervals; grey: not distinguishable from 0.

    rows: columns by (what the groups divide), group, points, low, high, and clear (told from zero). At most MOST_BARS
    groups are drawn, those that are clear first, then the largest.
    """
    import plotly.graph_objects as go

    order = sorted(range(len(rows["group"])), key=lambda n: (not rows["clear"][n], -abs(rows["points"][n])))[:MOST_BARS]
    order.sort(key=lambda n: (rows["by"].index(rows["by"][n]), -rows["points"][n]))
    names = [f"{rows['by'][n]}: {short(str(rows['group'][n]))}" for n in order]
    points, low, high = ([rows[name][n] for n in order] for name in ("points", "low", "high"))
    colours = [OTHER if not rows["clear"][n] else GOOD if rows["points"][n] > 0 else BAD for n in order]
    figure = go.Figure(
        go.Bar(
            x=points, y=names, orientation="h", marker_color=colours,
            error_x=bars(points, low, high),
            customdata=list(zip(low, high, strict=True)),
            hovertemplate="%{y}: %{x:+.1f} points (%{customdata[0]:+.1f} to %{customdata[1]:+.1f})<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(type="category", autorange="reversed")
    finish(figure, "Points of accuracy it brought", "")
    return figure.update_layout(height=110 + 34 * len(names), showlegend=False)
