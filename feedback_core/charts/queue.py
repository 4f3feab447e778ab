"""What came in and what is asked next: entries by day, priorities, what each way of drawing found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import AUDIT, CHAMPION, PART_COLOURS, bars, finish

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


def volume(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Entries per day, or per week where the column `per` says so, stacked by verdict."""
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
    figure.update_layout(barmode="stack", xaxis_type="date", legend_traceorder="normal")
    weekly = rows.get("per") and rows["per"][0] == "week"
    return finish(figure, "Week from Monday (UTC)" if weekly else "Day (UTC)", "Entries")


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
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(range=[0, 1], dtick=0.2)
    return finish(figure, "Priority (1 = asked first)", "Items")


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
            error_x=bars(rows["per 100"], rows["per 100 low"], rows["per 100 high"]),
            text=[_finding_story(rows, n) for n in range(len(names))],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    if "random" in names:
        figure.add_vline(x=rows["per 100"][names.index("random")], line={"color": AUDIT, "dash": "dot", "width": 1})
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(type="category", autorange="reversed")
    finish(figure, "Corrections per 100 decisions", "")
    return figure.update_layout(height=120 + 36 * len(names), showlegend=False)


def _finding_story(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    text = (
        f"<b>{rows['drawn by'][n]}</b>, {rows['decisions'][n]:,} decisions<br>"
        f"{rows['per 100'][n]:.1f} corrections per 100 ({rows['per 100 low'][n]:.1f} to {rows['per 100 high'][n]:.1f})"
    )
    if rows["per minute"][n] is not None:
        text += f"<br>{rows['per minute'][n]:.1f} per minute of reviewing"
    return text
