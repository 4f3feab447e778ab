"""Items on the map as the columns of its figure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from feedback_core.types import Outline
from feedback_core.wording import amount
from pages._shared import STATE_NAMES

MOST_GROUPS = 14
HIDDEN, OTHERS = "Hidden until reviewed", "Other labels"


def _prediction(item: Outline) -> str:
    return HIDDEN if item.blind else item.predicted or "No prediction"


def _state(item: Outline) -> str:
    return STATE_NAMES[item.state]


def _correctness(item: Outline) -> str:
    if item.label is None or item.predicted is None:
        return "Not reviewed"
    return "Model right" if item.label == item.predicted else "Model wrong"


GROUPS: dict[str, Callable[[Outline], str]] = {
    "Prediction": _prediction,
    "State": _state,
    "Correctness": _correctness,
}
"""What a map can be coloured by, beside the confidence."""


def _number(item: Outline) -> float | None:
    return None if item.blind or item.predicted is None else float(item.predicted)


def _error(item: Outline) -> float | None:
    said = _number(item)
    return None if said is None or item.label is None else abs(said - float(item.label))


NUMBERS: dict[str, Callable[[Outline], float | None]] = {"Prediction": _number, "Error": _error}
"""What a map of numbers is shaded by: distinct numbers make no groups."""


def columns_of(
    ids: Sequence[int], points: np.ndarray, items: Mapping[int, Outline], colour: str, unit: str | None = None
) -> tuple[dict[str, list[Any]], list[str]]:
    """Columns of the figure and, in the order of the legend, the groups: the largest first, the rest under one name.

    unit: of what is predicted, where that is a number, else None.
    """
    shown = [n for n, item_id in enumerate(ids) if item_id in items]
    named = [items[ids[n]] for n in shown]
    group = [GROUPS.get(colour, _state)(item) for item in named]
    sizes = Counter(group)
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    if len(ordered) > MOST_GROUPS:
        kept = set(ordered[: MOST_GROUPS - 1])
        group = [name if name in kept else OTHERS for name in group]
        ordered = [*ordered[: MOST_GROUPS - 1], OTHERS]
    columns = {
        "x": points[shown, 0].round(3).tolist(),
        "y": points[shown, 1].round(3).tolist(),
        "id": [item.id for item in named],
        "hover": [_hover(item, unit) for item in named],
        "group": group,
        "number": [] if unit is None else [NUMBERS.get(colour, _number)(item) for item in named],
        "confidence": [None if item.blind else item.confidence for item in named],
    }
    return columns, ordered


def _hover(item: Outline, unit: str | None) -> str:
    said = "prediction hidden until reviewed" if item.blind else _said(item, unit)
    label = f"<br>label {_safe(item.label)}" if item.label is not None else ""
    return f"<b>{_safe(item.key[:24])}</b><br>{said}{label}<br>{STATE_NAMES[item.state].lower()}"


def _said(item: Outline, unit: str | None) -> str:
    if item.predicted is None:
        return "no prediction"
    if unit is not None:  # how sure a number is orders rows and is no probability
        return _safe(f"predicted {amount(float(item.predicted), unit)}")
    return f"predicted {_safe(item.predicted)} with {item.confidence or 0:.0%}"


def _safe(text: str) -> str:
    # Plotly reads hover texts as markup: brackets are shown, never obeyed.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def chosen_ids(points: Sequence[Mapping[str, Any]], items: Mapping[int, Outline]) -> list[int]:
    """Ids of selected points, those to be asked about first at the front. Only ids that are on the map."""
    ids = {int(np.ravel(point["customdata"])[0]) for point in points if point.get("customdata") is not None}
    return sorted(ids & set(items), key=lambda item_id: (-(items[item_id].priority or 0.0), item_id))
