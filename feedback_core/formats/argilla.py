"""Argilla: records with fields, suggestions and responses, as `records.to_json` writes and `from_json` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from uuid import NAMESPACE_URL, uuid5

import orjson

from ..types import Project
from .fields import listed, mapping, only_labels, pictures, share, takes_several, text, written
from .json_stream import objects
from .record import Answer, Format, Guess, Record, Source
from .registry import register

QUESTION = "label"
"""Name of the label question of the data set."""

_REVIEWERS = "reviewers"
"""Field of the metadata with the names behind the user ids of the responses, in their order."""


def user_id(name: str) -> str:
    """The id under which a reviewer's responses go out: the same for a name in every file."""
    return str(uuid5(NAMESPACE_URL, f"feedback-loop:{name}"))


def write(source: Source) -> Iterator[bytes]:
    """One list of records, a record at a time."""
    start = b"["
    for record in source.records():
        yield start + orjson.dumps(_written(record, source.project), option=orjson.OPT_SERIALIZE_NUMPY)
        start = b",\n"
    yield b"[]" if start == b"[" else b"]\n"


def read(file: BinaryIO, project: Project) -> Iterator[Record]:
    """Records of a data set. Raises InvalidFile."""
    for number, found in objects(file, "record"):
        yield _record(f"record {number:,}", found, takes_several(project))


def _unfit(project: Project) -> str:
    column = pictures(project)
    shown = f"Argilla shows pictures by their address, and {column!r} holds them in the row" if column else ""
    return only_labels(project, "A label question of Argilla") or shown


def _written(record: Record, project: Project) -> dict[str, Any]:
    metadata = {"split": record.split, "state": record.state, "label": record.label}
    if record.answers:
        metadata[_REVIEWERS] = [answer.by for answer in record.answers]
    guess = record.guesses[0] if record.guesses else None
    said = {} if guess is None else _suggestion(guess, project)
    responses = [_response(answer, project) for answer in record.answers]
    return {
        "id": record.key,
        # Its text fields take text alone.
        "fields": {name: "" if value is None else str(value) for name, value in record.values.items()},
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "suggestions": {QUESTION: said} if said else {},
        "responses": {QUESTION: responses} if responses else {},
        "vectors": {},
        "status": "completed" if record.state == "labelled" else "pending",
        "_server_id": None,
    }


def _suggestion(guess: Guess, project: Project) -> dict[str, Any]:
    value = written(guess.label, project)
    # Of several labels it takes a score for each.
    score = [guess.proba.get(label, 0.0) for label in value] if isinstance(value, list) else guess.score
    return {"value": value, "score": score, "agent": guess.version}


def _response(answer: Answer, project: Project) -> dict[str, Any]:
    status = "submitted" if answer.said == "label" else "discarded"
    return {"value": written(answer.label, project), "user_id": user_id(answer.by), "status": status}


def _record(place: str, found: Mapping[str, Any], several: bool) -> Record:
    metadata, trouble = mapping(found.get("metadata")), list[str]()
    given = metadata.get(_REVIEWERS)
    names = {user_id(text(name)): text(name) for name in given} if isinstance(given, list) else {}
    asked = _asked(mapping(found.get("responses")), trouble)
    answers = [_answer(each, names, trouble, several) for each in asked]
    suggested = mapping(_one(mapping(found.get("suggestions"))))
    return Record(
        place,
        mapping(found.get("fields")),
        key=text(found.get("id")) or None,
        label=metadata.get("label"),
        answers=tuple(each for each in answers if each is not None),
        guesses=_guesses(suggested, several),
        trouble=tuple(trouble),
    )


def _asked(responses: Mapping[str, Any], trouble: list[str]) -> list[Mapping[str, Any]]:
    if len(responses) > 1 and QUESTION not in responses:
        questions = ", ".join(sorted(responses)[:5])
        trouble.append(f"answers {len(responses)} questions ({questions}): name the one that counts {QUESTION!r}")
        return []
    return list(listed(_one(responses)))


def _one(by_question: Mapping[str, Any]) -> Any:
    return by_question.get(QUESTION, next(iter(by_question.values()), None))


def _answer(response: Mapping[str, Any], names: Mapping[str, str], trouble: list[str], several: bool) -> Answer | None:
    user = text(response.get("user_id"))
    by, status = names.get(user, user), response.get("status") or "submitted"
    # Its own export leaves the status out, and a discarded response has no value.
    if status == "discarded" or (response.get("value") is None and "status" not in response):
        return Answer(by, "skip")
    if status != "submitted":
        trouble.append(f"a response is a {text(status) or 'thing unknown'}, not submitted: it is not taken in")
        return None
    value = response.get("value")
    if several:
        return Answer(by, "label", value)
    if isinstance(value, list) and len(value) != 1:
        trouble.append(f"a response gives {len(value)} labels: this project takes one an item")
        return None
    return Answer(by, "label", value[0] if isinstance(value, list) else value)


def _guesses(suggested: Mapping[str, Any], several: bool) -> tuple[Guess, ...]:
    value = suggested.get("value")
    if value is None or isinstance(value, dict) or isinstance(value, list) != several:
        return ()
    return (Guess(value, text(suggested.get("agent")) or "Argilla", share(suggested.get("score"))),)


register(
    "argilla",
    Format(
        "Argilla records",
        "Records with suggestions and responses: rg.Dataset.records.from_json reads them, and its to_json comes back.",
        ".json",
        "application/json",
        write,
        read,
        unfit=_unfit,
        accepts=(".json",),
    ),
)
