"""Why the serving version says what it says about items of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import explain, fitting, intake
from .errors import ArtifactError, NotFound, Refused
from .explain import Detail, Explainer, Explanation
from .footing import footing, pool_start
from .learned import labelled_neighbours
from .loop import Loop, Serving
from .models import BUILDERS
from .scoring import top_labels
from .types import Item, Neighbour, Version

TASK = "classification"
"""What can be explained: shares in the score of a class."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An item's explanation by the version of this number, as a sentence and in full.

    nearest: the most similar rows that version has learned from, and what they were labelled.
    """

    version: int
    sentence: str
    explanation: Explanation
    nearest: tuple[Neighbour, ...]


def item_of(loop: Loop, key: str) -> Item:
    """The project's item of a key. Raises NotFound."""
    item = loop.store.items.by_key(loop.project.id, key)
    if item is None:
        raise NotFound(f"{loop.project.name} has no item {key!r:.80}: give the key that it came with, or was given.")
    return item


def explained(loop: Loop, item: Item) -> Explained:
    """Why the serving version says what it says about an item.

    Raises NotFound before the first version, ArtifactError when none can be loaded, and Refused while the item's
    prediction is hidden for the audit: an explanation would tell it.
    """
    if loop.project.task != TASK:
        raise Refused(f"{loop.project.name} is about {loop.project.task}: only predictions of classes are explained.")
    if item.hidden:
        raise Refused(
            f"Item {item.key} is in the audit sample: its prediction, and why, stay hidden until it is reviewed."
        )
    serving = loop.serving()
    if not serving.version.artifact:
        raise Refused(f"Version {serving.version.number} lives elsewhere; only what it says is known here, not why.")
    told = explanations(loop, serving, [item])[item.id]
    said = explain.sentence(told, loop.project.schema, item.values)
    return Explained(serving.version.number, said, told, labelled_neighbours(loop, [item.id]).get(item.id, ()))


def explanations(
    loop: Loop, serving: Serving, items: Sequence[Item], *, details: bool = True
) -> Mapping[int, Explanation]:
    """Item id -> why a serving version gives it the label it gives. details: words and patches, too."""
    if not items:
        return {}
    inputs = loop.store.items.inputs([item.id for item in items])
    rows = intake.decode(inputs, loop.project.schema)
    # What is stored may be of an earlier version, while the pool is being scored again.
    labels = top_labels(fitting.proba(serving.model, inputs, loop.project), loop.project.labels)
    ready = explainer(loop, serving)
    return {
        item.id: ready.explain(rows.iloc[[n]], label, details=details)
        for n, (item, label) in enumerate(zip(items, labels, strict=True))
    }


def reasons(loop: Loop, items: Sequence[Item]) -> dict[int, str]:
    """Item id -> one sentence why the serving version says what it says, for the items it can be told of at once.

    Left out are models that would have to be asked, pictures, whose patches have no names, and items that are hidden or
    whose prediction is of another version.
    """
    champion = loop.store.versions.champion(loop.project.id)
    columns = loop.project.schema.columns
    if champion is None or loop.project.task != TASK or not any(column.kind != "image" for column in columns):
        return {}
    if not champion.artifact:  # it lives elsewhere
        return {}
    told = [item for item in items if item.predicted and item.version_id == champion.id and not item.hidden]
    try:
        serving = loop.serving()
    except ArtifactError:  # told on Overview
        return {}
    if not told or serving.version.id != champion.id:
        return {}
    rows = intake.decode(loop.store.items.inputs([item.id for item in told]), loop.project.schema)
    found = explainer(loop, serving).briefly(rows, [str(item.predicted) for item in told])
    return {
        item.id: explain.sentence(each, loop.project.schema, item.values)
        for item, each in zip(told, found, strict=True)
        if each is not None
    }


def explainer(loop: Loop, serving: Serving) -> Explainer:
    """A version ready to explain, prepared once in a process."""
    version = serving.version

    def make() -> Explainer:
        ids = _background(loop, version)
        drawn = np.random.default_rng(version.seed).choice(len(ids), min(len(ids), explain.BACKGROUND), replace=False)
        inputs = loop.store.items.inputs([int(ids[n]) for n in drawn])
        rows = intake.decode(inputs, loop.project.schema)
        way = BUILDERS[version.estimator].explain if version.estimator in BUILDERS else "sampled"
        return Explainer(serving.model, loop.project.schema, loop.project.labels, rows, version.seed, way)

    return loop.cache.get(("explainer", loop.store.url, loop.project.id, version.id, loop.project.labels), make)


def as_json(loop: Loop, item: Item, found: Explained) -> dict[str, Any]:
    """An item's explanation as plain JSON values, the largest effects first."""
    told, columns = found.explanation, loop.project.schema.columns
    values = {
        each.name: None if each.kind == "image" else value for each, value in zip(columns, item.values, strict=True)
    }
    keys = loop.store.items.keys([each.item_id for each in found.nearest])
    return {
        "key": item.key,
        "version": found.version,
        "label": told.label,
        "sentence": found.sentence,
        "way": told.way,
        "unit": told.unit,
        "exact": told.exact,
        "samples": told.samples,
        "base": told.base,
        "output": told.output,
        "effects": [asdict(effect) | {"value": values[effect.column]} for effect in told.strongest],
        "details": [_detail(each, str(values[each.column] or "")) for each in told.details],
        "nearest": [{"key": keys[n.item_id], "label": n.label, "distance": n.distance} for n in found.nearest],
    }


def _detail(found: Detail, text: str) -> dict[str, Any]:
    words = [asdict(piece) | {"text": text[piece.start : piece.end]} for piece in found.words]
    return {"column": found.column, "words": words, "heat": [list(row) for row in found.heat], "rest": found.rest}


def _background(loop: Loop, version: Version) -> Sequence[int]:
    """Ids of the rows a version has learned from; where nobody knows them, of labelled ones, else of the pool."""
    if version.lineage_known:
        return [int(item_id) for item_id in loop.store.versions.taught(version.id)[0]]
    known = footing(loop.store, loop.project, version)["ids"]
    return known or pool_start(loop.store, loop.project)
