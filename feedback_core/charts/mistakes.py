"""Where one version goes wrong: what is taken for what, which class is found, and whether its confidence holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import BAD, CHAMPION, GOOD, OTHER, bars, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_CLASSES = 12
"""Classes a matrix can show on a laptop with readable numbers."""
MOST_BARS = 20


def confusion(rows: Mapping[str, Sequence[Any]], ink: str | None = None) -> go.Figure:
    """Matrix of truth against prediction; mistakes coloured by their share of the true class, changes in brackets.

    rows: columns truth, said, rows, share (0-1) and change (None where nothing is known of the version before), every
    pair of the classes to show. ink: colour of the numbers; Streamlit's own is too pale on a coloured cell.
    A point lies on each cell, invisible, so that a click selects [truth, said].
    """
    import plotly.graph_objects as go

    labels = list(dict.fromkeys(rows["truth"]))
    # Places, not names: Plotly takes a class called "1" for the second one.
    place = {label: n for n, label in enumerate(labels)}
    cells = range(len(rows["truth"]))
    x, y = ([place[label] for label in rows[side]] for side in ("said", "truth"))
    wrong = [None if rows["truth"][n] == rows["said"][n] else rows["share"][n] for n in cells]
    right = [rows["share"][n] if rows["truth"][n] == rows["said"][n] else None for n in cells]
    figure = go.Figure()
    for shares, colour, most in ((wrong, "228,87,46", 0.5), (right, "67,97,238", 0.3)):
        figure.add_heatmap(
            x=x, y=y, z=shares, zmin=0, zmax=max((s for s in shares if s), default=1) or 1, showscale=False,
            colorscale=[[0, f"rgba({colour},0)"], [1, f"rgba({colour},{most})"]], hoverinfo="skip", xgap=2, ygap=2,
        )  # fmt: skip
    # What is not selected would fade: its colours are said.
    marker, font = {"marker": {"opacity": 0}}, {"textfont": {"color": ink}}
    figure.add_scatter(
        x=x, y=y, mode="markers+text", marker={"size": 26, "symbol": "square", "opacity": 0}, showlegend=False,
        text=[_cell_text(rows, n) for n in cells], textfont={"size": 12, "color": ink},
        selected=marker | font, unselected=marker | font,
        customdata=[[rows["truth"][n], rows["said"][n]] for n in cells],
        hovertext=[_cell_story(rows, n) for n in cells], hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    ticks = {"tickvals": list(place.values()), "ticktext": _distinct(labels), "showgrid": False, "zeroline": False}
    figure.update_xaxes(range=[-0.5, len(labels) - 0.5], **ticks)
    figure.update_yaxes(range=[len(labels) - 0.5, -0.5], **ticks)
    finish(figure, "Predicted", "True label")
    return figure.update_layout(height=120 + 34 * max(4, len(labels)), dragmode=False)


def recall(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Share of each class that is found, with 95 % intervals, the lowest first; at most MOST_BARS classes.

    rows: columns label, found (0-1), low, high, n and before (0-1, None where unknown: the same of the version before).
    """
    import plotly.graph_objects as go

    order = sorted(range(len(rows["label"])), key=lambda n: (rows["found"][n], rows["label"][n]))[:MOST_BARS]
    names = [f"{short(str(rows['label'][n]))} (n = {rows['n'][n]:,})" for n in order]
    found, low, high = ([rows[name][n] for n in order] for name in ("found", "low", "high"))
    figure = go.Figure(
        go.Bar(
            x=found, y=names, orientation="h", marker_color=CHAMPION, marker_opacity=0.45, name="This version",
            error_x=bars(found, low, high) | {"color": CHAMPION}, customdata=[rows["label"][n] for n in order],
            hovertext=[f"{f:.1%} ({a:.1%} to {b:.1%})" for f, a, b in zip(found, low, high, strict=True)],
            hovertemplate="%{y}: %{hovertext}<extra></extra>",
            selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0.45}},
        )
    )  # fmt: skip
    before = [rows["before"][n] for n in order]
    if any(share is not None for share in before):
        figure.add_scatter(
            x=before, y=names, mode="markers", name="Version before",
            marker={"symbol": "line-ns", "size": 20, "line": {"width": 2, "color": OTHER}},
            hovertemplate="%{y}: %{x:.1%} in the version before<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed")
    finish(figure, "Share of the class that is found", "")
    return figure.update_layout(height=110 + 30 * len(order), dragmode=False)


def calibration(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Accuracy against confidence, bin by bin, with 95 % intervals; on the dotted line confidence is true.

    rows: columns confidence, accuracy, low, high (0-1), n, from and to (ends of the bin).
    """
    import plotly.graph_objects as go

    least = min([*rows["confidence"], *rows["low"]], default=0.0)
    floor = max(0.0, least - 0.03)
    texts = [
        f"said {a:.0%} to {b:.0%}, {c:.1%} on average<br>right {r:.1%} ({low:.1%} to {high:.1%}), n = {n:,}"
        for a, b, c, r, low, high, n in zip(
            *(rows[name] for name in ("from", "to", "confidence", "accuracy", "low", "high", "n")), strict=True
        )
    ]
    figure = go.Figure()
    figure.add_scatter(
        x=[floor, 1], y=[floor, 1], mode="lines", line={"color": OTHER, "dash": "dot", "width": 1.5},
        name="Confidence is true", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=list(rows["confidence"]), y=list(rows["accuracy"]), mode="markers", name="Rows of one bin",
        marker={"size": 10, "color": CHAMPION}, error_y=bars(rows["accuracy"], rows["low"], rows["high"]),
        hovertext=texts, hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[floor, 1.02])
    figure.update_yaxes(tickformat=".0%", range=[floor, 1.02])
    return finish(figure, "Confidence: what the model said", "Accuracy: how often it was right").update_layout(
        dragmode=False
    )


def changed(change: int) -> str:
    """A difference of counts with its sign: +3, −2."""
    return f"{change:+d}".replace("-", "−")


def _distinct(labels: Sequence[str]) -> list[str]:
    """A short name for each label; labels that look alike when cut get their place behind them."""
    names = [short(label) for label in labels]
    return [name if names.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(names, 1)]


def _cell_text(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    count, change = rows["rows"][n], rows["change"][n]
    if not count and not change:
        return ""
    better = bool(change) and (change > 0) == (rows["truth"][n] == rows["said"][n])
    colour = GOOD if better else BAD
    return f"{count:,}" + (f" <span style='color:{colour}'><b>{changed(change)}</b></span>" if change else "")


def _cell_story(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    truth, said, count = short(rows["truth"][n]), short(rows["said"][n]), rows["rows"][n]
    text = f"<b>{truth}</b> predicted as <b>{said}</b>: {count:,} ({rows['share'][n]:.1%} of {truth})"
    change = rows["change"][n]
    return text if change is None else f"{text}<br>{changed(change) if change else 'as many as'} {_than(change)}"


def _than(change: int) -> str:
    return "against the version before" if change else "in the version before"
