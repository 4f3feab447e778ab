"""Figures: tidy columns in, one Plotly figure out. Readable on a light and a dark page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

VERDICT_COLOURS = {
    "correct": "#E4572E",
    "confirm": "#2A9D8F",
    "skip": "#8D99AE",
    "flag": "#E9B44C",
    "undo": "#6C5B7B",
}
VERDICT_NAMES = {
    "correct": "Corrected",
    "confirm": "Confirmed",
    "skip": "Skipped",
    "flag": "Flagged",
    "undo": "Undone",
}
PART_COLOURS = ("#4361EE", "#F2A65A", "#2A9D8F", "#B56576")
MAP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8D99AE")
"""Okabe and Ito's colours, told apart with every kind of colour vision, without black and yellow, which one of the two
backgrounds swallows."""
MAP_SIGNS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down")
CHAMPION, OTHER, AUDIT = "#4361EE", "#8D99AE", "#F2A65A"


def volume(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Entries per day, stacked by verdict."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for verdict, name in VERDICT_NAMES.items():
        chosen = [n for n, value in enumerate(rows["verdict"]) if value == verdict]
        if chosen:
            figure.add_bar(
                x=[rows["day"][n] for n in chosen],
                y=[rows["entries"][n] for n in chosen],
                name=name,
                marker_color=VERDICT_COLOURS[verdict],
                hovertemplate="%{x|%d %b %Y}<br>%{y} " + name.lower() + "<extra></extra>",
            )
    figure.update_layout(barmode="stack", xaxis_type="date")
    return _finish(figure, "Day (UTC)", "Entries")


def priorities(histogram: Mapping[str, Sequence[float]]) -> go.Figure:
    """How many items have which priority; each bar is split in the mean shares of the parts."""
    import plotly.graph_objects as go

    counts = list(histogram["count"])
    parts = {name: list(values) for name, values in histogram.items() if name != "count"}
    width = 1 / len(counts)
    middles = [(n + 0.5) * width for n in range(len(counts))]
    figure = go.Figure()
    for colour, (name, means) in zip(PART_COLOURS, parts.items(), strict=False):
        totals = [sum(values[n] for values in parts.values()) for n in range(len(counts))]
        shares = [mean / total if total else 0.0 for mean, total in zip(means, totals, strict=True)]
        figure.add_bar(
            x=middles,
            y=[count * share for count, share in zip(counts, shares, strict=True)],
            width=width * 0.92,
            name=name.replace("_", " "),
            marker_color=colour,
            customdata=list(zip(counts, means, strict=True)),
            hovertemplate="priority %{x:.2f} ± 0.025<br>%{customdata[0]:,} items<br>"
            + name.replace("_", " ")
            + " contributes %{customdata[1]:.2f} on average<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(range=[0, 1], dtick=0.2)
    return _finish(figure, "Priority (1 = asked first)", "Items")


def accuracy(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Accuracy by version with 95 % intervals; champions filled, refused and candidate versions hollow."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for sample, colour, symbol, shift in (("holdout", CHAMPION, "circle", -0.06), ("audit", AUDIT, "diamond", 0.06)):
        chosen = [n for n, value in enumerate(rows["sample"]) if value == sample]
        if chosen:
            figure.add_scatter(**_accuracy_trace(rows, chosen, sample, colour, symbol, shift))
    crowned = [n for n, s in enumerate(rows["status"]) if s == "champion" and rows["sample"][n] == "holdout"]
    for n in crowned:
        figure.add_annotation(
            x=rows["version"][n] - 0.06, y=rows["high"][n], text="champion", showarrow=False, yshift=12
        )
    # A single version would be drawn on an axis from v0 to v2.
    span = [min(rows["version"]) - 0.5, max(rows["version"]) + 0.5]
    figure.update_xaxes(dtick=1, tickprefix="v", range=span)
    figure.update_yaxes(tickformat=".0%")
    return _finish(figure, "Version", "Accuracy")


def findings(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Corrections per 100 decisions with 95 % intervals, one line a way of drawing; dotted: the random share."""
    import plotly.graph_objects as go

    names = [str(name).replace("_", " ") for name in rows["drawn by"]]
    colours = [AUDIT if name == "random" else CHAMPION for name in names]
    figure = go.Figure(
        go.Scatter(
            x=rows["per 100"],
            y=names,
            mode="markers",
            marker={"size": 11, "color": colours, "symbol": ["diamond" if c == AUDIT else "circle" for c in colours]},
            error_x={
                "type": "data",
                "array": _minus(rows["per 100 high"], rows["per 100"]),
                "arrayminus": _minus(rows["per 100"], rows["per 100 low"]),
                "thickness": 1.4,
                "color": OTHER,  # the default is black, which a dark page swallows
            },
            text=[_finding_story(rows, n) for n in range(len(names))],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    if "random" in names:
        figure.add_vline(x=rows["per 100"][names.index("random")], line={"color": AUDIT, "dash": "dot", "width": 1})
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(type="category", autorange="reversed")
    _finish(figure, "Corrections per 100 decisions", "")
    return figure.update_layout(height=120 + 36 * len(names), showlegend=False)


def probabilities(labels: Sequence[str], proba: Sequence[float], predicted: str | None) -> go.Figure:
    """Class probabilities as horizontal bars, the prediction marked; the ten largest when there are more."""
    import plotly.graph_objects as go

    ranked = sorted(zip(labels, proba, strict=True), key=lambda pair: -pair[1])[:10][::-1]
    figure = go.Figure(
        go.Bar(
            x=[share for _, share in ranked],
            y=[_short(label) for label, _ in ranked],
            orientation="h",
            text=[f"{share:.0%}" for _, share in ranked],
            textposition="outside",
            cliponaxis=False,
            marker_color=[CHAMPION if label == predicted else OTHER for label, _ in ranked],
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    # A label such as "3" is a name, not a number.
    figure.update_yaxes(type="category")
    _finish(figure, "Probability", "")
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
    _finish(figure, "Priority (0 = no reason to look, 1 = look first)", "")
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
        figure.add_scatter(**_map_trace(points, chosen), marker=marker, name=_short(group))
    return _finish_map(figure)


def pool_map_by_confidence(points: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Items on a plane, coloured by columns confidence (0-1, None where there is none to show), x, y, id and hover."""
    import plotly.graph_objects as go

    figure = go.Figure()
    known = [place for place, share in enumerate(points["confidence"]) if share is not None]
    unknown = [place for place, share in enumerate(points["confidence"]) if share is None]
    marker = {
        "color": [points["confidence"][place] for place in known],
        "colorscale": "Cividis",
        "cmin": min((points["confidence"][place] for place in known), default=0),
        "cmax": 1,
        "size": 7,
        "colorbar": {"title": "Confidence", "tickformat": ".0%", "thickness": 12},
    }
    figure.add_scatter(**_map_trace(points, known), marker=marker, name="Predicted")
    if unknown:
        marker = {"color": OTHER, "symbol": "x", "size": 7}
        figure.add_scatter(**_map_trace(points, unknown), marker=marker, name="Not shown yet")
    return _finish_map(figure)


def backtest(path: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Accuracy on the holdout after each retrain of each rule, a step a retrain, over the entries replayed."""
    import plotly.graph_objects as go

    figure = go.Figure()
    names, end = list(dict.fromkeys(path["rule"])), max(path["entries"], default=0)
    for number, name in enumerate(names):
        rows = [n for n, rule in enumerate(path["rule"]) if rule == name and path["accuracy"][n] is not None]
        if not rows:
            continue
        places = [*rows, rows[-1]]
        figure.add_scatter(
            x=[*(path["entries"][n] for n in rows), end],
            y=[100 * path["accuracy"][n] for n in places],
            name=name,
            mode="lines+markers",
            line={"shape": "hv", "color": MAP_COLOURS[number % len(MAP_COLOURS)]},
            marker={"symbol": MAP_SIGNS[number % len(MAP_SIGNS)], "size": [8] * len(rows) + [0]},
            text=[
                f"{name}<br>{100 * path['accuracy'][n]:.1f} % on the holdout ({100 * path['low'][n]:.1f} to "
                f"{100 * path['high'][n]:.1f}, n = {path['n'][n]:,})<br>after {path['entries'][n]:,} entries"
                for n in places
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    return _finish(figure, "Entries replayed", "Accuracy on the holdout (%)")


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
    _finish(figure, "", "")
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False)
    return figure.update_layout(height=620, dragmode="lasso", legend={"itemsizing": "constant"})


def _accuracy_trace(
    rows: Mapping[str, Sequence[Any]], chosen: list[int], sample: str, colour: str, symbol: str, shift: float
) -> dict[str, Any]:
    filled = [rows["status"][n] in ("champion", "retired") for n in chosen]
    return {
        "x": [rows["version"][n] + shift for n in chosen],
        "y": [rows["accuracy"][n] for n in chosen],
        "error_y": {
            "type": "data",
            "array": [rows["high"][n] - rows["accuracy"][n] for n in chosen],
            "arrayminus": [rows["accuracy"][n] - rows["low"][n] for n in chosen],
            "thickness": 1.4,
        },
        # The audit sample is another set of rows for each version: a line would draw a trend that is not there.
        "mode": "lines+markers" if sample == "holdout" else "markers",
        "line": {"color": colour, "width": 1, "dash": "dot"},
        "marker": {
            "size": [14 if rows["status"][n] == "champion" else 10 for n in chosen],
            "symbol": [symbol if full else f"{symbol}-open" for full in filled],
            "color": colour,
        },
        "name": "Holdout (base data)" if sample == "holdout" else "Audit sample (incoming)",
        "text": [_story(rows, n) for n in chosen],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _story(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    day = datetime.fromtimestamp(rows["created_at"][n], UTC).strftime("%d %b %Y")
    return (
        f"<b>Version {rows['version'][n]}</b>, {rows['status'][n]}, {day}<br>"
        f"{rows['accuracy'][n]:.1%} on {rows['n'][n]:,} {rows['sample'][n]} rows "
        f"({rows['low'][n]:.1%} to {rows['high'][n]:.1%})<br>"
        f"learned from {rows['base'][n]:,} base rows and {rows['feedback'][n]:,} reviewed items<br>"
        f"verdict: {rows['finding'][n]}"
    )


def _finding_story(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    text = (
        f"<b>{rows['drawn by'][n]}</b>, {rows['decisions'][n]:,} decisions<br>"
        f"{rows['per 100'][n]:.1f} corrections per 100 ({rows['per 100 low'][n]:.1f} to {rows['per 100 high'][n]:.1f})"
    )
    if rows["per minute"][n] is not None:
        text += f"<br>{rows['per minute'][n]:.1f} per minute of reviewing"
    return text


def _minus(upper: Sequence[float], lower: Sequence[float]) -> list[float]:
    return [high - low for high, low in zip(upper, lower, strict=True)]


def _short(label: str) -> str:
    # Plotly reads labels as markup: brackets are shown, never obeyed.
    text = label if len(label) <= 24 else label[:23] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _finish(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=340,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure
