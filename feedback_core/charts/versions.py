"""Accuracy from version to version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .style import AUDIT, CHAMPION, OTHER, bars, finish

if TYPE_CHECKING:
    import plotly.graph_objects as go

NAMES = {"holdout": "Holdout (base data)", "audit": "Audit sample (incoming)"}
MOST_TICKS = 15


def accuracy(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Accuracy by version with 95 % intervals; champions filled, refused and candidate versions hollow.

    The line of the holdout breaks where the holdout was refreshed: scores on both sides are of different rows.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for sample, colour, symbol, shift in (("holdout", CHAMPION, "circle", -0.06), ("audit", AUDIT, "diamond", 0.06)):
        chosen = [n for n, value in enumerate(rows["sample"]) if value == sample]
        if chosen:
            figure.add_scatter(**_trace(rows, chosen, sample, colour, symbol, shift))
    for version in refreshes(rows):
        figure.add_vline(x=version - 0.5, line={"color": OTHER, "dash": "dash", "width": 1})
        figure.add_annotation(x=version - 0.5, y=1, yref="paper", text="new holdout", showarrow=False, xanchor="left")
    # A single version would be drawn on an axis from v0 to v2.
    first, last = min(rows["version"]), max(rows["version"])
    figure.update_xaxes(range=[first - 0.5, last + 0.5], zeroline=False, **_ticks(rows, first, last))
    figure.update_yaxes(tickformat=".0%", zeroline=False)
    return finish(figure, "Version", "Accuracy")


def _ticks(rows: Mapping[str, Sequence[Any]], first: int, last: int) -> dict[str, list[Any]]:
    """Names of some versions, at most about MOST_TICKS, and always the champion's, with room around it."""
    step = 1 + (last - first) // MOST_TICKS
    crowned = {rows["version"][n] for n, status in enumerate(rows["status"]) if status == "champion"}
    room = range(1 - step, step) if step > 1 else range(1)
    taken = {version + near for version in crowned for near in room}
    shown = sorted({*range(last, first - 1, -step)} - taken | crowned)
    return {"tickvals": shown, "ticktext": [f"v{n}<br><b>champion</b>" if n in crowned else f"v{n}" for n in shown]}


def refreshes(rows: Mapping[str, Sequence[Any]]) -> list[int]:
    """Versions that are the first on a new holdout. rows: in the order of the versions."""
    holdout = [n for n, sample in enumerate(rows["sample"]) if sample == "holdout"]
    since = rows["holdout since"]
    pairs = pairwise(holdout)
    return [rows["version"][after] for n, after in pairs if since[n] != since[after]]


def _trace(
    rows: Mapping[str, Sequence[Any]], chosen: list[int], sample: str, colour: str, symbol: str, shift: float
) -> dict[str, Any]:
    filled = [rows["status"][n] in ("champion", "retired") for n in chosen]
    x = [rows["version"][n] + shift for n in chosen]
    y = [rows["accuracy"][n] for n in chosen]
    error = bars(y, [rows["low"][n] for n in chosen], [rows["high"][n] for n in chosen])
    trace = {
        "x": x,
        "y": y,
        "error_y": error | {"color": colour},
        # The audit sample is another set of rows for each version: a line would draw a trend that is not there.
        "mode": "lines+markers" if sample == "holdout" else "markers",
        "line": {"color": colour, "width": 1, "dash": "dot"},
        "marker": {
            "size": [14 if rows["status"][n] == "champion" else 10 for n in chosen],
            "symbol": [symbol if full else f"{symbol}-open" for full in filled],
            "color": colour,
        },
        "name": NAMES[sample],
        "text": [_story(rows, n) for n in chosen],
        "hovertemplate": "%{text}<extra></extra>",
    }
    if sample == "holdout" and refreshes(rows):
        _break(trace, rows, chosen)
    return trace


def _break(trace: dict[str, Any], rows: Mapping[str, Sequence[Any]], chosen: list[int]) -> None:
    """Put a gap into the line before each version that is the first on a new holdout."""
    new = set(refreshes(rows))
    for place in reversed([place for place, n in enumerate(chosen) if rows["version"][n] in new]):
        for column in (
            trace["x"],
            trace["y"],
            trace["text"],
            *(trace["error_y"][end] for end in ("array", "arrayminus")),
        ):
            column.insert(place, None)
        for name, filler in (("size", 10), ("symbol", "circle")):
            trace["marker"][name].insert(place, filler)


def _story(rows: Mapping[str, Sequence[Any]], n: int) -> str:
    day = datetime.fromtimestamp(rows["created_at"][n], UTC).strftime("%d %b %Y")
    return (
        f"<b>Version {rows['version'][n]}</b>, {rows['status'][n]}, {day}<br>"
        f"{rows['accuracy'][n]:.1%} on {rows['n'][n]:,} {rows['sample'][n]} rows "
        f"({rows['low'][n]:.1%} to {rows['high'][n]:.1%})<br>"
        f"learned from {rows['base'][n]:,} base rows and {rows['feedback'][n]:,} reviewed items<br>"
        f"verdict: {rows['finding'][n]}"
    )
