"""Take in, first step: what a table seems to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isqrt
from typing import TYPE_CHECKING, Any

from ..types import Column, Schema
from .cells import text_column, whole_label, with_text_names
from .facts import MAX_CLASSES, Facts, facts_of

if TYPE_CHECKING:
    import pandas as pd

LABEL_NAMES = ("label", "labels", "target", "class", "y", "outcome", "species", "diagnosis")
_ID_NAME = re.compile(
    r"(?i:(.*[_\-. ])?(id|key|uuid|guid|index)|(row|user|item|case|sample|record|doc|document|image|file|customer)id)"
    r"|.*[a-z]I[dD]|(?i:file([_ ]?(name|path))?)"
)
_MAX_NUMBER_CLASSES = 20
_GAPS = 0.1
"""Share of empty cells from which a column is more likely waiting for labels than a feature with a few holes."""
_PIXEL_WORDS = ("pixel", "px", "pix", "image", "img", "")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a table seems to hold, for a person to confirm. task: its name, or "none"."""

    columns: tuple[Column, ...]
    label_column: str | None
    id_column: str | None
    task: str
    why: str
    notes: tuple[str, ...]
    pictures: str = ""
    """Folder of the picture files that the cells refer to."""


def propose(frame: pd.DataFrame) -> Proposal:
    """Guess column kinds, label, id and task. Raises InvalidFile for repeated names and lists of unequal length."""
    frame = with_text_names(frame)
    facts = {name: facts_of(frame[name], name) for name in frame.columns}
    id_column = next((fact.name for fact in facts.values() if _is_id(fact)), None)
    label_column = _find_label([fact for fact in facts.values() if fact.name != id_column])
    task, why, notes = _task(frame, facts.get(label_column or ""))
    notes = [*map(str, frame.attrs.get("notes", ())), *notes]
    shape = frame.attrs.get("shape", (32, 32, 3))
    facts = {name: replace(fact, shape=shape) if fact.files else fact for name, fact in facts.items()}
    columns = _columns([fact for fact in facts.values() if fact.name not in (id_column, label_column)], notes)
    if not columns:
        notes.append("No column is left to predict from: upload a file with at least one more column.")
    return Proposal(columns, label_column, id_column, task, why, tuple(notes), frame.attrs.get("pictures", ""))


