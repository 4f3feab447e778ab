"""What other rules for when to retrain would have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .items import MAP_COLOURS, MAP_SIGNS
from .style import finish

if TYPE_CHECKING:
    import plotly.graph_objects as go


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
    return finish(figure, "Entries replayed", "Accuracy on the holdout (%)")
