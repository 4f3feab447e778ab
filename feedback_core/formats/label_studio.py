"""Label Studio: tasks with predictions and annotations, as its import takes them and its JSON export writes them.

Its import keeps `data`, `meta`, and of an annotation the result, the time taken, whether it was cancelled, and the id.
Who annotated must be the e-mail address of a member there, or the whole file is refused: so names go in a field of
their own, which it passes over. Source: label_studio/tasks/serializers.py of its repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import orjson

from .. import multilabel
from ..types import Project
from .fields import entry_id, listed, mapping, pictures, seconds, share, takes_several, text
from .json_stream import objects
from .record import Answer, Format, Guess, Record, Source
from .registry import register

QUESTION = "label"
"""Name of the question in the labelling set-up."""

ORIGIN = "feedback_loop"
"""Field of a task's meta in which our key travels."""

_TAKEN = ("choices", "number", "rating")
"""Types of result that answer about a whole item."""


def config(project: Project) -> str:
    """The labelling set-up that shows a project's items and asks for its label: paste it in Settings, Labeling."""
    shown = [
        f"  <Header value={quoteattr(name)}/>\n  <Text name={quoteattr(_tag(name))} value={quoteattr(f'${name}')}/>"
        for name in project.schema.names
    ]
    about = quoteattr(_tag(project.schema.names[0]))
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in project.labels)
    one = "multiple" if takes_several(project) else "single"
    asked = f'  <Choices name="{QUESTION}" toName={about} choice="{one}" showInLine="true">\n{choices}\n  </Choices>'
    if project.task == "regression":
        asked = f'  <Number name="{QUESTION}" toName={about}/>'
    return "\n".join(["<View>", *shown, asked, "</View>"])


def write(source: Source) -> Iterator[bytes]:
    """One list of tasks, a task at a time."""
    start = b"["
    for record in source.records():
        yield start + orjson.dumps(_task(source.project, record), option=orjson.OPT_SERIALIZE_NUMPY)
        start = b",\n"
    yield b"[]" if start == b"[" else b"]\n"


def read(file: BinaryIO, project: Project) -> Iterator[Record]:
    """Tasks of a JSON export or of a file made for its import. Raises InvalidFile."""
    for number, task in objects(file, "task"):
        yield _record(f"task {number:,}", task, takes_several(project))


def _unfit(project: Project) -> str:
    if project.task not in ("classification", "regression", "multilabel"):
        return f"Label Studio files are made of labels and numbers, and this project is about {project.task}"
    column = pictures(project)
    return f"Label Studio shows pictures by their address, and {column!r} holds them in the row" if column else ""


def _task(project: Project, record: Record) -> dict[str, Any]:
    result = partial(_result, project)
    meta = {"key": record.key, "split": record.split, "state": record.state, "label": record.label}
    return {
        # Null is no value of its text tag, and a column must be there.
        "data": {name: "" if value is None else value for name, value in record.values.items()},
        "meta": {ORIGIN: {name: value for name, value in meta.items() if value is not None}},
        "predictions": [_prediction(guess, result) for guess in record.guesses],
        "annotations": [_annotation(answer, result) for answer in record.answers if answer.said != "flag"],
    }


def _tag(column: str) -> str:
    return re.sub(r"\W", "_", column) or "_"


def _prediction(guess: Guess, result: Callable[[str], Any]) -> dict[str, Any]:
    return {"model_version": guess.version, "score": guess.score, "result": [result(guess.label)]}


def _annotation(answer: Answer, result: Callable[[str], Any]) -> dict[str, Any]:
    return {
        "id": answer.entry,
        "reviewer": answer.by,
        "was_cancelled": answer.said == "skip",
        # Their import takes an annotation for the truth unless told otherwise.
        "ground_truth": False,
        "lead_time": answer.seconds,
        "result": [] if answer.said == "skip" else [result(answer.label)],
    }


def _result(project: Project, label: str) -> dict[str, Any]:
    chosen = list(multilabel.parts(label)) if takes_several(project) else [label]
    said = {"number": float(label)} if project.task == "regression" else {"choices": chosen}
    about = _tag(project.schema.names[0])
    return {"from_name": QUESTION, "to_name": about, "type": next(iter(said)), "value": said}


