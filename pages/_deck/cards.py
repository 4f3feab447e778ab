"""One card: everything the browser needs to show an item, as plain text and numbers."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image

from feedback_core.types import Draw, Item, Prediction, Project
from pages._shared import pixels, title_of


def card(project: Project, draw: Draw, item: Item, prediction: Prediction | None) -> dict[str, Any]:
    """The card of a draw. A blind one holds no prediction at all, so that none can be read out of the page."""
    seen = None if draw.blind else prediction
    return {
        "draw": draw.id,
        "item": item.id,
        "version": item.version_id,
        "strategy": draw.strategy,
        "title": title_of(item),
        "fields": [_field(project, n, value) for n, value in enumerate(item.values)],
        "predicted": None if draw.blind else item.predicted,
        "proba": [round(share, 4) for share in seen.proba] if seen else None,
        "why": why(draw, item, prediction),
    }


def why(draw: Draw, item: Item, prediction: Prediction | None) -> str:
    """Why this item is next, in one sentence."""
    if draw.audit:
        return "Drawn at random for the audit sample and shown without the prediction, so that neither sways you."
    if draw.strategy == "second opinion":
        return "Reviewers disagree about it: yours decides."
    if draw.strategy == "chosen":
        return "You opened this item yourself."
    if item.priority is None or prediction is None:
        return "Drawn at random: no model has ranked the items yet."
    parts = ", ".join(f"{part} {share:.2f}" for part, share in sorted(prediction.parts.items(), key=lambda p: -p[1]))
    return f"Priority {item.priority:.2f} of 1: {parts}."


def _field(project: Project, n: int, value: Any) -> dict[str, Any]:
    column = project.schema.columns[n]
    if value is None:
        return {"name": column.name, "kind": "category", "value": None}
    if column.kind == "image":
        buffer = BytesIO()
        Image.fromarray(pixels(column, value, 0)).save(buffer, "PNG")
        address = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        return {"name": column.name, "kind": "image", "value": address}
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return {"name": column.name, "kind": column.kind, "value": text}
