"""Prodigy JSON Lines for text classification: one line an item and person, with `text`, `label` or `accept`, `answer`.

Source: prodi.gy/docs/api-interfaces, the classification and choice interfaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import orjson

from ..types import Project
from .fields import mapping, only_labels, share, takes_several, text, text_column, written
from .json_stream import objects
from .record import Answer, Format, Guess, Record, Source
from .registry import register

_ANSWERS = ("accept", "reject", "ignore")
_OURS = ("key", "split", "state", "score", "version")
"""Fields of `meta` that are no columns."""

_ITS_OWN = ("text", "label", "answer", "accept", "cats", "meta", "options", "spans", "tokens", "flagged", "config")


def write(source: Source) -> Iterator[bytes]:
    """A line for each answer; for an item without one a line with its label or, to be asked about, the prediction.

    Where an item bears several labels, a line has all of them as options and those that are chosen in `accept`.
    """
    column = text_column(source.project)
    for record in source.records():
        yield b"".join(orjson.dumps(line) + b"\n" for line in _lines(record, column, source.project))


def read(file: BinaryIO, project: Project) -> Iterator[Record]:
    """Lines of `prodigy db-out`, or with `cats` as spaCy has them. Raises InvalidFile."""
    column = text_column(project)
    for number, line in objects(file, "line"):
        yield _record(f"line {number:,}", line, column, project)


def _unfit(project: Project) -> str:
    missing = "" if text_column(project) else "Prodigy's lines are about a text, and this project has no text column"
    return only_labels(project, "A file of Prodigy") or missing


def _lines(record: Record, column: str, project: Project) -> Iterator[Mapping[str, Any]]:
    # Its cards want a text; that there is none is no text of its own.
    body = {"text": record.values[column] or "", "meta": _meta(record, column)}
    for answer in record.answers:
        yield body | _said(answer, project)
    if record.answers:
        return
    if record.label is not None:
        yield body | _chosen(record.label, project) | {"answer": "accept"}
    else:
        yield body | (_chosen(record.guesses[0].label, project) if record.guesses else {})


def _chosen(label: str | None, project: Project) -> dict[str, Any]:
    if not takes_several(project):
        return {"label": label}
    return {"options": [{"id": each, "text": each} for each in project.labels], "accept": written(label, project)}


def _meta(record: Record, column: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"key": record.key, "split": record.split, "state": record.state}
    if record.guesses:
        facts |= {"score": record.guesses[0].score, "version": record.guesses[0].version}
    return {name: value for name, value in record.values.items() if name != column} | facts


def _said(answer: Answer, project: Project) -> dict[str, Any]:
    said = {"_annotator_id": answer.by, "_session_id": answer.by}
    if answer.said == "label":
        return said | _chosen(answer.label, project) | {"answer": "accept"}
    return said | {"answer": "ignore"} | ({"flagged": True} if answer.said == "flag" else {})


def _record(place: str, line: Mapping[str, Any], column: str, project: Project) -> Record:
    meta = mapping(line.get("meta"))
    names = project.schema.names
    values = {name: value for name, value in meta.items() if name in names or name not in _OURS}
    values |= {name: value for name, value in line.items() if name in names or not _is_its_own(name)}
    if "text" in line:
        values.setdefault(column or "text", line["text"])
    # A column of ours may bear the name of a fact: then the fact stayed out of it when the line was written.
    facts = {name: meta.get(name) for name in _OURS if name not in names}
    record = Record(place, values, key=text(facts.get("key")) or None)
    label, trouble = _label(line, takes_several(project))
    answer, by = line.get("answer"), text(line.get("_annotator_id")) or text(line.get("_session_id"))
    if answer is None:
        return _unanswered(record, line, label, facts, trouble)
    if answer not in _ANSWERS:
        label, trouble = None, f"answer={answer!r:.80} is not known: it is one of {', '.join(_ANSWERS)}"
    elif answer == "ignore":
        return replace(record, answers=(Answer(by, "flag" if line.get("flagged") is True else "skip"),))
    elif answer == "reject":
        label, trouble = _other(label, project)
    if label is None:
        return replace(record, trouble=(trouble or "accepts no label: there is none in it",))
    return replace(record, answers=(Answer(by, "label", label),)) if by else replace(record, label=label)


def _is_its_own(name: str) -> bool:
    """Whether a field of a line is Prodigy's and no input."""
    return name in _ITS_OWN or name.startswith("_")


def _unanswered(record: Record, line: Mapping[str, Any], label: Any, facts: Mapping[str, Any], trouble: str) -> Record:
    """Not asked about yet: a label is a model's, but for `cats`, which are what a model is to learn."""
    if trouble:
        return replace(record, trouble=(trouble,))
    if label is None or "cats" in line:
        return replace(record, label=label)
    guess = Guess(label, text(facts.get("version")) or "Prodigy", share(facts.get("score")))
    return replace(record, guesses=(guess,))


def _label(line: Mapping[str, Any], several: bool) -> tuple[Any, str]:
    """The label of a line, a list where an item bears several, None without one; and what is wrong with it."""
    if isinstance(accepted := line.get("accept"), list):
        chosen = accepted
    elif isinstance(cats := line.get("cats"), dict):
        chosen = [name for name, value in cats.items() if (share(float(value) if value is True else value) or 0) >= 0.5]
    elif several and "label" in line:
        return None, f"is about the label {line['label']!r:.80} alone: lines that choose among all labels have `accept`"
    else:
        return line.get("label"), ""
    if several:
        return chosen, ""
    if len(chosen) > 1:
        return None, f"gives {len(chosen)} labels: this project takes one an item"
    return (chosen[0] if chosen else None), ""


def _other(label: Any, project: Project) -> tuple[Any, str]:
    """What a rejected label leaves: of two labels the other one."""
    if takes_several(project):
        return None, "rejects a choice of labels: which ones are right cannot be told"
    others = [each for each in project.labels if each != text(label)]
    if len(others) == len(project.labels) - 1 == 1:
        return others[0], ""
    return None, f"says only that it is not {label!r:.80}: which of the other labels it is cannot be told"


register(
    "prodigy",
    Format(
        "Prodigy JSON Lines",
        "Texts with what each person accepted or ignored, as prodigy db-in and db-out have them; spaCy's cats too.",
        ".jsonl",
        "application/x-ndjson",
        write,
        read,
        unfit=_unfit,
        accepts=(".jsonl",),
    ),
)
