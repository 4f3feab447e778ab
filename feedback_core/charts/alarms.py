"""True alarms found, alarm by alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .style import CHAMPION, OTHER, finish

if TYPE_CHECKING:
    import plotly.graph_objects as go


def alarms_found(found: Sequence[int], chance: float | None) -> go.Figure:
    """found: (n,) true alarms after each answer. chance: share of anomalies among items drawn at random."""
    import plotly.graph_objects as go

    n, figure = len(found), go.Figure()
    places = list(range(1, n + 1))
    figure.add_scatter(x=[0, n], y=[0, n], mode="lines", name="Every alarm true",
                       line={"color": OTHER, "dash": "dot", "width": 1}, hoverinfo="skip")  # fmt: skip
    if chance is not None:
        figure.add_scatter(x=[0, n], y=[0, chance * n], mode="lines", name="Items drawn at random",
                           line={"color": OTHER, "dash": "dash", "width": 1.5},
                           hovertemplate="%{y:.1f} by chance<extra></extra>")  # fmt: skip
    figure.add_scatter(x=places, y=list(found), mode="lines", name="Alarms of the queue",
                       line={"color": CHAMPION, "width": 2.5, "shape": "hv"},
                       hovertemplate="%{y:,} true of %{x:,} answered<extra></extra>")  # fmt: skip
    return finish(figure, "Alarms answered", "True alarms found")
