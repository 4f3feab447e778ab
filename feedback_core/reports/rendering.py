"""The template engine of the reports: everything that comes from data is escaped."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .. import wording

WIDTH = 100
"""Units of the bars' drawing area."""


def render(template: str, facts: Mapping[str, Any]) -> str:
    """A page of HTML from a template in `templates/` and plain facts."""
    return _environment().get_template(template).render(facts)


def scale(
    scores: Sequence[Mapping[str, Any] | None], floor: float | None = 0.0, ceiling: float | None = 1.0
) -> tuple[float, float]:
    """(from, to) of an axis that holds every interval with a tenth of air; floor, ceiling: None for no limit."""
    known = [score for score in scores if score and score.get("value") is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(score["low"] for score in known), max(score["high"] for score in known)
    air = 0.1 * (high - low) or 0.05
    low, high = low - air, high + air
    return low if floor is None else max(floor, low), high if ceiling is None else min(ceiling, high)


def along(value: float, axis: tuple[float, float]) -> float:
    """Where a value lies on an axis, 0 to WIDTH."""
    low, high = axis
    return round(WIDTH * min(1.0, max(0.0, (value - low) / (high - low or 1.0))), 2)


@cache
def _environment() -> Environment:
    loader = PackageLoader("feedback_core.reports", "templates")
    # autoescape=True, not select_autoescape: that one decides by a file's ending, and ours is .j2.
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {
        name: getattr(wording, name)
        for name in ("share", "points", "difference", "number", "off", "counted", "moment", "spoken")
    }
    made.globals |= {"along": along, "scale": scale, "SAMPLES": wording.SAMPLES, "are": wording.are}
    made.filters |= {"zip": zip, "quote": shlex.quote, "capfirst": lambda text: text[:1].upper() + text[1:]}
    made.globals["dict"] = dict
    return made