def unfit_label(frame: pd.DataFrame, column: str) -> str:
    """Why a column cannot be the label of a classifier, with the way out; empty when it can.

    Looks at the values alone, whatever `propose` has guessed. Raises InvalidFile for lists of unequal length.
    """
    fact = facts_of(with_text_names(frame)[column], column)
    known = fact.n - fact.missing
    if fact.kind == "image":
        return f"{column!r} holds lists of numbers, not labels: choose another column."
    if fact.lists:
        return f"{column!r} holds lists: choose the task of several labels a row, or another column."
    if fact.kind == "number" and fact.distinct and not (fact.whole and fact.distinct <= MAX_CLASSES):
        return (
            f"{column!r} holds {fact.distinct:,} different numbers: an amount on a scale, not a class. Choose the task "
            "of predicting a number, another column, or add one that sorts the numbers into a few named groups, such "
            "as low, medium and high."
        )
    if fact.distinct > max(MAX_CLASSES, known // 2):
        return (
            f"{column!r} holds {fact.distinct:,} different values in {known:,} rows, so hardly any class has two "
            "examples to learn from. Choose a column whose values repeat."
        )
    return ""


def holds_lists(frame: pd.DataFrame, column: str) -> bool:
    """Whether the cells of a column are lists of text, such as several labels a row."""
    return facts_of(with_text_names(frame)[column], column).lists


def match(frame: pd.DataFrame, schema: Schema, labels: Sequence[str]) -> tuple[str | None, str | None]:
    """The label and the id column of more rows of a project, None where none fits; features are never taken for them.

    labels: the project's. A label column holds nothing else; of several the one with a usual name, else the last.
    """
    frame = with_text_names(frame)
    features = {source for column in schema.columns for source in column.sources or (column.name,)}
    others = [name for name in frame.columns if name not in features]
    found = [name for name in others if (held := set(classes(frame, name))) and held <= set(labels)]
    label = next((name for name in found if name.lower() in LABEL_NAMES), found[-1] if found else None)
    ids = (name for name in others if name != label and _is_id(facts_of(frame[name], name)))
    return label, next(ids, None)


def classes(frame: pd.DataFrame, label_column: str) -> tuple[str, ...]:
    """The distinct labels as text, sorted as people count ("2" before "10"); labels like 3.0 read as "3"."""
    texts, _ = text_column(with_text_names(frame)[label_column])
    found = {text for text in texts.tolist() if text is not None}
    if all(re.fullmatch(r"[+-]?\d+(\.0*)?", text) for text in found):
        found = {whole_label(text) for text in found}
    return tuple(sorted(found, key=natural))


def natural(text: str) -> tuple[Any, ...]:
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return 0, [float(text)], text
    return 1, [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", text)], text


def _is_id(fact: Facts) -> bool:
    unique = fact.distinct == fact.n and fact.missing == 0
    plausible = fact.kind in ("category", "text") or (fact.kind == "number" and fact.whole)
    return unique and plausible and _ID_NAME.fullmatch(fact.name) is not None


def _find_label(facts: Sequence[Facts]) -> str | None:
    """By name; else the last column, if it alone has gaps, as labels have that are still to be given; else the last one
    with few values."""
    by_name = {fact.name.lower(): fact.name for fact in facts if fact.kind in ("category", "number")}
    for name in LABEL_NAMES:
        if name in by_name:
            return by_name[name]
    if facts and _awaits_labels(facts[-1]) and not any(fact.missing for fact in facts[:-1]):
        return facts[-1].name
    few = [fact.name for fact in facts if _has_few_values(fact)]
    return few[-1] if few else None


def _awaits_labels(fact: Facts) -> bool:
    return fact.kind in ("category", "number") and fact.distinct >= 2 and fact.missing >= _GAPS * fact.n


def _has_few_values(fact: Facts) -> bool:
    most = MAX_CLASSES if fact.kind == "category" else _MAX_NUMBER_CLASSES if fact.whole else 0
    return fact.kind in ("category", "number") and 2 <= fact.distinct <= min(most, (fact.n - fact.missing) // 2)


def _task(frame: pd.DataFrame, label: Facts | None) -> tuple[str, str, list[str]]:
    """Task, why in words, and notes."""
    if label is None:
        return "none", "no column looks like a label: choose one, or give the labels while reviewing", []
    if label.distinct == 0:
        return "none", f"the label column {label.name!r} is empty: every row waits for a reviewer", []
    if label.kind == "number" and not (label.whole and label.distinct <= MAX_CLASSES):
        return "regression", f"{label.name!r} holds {label.distinct:,} different numbers", []
    if label.lists:
        return "multilabel", f"{label.name!r} holds lists of labels", []
    names = classes(frame, label.name)
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    why = f"{label.name!r} holds {len(names):,} different values: {listed}"
    alone = f"Every label in {label.name!r} is {names[0]!r}: a model needs at least two classes to learn."
    return "classification", why, [alone] if len(names) == 1 else []


def _columns(facts: Sequence[Facts], notes: list[str]) -> tuple[Column, ...]:
    """One column per fact, except that a run of pixels becomes one image; what to tell a person goes to notes."""
    columns: list[Column] = []
    for _, group in groupby(enumerate(facts), key=lambda pair: _run_key(pair[1].name, pair[0])):
        run = [fact for _, fact in group]
        if _is_image(run):
            columns.append(_image_of(run, {fact.name for fact in facts}))
            side = columns[-1].shape[0]
            notes.append(f"{run[0].name!r} to {run[-1].name!r} are taken as one image of {side} x {side} pixels.")
        else:
            columns += [Column(fact.name, fact.kind, fact.shape, (), fact.files) for fact in run]
            notes += [note for fact in run for note in fact.notes]
    return tuple(columns)


def _run_key(name: str, position: int) -> tuple[Any, ...]:
    """Equal for neighbours with one prefix and consecutive numbers."""
    match = re.fullmatch(r"(.*?)(\d+)", name)
    return (match[1], int(match[2]) - position) if match else (name, position, "no number")


def _prefix(fact: Facts) -> str:
    return re.sub(r"[_\-. ]*\d+$", "", fact.name)


def _is_image(run: Sequence[Facts]) -> bool:
    numeric = all(fact.kind == "number" and not fact.missing for fact in run)
    # Other numbered columns are often measurements; those go below zero sooner or later, pixels do not.
    plausible = _prefix(run[0]).lower() in _PIXEL_WORDS or min(fact.lowest for fact in run) >= 0
    return len(run) >= 16 and isqrt(len(run)) ** 2 == len(run) and numeric and plausible


def _image_of(run: Sequence[Facts], taken: set[str]) -> Column:
    prefix, side = _prefix(run[0]), isqrt(len(run))
    name = prefix if prefix and prefix not in taken else "image"
    return Column(name, "image", (side, side), tuple(fact.name for fact in run))
