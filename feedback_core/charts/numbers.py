"""Predicted numbers: how far off each version is, predicted beside actual, and where the errors are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import AUDIT, CHAMPION, OTHER, bars, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

Rows = Mapping[str, Sequence[Any]]
NAMES = {"holdout": "Holdout (base data)", "audit": "Audit sample (incoming)"}


def errors(rows: Rows, unit: str) -> go.Figure:
    """Mean absolute error by version with 95 % intervals; champions filled, refused and candidate versions hollow."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for sample, colour, symbol, shift in (("holdout", CHAMPION, "circle", -0.06), ("audit", AUDIT, "diamond", 0.06)):
        chosen = [n for n, value in enumerate(rows["sample"]) if value == sample]
        if not chosen:
            continue
        y, low, high = ([rows[name][n] for n in chosen] for name in ("error", "low", "high"))
        filled = [rows["status"][n] in ("champion", "retired") for n in chosen]
        figure.add_scatter(
            x=[rows["version"][n] + shift for n in chosen], y=y, mode="markers", name=NAMES[sample],
            error_y=bars(y, low, [top if top is not None else value for top, value in zip(high, y, strict=True)])
            | {"color": colour},
            marker={
                "size": [14 if rows["status"][n] == "champion" else 10 for n in chosen],
                "symbol": [symbol if full else f"{symbol}-open" for full in filled], "color": colour,
            },
            text=[f"Version {rows['version'][n]}, {rows['status'][n]}<br>n = {rows['n'][n]:,}" for n in chosen],
            hovertemplate="%{text}<br>%{y:.4g} " + short(unit) + "<extra></extra>",
        )  # fmt: skip
    numbers = sorted(set(rows["version"]))
    figure.update_xaxes(range=[numbers[0] - 0.5, numbers[-1] + 0.5], tickvals=numbers[:: 1 + len(numbers) // 15],
                        tickprefix="v", zeroline=False)  # fmt: skip
    figure.update_yaxes(rangemode="tozero", zeroline=False)
    return finish(figure, "Version", _axis("Mean absolute error", unit))


def predicted_and_true(rows: Rows, unit: str) -> go.Figure:
    """One point a row; on the line the prediction is right."""
    import plotly.graph_objects as go

    figure = go.Figure()
    ends = [min(*rows["truth"], *rows["predicted"]), max(*rows["truth"], *rows["predicted"])]
    figure.add_scatter(x=ends, y=ends, mode="lines", name="Right", line={"color": OTHER, "dash": "dash", "width": 1})
    figure.add_scatter(
        x=list(rows["truth"]), y=list(rows["predicted"]), mode="markers", name="One row",
        marker={"color": CHAMPION, "size": 6, "opacity": 0.6},
        hovertemplate="true %{x:.6g}, predicted %{y:.6g} " + short(unit) + "<extra></extra>",
    )  # fmt: skip
    return finish(figure, _axis("True number", unit), _axis("Predicted number", unit))


def errors_by_size(rows: Rows, unit: str) -> go.Figure:
    """Mean absolute error of each quarter of the rows by true number, with 95 % intervals."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_bar(
        x=[f"{low:.4g} to {high:.4g}" for low, high in zip(rows["from"], rows["to"], strict=True)],
        y=list(rows["error"]), error_y=bars(rows["error"], rows["low"], rows["high"]), marker={"color": CHAMPION},
        customdata=list(zip(rows["bias"], rows["n"], strict=True)),
        hovertemplate="off by %{y:.4g} " + short(unit) + " on average<br>predicted minus true %{customdata[0]:+.4g}, "
        "n = %{customdata[1]:,}<extra></extra>",
    )  # fmt: skip
    return finish(figure, _axis("True number", unit), _axis("Mean absolute error", unit))


def _axis(name: str, unit: str) -> str:
    return f"{name} ({short(unit)})" if unit else name
