"""One card: everything the browser needs to show an item, as plain text and numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from feedback_core.intake import ALARM_LABELS, ANOMALY, range_text
from feedback_core.label_sets import COVERAGE, label_set
from feedback_core.multilabel import BETWEEN, NONE
from feedback_core.pictures.shelf import CARD_SIDE
from feedback_core.types import Draw, Item, Prediction, Project
from feedback_core.unusual import Usual, mark
from pages._shared import cell_text, photo, picture, preview, thumbnail, title_of, whole_photo

MOST_AMONG = 4
"""Labels of a set that is worth naming."""


def card(
    project: Project,
    draw: Draw,
    item: Item,
    prediction: Prediction | None,
    known: Sequence[Usual | None] = (),
    alike: Sequence[tuple[Item, str]] = (),
    label_cut: float | None = None,
) -> dict[str, Any]:
    """The card of a draw. A blind one holds no prediction at all, so that none can be read out of the page.

    known: what is usual in each column. alike: similar labelled items with their labels, most similar first.
    label_cut: the least probability of a label in the label set of an item about which the model is unsure.
    """
    seen = None if draw.blind else prediction
    return {
        "draw": draw.id,
        "item": item.id,
        "version": item.version_id,
        # Whoever knew that the answer is known would take more care with it than with the others.
        "strategy": "audit" if draw.strategy == "gold" else draw.strategy,
        "blind": draw.blind,
        "title": title_of(item),
        "fields": [_field(project, n, value, known) for n, value in enumerate(item.values)],
        "similar": [_similar(project, other, label) for other, label in alike],
        "predicted": None if draw.blind else item.predicted,
        "proba": [round(share, 4) for share in seen.proba] if seen and project.labels else None,
        "among": "" if project.task == "multilabel" else _among(project, seen, label_cut),
        "why": why(draw, item, prediction),
    }


def _among(project: Project, seen: Prediction | None, label_cut: float | None) -> str:
    """The few labels one of which is right as often as promised; empty where it is one alone, or nearly all."""
    if seen is None or label_cut is None:
        return ""
    held = label_set(np.asarray(seen.proba), label_cut)
    if not 1 < len(held) <= min(MOST_AMONG, len(project.labels) - 1):
        return ""
    return f"One of {', '.join(project.labels[n] for n in held)} ({COVERAGE:.0%} sure)"


def number_field(project: Project) -> dict[str, Any] | None:
    """What the field for a typed number has to know; None where labels are chosen."""
    if project.task != "regression":
        return None
    now = project.settings
    return {
        "unit": now.unit,
        "tolerance": now.tolerance,
        "low": now.plausible_low,
        "high": now.plausible_high,
        "range": range_text(now.plausible_low, now.plausible_high),
    }


def set_field(project: Project) -> dict[str, str] | None:
    """How several labels of one card are written as one text; None where a card takes one answer alone."""
    return {"none": NONE, "between": BETWEEN} if project.task == "multilabel" else None


def why(draw: Draw, item: Item, prediction: Prediction | None) -> str:
    """Why this item is next, in one sentence."""
    if draw.strategy in ("audit", "gold") or (item.audit and draw.strategy in ("priority", "random")):
        return "Drawn at random and shown without the prediction, so that neither the queue nor the model sways you."
    if draw.strategy == "second opinion":
        return "A second opinion is wanted: reviewers differ, or a maintainer has asked for one."
    if draw.strategy == "slice":
        return "From the review session you have chosen."
    if draw.strategy == "chosen":
        return "You opened this item yourself."
    if item.priority is None or prediction is None:
        return "Drawn at random: no model has ranked the items yet."
    if draw.blind:  # a part such as rarity would tell what is hidden
        return "High in the queue. The prediction is hidden by chance, to learn how far it sways people."
    if "alarm" in prediction.parts:
        chance = dict(zip(ALARM_LABELS, prediction.proba, strict=True))[ANOMALY]
        return f"Among the first alarms: the chance of an anomaly is {chance:.0%}."
    parts = ", ".join(f"{part} {share:.2f}" for part, share in sorted(prediction.parts.items(), key=lambda p: -p[1]))
    return f"Priority {item.priority:.2f} of 1: {parts}."


def _field(project: Project, n: int, value: Any, known: Sequence[Usual | None]) -> dict[str, Any]:
    column = project.schema.columns[n]
    found = mark(known[n], value) if known else None
    unusual = {"text": found.word, "help": found.sentence} if found else None
    if value is None:
        return {"name": column.name, "kind": "category", "value": None, "unusual": unusual}
    if column.files:
        return {
            "name": column.name,
            "kind": "photo",
            "value": photo(value, CARD_SIDE),
            "full": whole_photo(project, value),
        }
    if column.kind == "image":
        return {"name": column.name, "kind": "image", "value": picture(column, value, 0)}
    return {"name": column.name, "kind": column.kind, "value": cell_text(value, column), "unusual": unusual}


def _similar(project: Project, item: Item, label: str) -> dict[str, Any]:
    return {
        "label": label,
        "title": title_of(item),
        "text": preview(project, item),
        "image": thumbnail(project, item),
        "values": [
            cell_text(value, column) if column.kind not in ("text", "image") and value is not None else None
            for column, value in zip(project.schema.columns, item.values, strict=True)
        ],
    }
