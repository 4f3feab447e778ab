"""Why the serving version says what it says about items of a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import explain, fitting, intake, tasks
from .errors import ArtifactError, InvalidInput, NotFound, Refused
from .explain import Detail, Explainer, Explanation, outputs_of
from .footing import footing, pool_start
from .learned import labelled_neighbours, usual_values
from .loop import Loop, Serving
from .models import explained_by
from .types import Item, Neighbour, Project, Version

EXPLAINED = ("classification", "multilabel", "regression", "anomaly")
"""Tasks whose predictions are explained."""

ON_CARDS = ("classification", "regression", "anomaly")
"""Those of which a card gives a reason: of several labels there would be one for each."""

PULLS = 3
"""Answers that are named, of those that pull an alarm."""


@dataclass(frozen=True, slots=True)
class Pull:
    """An answered row that moves another one's alarm, as alike as they are."""

    item_id: int
    label: str
    amount: float


@dataclass(frozen=True, slots=True)
class Explained:
    """An item's explanation by the version of this number, as a sentence and in full.

    nearest: the most similar rows that version has learned from, and what they were labelled. pulls: the answers that
    move an alarm most, strongest first.
    """

    version: int
    said: str
    sentence: str
    explanation: Explanation
    nearest: tuple[Neighbour, ...]
    pulls: tuple[Pull, ...] = ()

    @property
    def named(self) -> list[int]:
        """Ids of the items it names."""
        return [each.item_id for each in self.nearest] + [each.item_id for each in self.pulls]


def item_of(loop: Loop, key: str) -> Item:
    """The project's item of a key. Raises NotFound."""
    item = loop.store.items.by_key(loop.project.id, key)
    if item is None:
        raise NotFound(f"{loop.project.name} has no item {key!r:.80}: give the key that it came with, or was given.")
    return item


def explained(loop: Loop, item: Item, label: str = "") -> Explained:
    """Why the serving version says what it says about an item.

    label: the one whose probability is explained; where none is given the predicted one, and of several the least
    certain. Raises InvalidInput for one that the project has not, NotFound before the first version, ArtifactError when
    none can be loaded, and Refused while the item's prediction is hidden for the audit: an explanation would tell it.
    """
    if loop.project.task not in EXPLAINED:
        about = tasks.of(loop.project).title.lower()
        raise Refused(f"{loop.project.name} is about {about}: there is no explanation of what it says.")
    if item.hidden:
        raise Refused(
            f"Item {item.key} is in the audit sample: its prediction, and why, stay hidden until it is reviewed."
        )
    serving = loop.serving()
    if not serving.version.artifact:
        raise Refused(f"Version {serving.version.number} lives elsewhere; only what it says is known here, not why.")
    inputs = loop.store.items.inputs([item.id])
    rows = intake.decode(inputs, loop.project.schema)
    # What is stored may be of an earlier version, while the pool is being scored again.
    numbers = fitting.proba(serving.model, inputs, loop.project)
    (said,) = tasks.of(loop.project).targets(numbers, loop.project)
    about = _wanted(loop.project, label) if label else _about(loop.project, said, numbers[0])
    told = explainer(loop, serving).explain(rows, about)
    words = explain.sentence(told, loop.project.schema, item.values, usual_values(loop))
    nearest = labelled_neighbours(loop, [item.id]).get(item.id, ())
    return Explained(serving.version.number, said, words, told, nearest, _pulls(loop, serving, rows))


