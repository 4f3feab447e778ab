"""Learning in real time: the running errors of challenger and champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import AUDIT, CHAMPION, finish

if TYPE_CHECKING:
    import plotly.graph_objects as go


def live_errors(path: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Share of wrong answers given before each entry was learned, over the entries so far."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, colour, dash in (("challenger", AUDIT, "solid"), ("champion", CHAMPION, "dot")):
        figure.add_scatter(
            x=list(path["entries"]),
            y=[100 * share for share in path[name]],
            name=name.capitalize(),
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate=f"{name}: %{{y:.1f}} % wrong so far<br>after %{{x:,}} entries<extra></extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    return finish(figure, "Entries that tell about both", "Wrong before it was learned (%)").update_layout(height=260)
