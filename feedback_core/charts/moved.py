"""What moved between two versions: how much columns count, and the effect of one along its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import CHAMPION, OTHER, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 12
"""Columns that are drawn, those that moved most."""

SIZES = {"log-odds": "log-odds", "probability": "points", "score": "alarm score"}
"""What amounts are measured in, in short; numbers have a measure of their own."""


def moved(rows: Mapping[str, Sequence[Any]], versions: tuple[int, int], unit: str, measure: str = "") -> go.Figure:
    """One line a column from how much it counted to how much it counts now.

    rows: columns column, before, after, low and high (95 % interval of the change) and clear. measure: of a number.
    """
    import plotly.graph_objects as go

    n = min(len(rows["column"]), MOST_ROWS)
    names = [short(str(name)) for name in rows["column"][:n]]
    figure = go.Figure()
    for place, name in enumerate(names):
        ends = [rows["before"][place], rows["after"][place]]
        figure.add_scatter(
            x=ends, y=[name, name], mode="lines", line={"color": OTHER}, showlegend=False, hoverinfo="skip"
        )
    for side, colour, number in (("before", OTHER, versions[0]), ("after", CHAMPION, versions[1])):
        figure.add_scatter(
            x=rows[side][:n],
            y=names,
            mode="markers",
            name=f"Version {number}",
            marker={"color": colour, "size": 11, "symbol": "circle-open" if side == "before" else "circle"},
            customdata=[_story(rows, place) for place in range(n)],
            hovertemplate=f"%{{y}}, version {number}: %{{x:.3g}}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    figure.update_xaxes(rangemode="tozero")
    size = SIZES.get(unit, short(measure))
    finish(figure, f"Mean size of what it adds ({size})" if size else "Mean size of what it adds", "")
    return figure.update_layout(height=120 + 26 * n)


def effect_curve(curve: Mapping[str, Any], versions: tuple[int, int], measure: str = "") -> go.Figure:
    """The probability of a label, or the number that is said, along one column, by both versions.

    curve: column, kind, label (empty for numbers), values, before and after (0-1, or in the measure).
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    number, share = curve["kind"] == "number", bool(curve["label"])
    said = "%{y:.1%}" if share else "%{y:,.4~g}"
    for side, colour, version in (("before", OTHER, versions[0]), ("after", CHAMPION, versions[1])):
        figure.add_scatter(
            x=curve["values"] if number else [short(str(value)) for value in curve["values"]],
            y=curve[side],
            mode="lines+markers" if number else "markers",
            name=f"Version {version}",
            line={"color": colour},
            marker={"color": colour, "size": 6 if number else 11},
            hovertemplate=f"{short(curve['column'])} %{{x}}<br>version {version}: {said}<extra></extra>",
        )
    if share:
        figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    if not number:
        figure.update_xaxes(type="category")
    of_numbers = f"Mean prediction ({short(measure)})" if measure else "Mean prediction"
    finish(figure, short(curve["column"]), f"Mean probability of {short(curve['label'])}" if share else of_numbers)
    return figure.update_layout(height=300)


def _story(rows: Mapping[str, Sequence[Any]], place: int) -> str:
    told = f"change {rows['low'][place]:+.3g} to {rows['high'][place]:+.3g} (95 %)"
    return told if rows["clear"][place] else f"{told}, not distinguishable from none"