def reasons(loop: Loop, items: Sequence[Item]) -> dict[int, str]:
    """Item id -> one sentence why the serving version says what it says, for the items it can be told of at once.

    Left out are models that would have to be asked, pictures, whose patches have no names, and items that are hidden or
    whose prediction is of another version.
    """
    champion = loop.store.versions.champion(loop.project.id)
    columns = loop.project.schema.columns
    if champion is None or loop.project.task not in ON_CARDS or all(column.kind == "image" for column in columns):
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
    labels = [_about(loop.project, str(item.predicted)) for item in told]
    found, usual = explainer(loop, serving).briefly(rows, labels), usual_values(loop)
    return {
        item.id: explain.sentence(each, loop.project.schema, item.values, usual)
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
        way = explained_by(version.estimator)
        return Explainer(serving.model, loop.project.schema, outputs_of(loop.project), rows, version.seed, way)

    known = (loop.project.labels, loop.project.settings.unit)
    return loop.cache.get(("explainer", loop.store.url, loop.project.id, version.id, *known), make)


def _about(project: Project, said: str, numbers: Sequence[float] = ()) -> str:
    """What is explained of a prediction. numbers: all of it, which tell the least certain of several labels."""
    if project.task == "multilabel":
        return project.labels[int(np.abs(np.asarray(numbers) - 0.5).argmin())]
    # An alarm is explained whichever is likelier: nobody asks what makes a row normal.
    return intake.ANOMALY if project.task == "anomaly" else said


def _wanted(project: Project, label: str) -> str:
    if label not in project.labels:
        raise InvalidInput(
            f"label={label[:80]!r} is none of this project's: choose one of {', '.join(project.labels[:20]) or 'none'}."
        )
    return _about(project, label) if project.task == "anomaly" else label


def _pulls(loop: Loop, serving: Serving, row: Any) -> tuple[Pull, ...]:
    """The answers that move a row's alarm most; () for a model without a breakdown, or without a record of them."""
    step = getattr(serving.model, "named_steps", {}).get("model")
    if loop.project.task != "anomaly" or step is None or not hasattr(step, "breakdown"):
        return ()
    ids, labels = loop.store.versions.taught(serving.version.id)
    _, found = step.breakdown(serving.model.named_steps["prepare"].transform(row))
    if len(ids) != found.shape[1]:
        return ()
    strongest = np.argsort(-np.abs(found[0]), kind="stable")[:PULLS]
    return tuple(Pull(int(ids[n]), str(labels[n]), float(found[0, n])) for n in strongest if abs(found[0, n]) >= 0.005)


def as_json(loop: Loop, item: Item, found: Explained) -> dict[str, Any]:
    """An item's explanation as plain JSON values, the largest effects first."""
    told, columns = found.explanation, loop.project.schema.columns
    values = {
        each.name: None if each.kind == "image" else value for each, value in zip(columns, item.values, strict=True)
    }
    keys = loop.store.items.keys(found.named)
    return {
        "key": item.key,
        "version": found.version,
        "label": told.label,
        "sentence": found.sentence,
        "way": told.way,
        "unit": told.unit,
        "measure": told.measure,
        "exact": told.exact,
        "samples": told.samples,
        "base": told.base,
        "answers": told.answers,
        "output": told.output,
        "effects": [asdict(effect) | {"value": values[effect.column]} for effect in told.strongest],
        "details": [_detail(each, str(values[each.column] or "")) for each in told.details],
        "nearest": [{"key": keys[n.item_id], "label": n.label, "distance": n.distance} for n in found.nearest],
        "pulls": [{"key": keys[n.item_id], "label": n.label, "amount": n.amount} for n in found.pulls],
    }


def _detail(found: Detail, text: str) -> dict[str, Any]:
    words = [asdict(piece) | {"text": text[piece.start : piece.end]} for piece in found.words]
    return {"column": found.column, "words": words, "heat": [list(row) for row in found.heat], "rest": found.rest}


def _background(loop: Loop, version: Version) -> Sequence[int]:
    """Ids of the rows a version has learned from, of those without a label where it has learned from such.

    Where nobody knows them, of labelled rows, else of the pool.
    """
    if unlabelled := loop.store.backgrounds.of(version.id).ids:
        return unlabelled
    if version.lineage_known:
        return [int(item_id) for item_id in loop.store.versions.taught(version.id)[0]]
    known = footing(loop.store, loop.project, version)["ids"]
    return known or pool_start(loop.store, loop.project)