def _record(place: str, task: Mapping[str, Any], several: bool) -> Record:
    # A task without `data` is its own data, as their import has it.
    data = task["data"] if isinstance(task.get("data"), dict) else task
    ours = mapping(mapping(task.get("meta")).get(ORIGIN))
    trouble: list[str] = []
    answers = [
        _answer(each, bool(ours), trouble, several)
        for each in listed(task.get("annotations") or task.get("completions"))
    ]
    guesses = [_guess(each, trouble, several) for each in listed(task.get("predictions"))]
    return Record(
        place,
        data,
        key=text(ours.get("key")) or None,
        label=ours.get("label"),
        answers=tuple(each for each in answers if each is not None),
        guesses=tuple(each for each in guesses if each is not None),
        trouble=tuple(trouble),
    )


def _answer(annotation: Mapping[str, Any], ours: bool, trouble: list[str], several: bool) -> Answer | None:
    by = text(annotation.get("reviewer")) or _person(annotation.get("completed_by"))
    number = text(annotation.get("id"))
    # What went out from here comes back with our number as the one it was imported under.
    entry = entry_id(annotation.get("import_id") or annotation.get("id")) if ours else None
    took = seconds(annotation.get("lead_time"))
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        return Answer(by, "skip", seconds=took, id=number, entry=entry)
    label = _said(annotation.get("result"), f"annotation {number or 'without a number'}", trouble, several)
    return None if label is None else Answer(by, "label", label, seconds=took, id=number, entry=entry)


def _guess(prediction: Mapping[str, Any], trouble: list[str], several: bool) -> Guess | None:
    label = _said(prediction.get("result"), "a prediction", trouble, several)
    version = text(prediction.get("model_version")) or "Label Studio"
    return None if label is None else Guess(label, version, share(prediction.get("score")))


def _person(completed_by: Any) -> str:
    """E-mail address, name or number of who annotated."""
    if isinstance(completed_by, dict):
        return text(completed_by.get("email")) or text(completed_by.get("username")) or text(completed_by.get("id"))
    named = text(completed_by)
    return f"annotator {named}" if named.isdecimal() else named


def _said(result: Any, what: str, trouble: list[str], several: bool) -> Any:
    """The label that a result gives, a list where an item bears several; None with a sentence about why none."""
    regions = listed(result)
    if several and not regions:
        return []  # nobody ticked a box
    whole = [each for each in regions if each.get("type") in _TAKEN and mapping(each.get("value"))]
    asked = [each for each in whole if each.get("from_name") == QUESTION] or whole
    if not asked:
        kinds = sorted({text(each.get("type")) or "nothing" for each in regions})
        trouble.append(
            f"{what} marks parts of the item ({', '.join(kinds)}): only labels of whole items can be taken in"
            if regions
            else f"{what} is empty: there is no label in it"
        )
        return None
    if len(asked) > 1:
        questions = ", ".join(sorted({text(each.get("from_name")) or "?" for each in asked}))
        trouble.append(f"{what} answers {len(asked)} questions ({questions}): name the one that counts {QUESTION!r}")
        return None
    return _value(asked[0]["value"], what, trouble, several)


def _value(value: Mapping[str, Any], what: str, trouble: list[str], several: bool) -> Any:
    choices: Sequence[Any] | Any = value.get("choices")
    if isinstance(choices, list):
        if several:
            return choices
        if len(choices) == 1:
            return choices[0]
        trouble.append(f"{what} chooses {len(choices)} labels: this project takes one an item")
        return None
    found = next((value[name] for name in ("number", "rating") if name in value), None)
    if found is None:
        trouble.append(f"{what} holds no choice: there is no label in it")
    return found


register(
    "label-studio",
    Format(
        "Label Studio JSON",
        "Tasks with predictions and annotations: import them in Label Studio, or bring its JSON export back.",
        ".json",
        "application/json",
        write,
        read,
        unfit=_unfit,
        accepts=(".json",),
    ),
)
