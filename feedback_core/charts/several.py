"""How well each of several labels is found, and how often it is right where it is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .mistakes import MOST_BARS
from .style import AUDIT, CHAMPION, bars, finish, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

MEASURES = (
    ("recall", "Found, of the rows that bear it (recall)", CHAMPION, "circle", -0.14),
    ("precision", "Right, of the rows it is said of (precision)", AUDIT, "diamond", 0.14),
)


def by_label(rows: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Recall and precision of each label with 95 % intervals, the lowest F1 first; at most MOST_BARS labels.

    rows: columns label, f1 and rows, and for each measure its share (0-1, None without rows), low, high and n.
    """
    import plotly.graph_objects as go

    order = sorted(range(len(rows["label"])), key=lambda n: (rows["f1"][n] or 0.0, rows["label"][n]))[:MOST_BARS]
    figure = go.Figure()
    for name, title, colour, symbol, shift in MEASURES:
        places = [(y, n) for y, n in enumerate(order) if rows[name][n] is not None]
        x, low, high, among = ([rows[f"{name}{end}"][n] for _, n in places] for end in ("", " low", " high", " n"))
        figure.add_scatter(
            x=x, y=[y + shift for y, _ in places], mode="markers", name=title,
            marker={"size": 10, "color": colour, "symbol": symbol}, error_x=bars(x, low, high) | {"color": colour},
            hovertext=[
                f"{short(rows['label'][n])}: {name} {share:.1%} ({a:.1%} to {b:.1%}), n = {rows_:,}"
                for (_, n), share, a, b, rows_ in zip(places, x, low, high, among, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    names = [f"{short(rows['label'][n])} (n = {rows['rows'][n]:,})" for n in order]
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", zeroline=False)
    figure.update_yaxes(
        range=[len(order) - 0.5, -0.5], tickvals=list(range(len(order))), ticktext=names, zeroline=False
    )
    finish(figure, "Share of rows", "")
    return figure.update_layout(height=130 + 34 * len(order), dragmode=False)
