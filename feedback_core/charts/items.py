"""One item, one score, the pool on a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import CHAMPION, OTHER, PART_COLOURS, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MAP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8D99AE")
"""Okabe and Ito's colours, told apart with every kind of colour vision, without black and yellow, which one of the two
backgrounds swallows."""
MAP_SCALE = ((0.0, MAP_COLOURS[0]), (0.5, MAP_COLOURS[-1]), (1.0, MAP_COLOURS[1]))
"""From blue by grey to orange: every shade stands out from a white and from a dark page, which no scale from dark to
light does."""
MAP_SIGNS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down")

MOST_BARS = 10


def probabilities(labels: Sequence[str], proba: Sequence[float], *predicted: str) -> go.Figure:
    """Label probabilities as horizontal bars, those predicted marked; the largest MOST_BARS when there are more."""
    import plotly.graph_objects as go

    ranked = sorted(zip(labels, proba, strict=True), key=lambda pair: -pair[1])[:MOST_BARS][::-1]
    figure = go.Figure(
        go.Bar(
            x=[share for _, share in ranked],
            y=[short(label) for label, _ in ranked],
            orientation="h",
            text=[f"{share:.0%}" for _, share in ranked],
            textposition="outside",
            cliponaxis=False,
            marker_color=[CHAMPION if label in predicted else OTHER for label, _ in ranked],
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    # A label such as "3" is a name, not a number.
    figure.update_yaxes(type="category")
    finish(figure, "Probability", "")
    return figure.update_layout(height=90 + 26 * len(ranked), showlegend=False)


def parts(
    contributions: Mapping[str, float], values: Mapping[str, float | None], names: Mapping[str, str]
) -> go.Figure:
    """One score as a bar of its parts, each as wide as what it adds. values: of each part before its weight, 0-1."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for colour, (part, share) in zip((*PART_COLOURS, OTHER), contributions.items(), strict=False):
        value = values.get(part)
        told = "cannot be told" if value is None else f"{value:.0%}"
        figure.add_bar(
            x=[share],
            y=[""],
            orientation="h",
            name=names.get(part, part),
            marker_color=colour,
            hovertemplate=f"{names.get(part, part)}: {told}<br>adds %{{x:.3f}} to the priority<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(range=[0, 1], dtick=0.2)
    finish(figure, "Priority (0 = no reason to look, 1 = look first)", "")
    return figure.update_layout(height=190, legend_traceorder="normal")


def pool_map(points: Mapping[str, Sequence[Any]], groups: Sequence[str]) -> go.Figure:
    """Items on a plane, one colour and one sign a group, so that neither is needed to tell groups apart.

    points: columns x, y, id, hover and group. groups: names in the order of the legend. A selection gives ids back.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for n, group in enumerate(groups):
        chosen = [place for place, name in enumerate(points["group"]) if name == group]
        marker = {"color": MAP_COLOURS[n % len(MAP_COLOURS)], "symbol": MAP_SIGNS[n % len(MAP_SIGNS)], "size": 7}
        figure.add_scatter(**_map_trace(points, chosen), marker=marker, name=short(group))
    return _finish_map(figure)


def pool_map_by_confidence(points: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Items on a plane, coloured by columns confidence (0-1, None where there is none to show), x, y, id and hover."""
    return _shaded(points, "confidence", {"cmax": 1}, {"title": "Confidence", "tickformat": ".0%"})


def pool_map_by_number(points: Mapping[str, Sequence[Any]], title: str) -> go.Figure:
    """Items on a plane, coloured by columns number (None where there is none to show), x, y, id and hover.

    title: of the scale of colours, with its unit.
    """
    return _shaded(points, "number", {}, {"title": title})


def _shaded(
    points: Mapping[str, Sequence[Any]], column: str, scale: dict[str, float], bar: dict[str, str]
) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    known = [place for place, share in enumerate(points[column]) if share is not None]
    unknown = [place for place, share in enumerate(points[column]) if share is None]
    values = [points[column][place] for place in known]
    marker = {
        "color": values,
        "colorscale": MAP_SCALE,
        "cmin": min(values, default=0),
        "cmax": max(values, default=1),
        "size": 7,
        "colorbar": {"thickness": 12, **bar},
        **scale,
    }
    figure.add_scatter(**_map_trace(points, known), marker=marker, name="Predicted")
    if unknown:
        hidden = {"color": OTHER, "symbol": "x", "size": 7}
        figure.add_scatter(**_map_trace(points, unknown), marker=hidden, name="Not shown yet")
    return _finish_map(figure)


def _map_trace(points: Mapping[str, Sequence[Any]], chosen: Sequence[int]) -> dict[str, Any]:
    return {
        "x": [points["x"][place] for place in chosen],
        "y": [points["y"][place] for place in chosen],
        # Every selected point travels with what it carries here, so the id alone.
        "customdata": [points["id"][place] for place in chosen],
        "hovertext": [points["hover"][place] for place in chosen],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "mode": "markers",
        "opacity": 0.8,
    }


def _finish_map(figure: go.Figure) -> go.Figure:
    finish(figure, "", "")
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False)
    return figure.update_layout(height=620, dragmode="lasso", legend={"itemsizing": "constant"})
