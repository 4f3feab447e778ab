"""The review deck's outbox: decisions a browser sends, stored in order and exactly once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import FeedbackError, InvalidFeedback
from .loop import Loop
from .types import Decision

_CLIENT = re.compile(r"[A-Za-z0-9]{1,40}")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "draw": (int,),
    "item": (int,),
    "version": (int, type(None)),
    "verdict": (str,),
    "target": (str, type(None)),
    "note": (str, type(None)),
    "seconds": (int, float, type(None)),
    "revises": (bool, type(None)),
    "undoes": (str, type(None)),
}


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of the entry with this number. A refused one says why, and is not to be sent again."""

    seq: int
    saved: bool
    message: str = ""


def apply(loop: Loop, reviewer: str, client: str, entries: Sequence[Mapping[str, Any]]) -> list[Ack]:
    """Store one browser's decisions in the order of their numbers; give one answer per entry.

    client: the browser's own id for its outbox; with `seq` it makes the idempotency key, so whatever is sent again
    after a lost answer is stored once. An entry is a decision {seq, draw, item, version, verdict, target, note,
    seconds, revises} or takes one back: {seq, verdict: "undo", undoes: "client-seq"}. Decisions between two undos are
    one transaction; when one of them is refused they are stored one by one, so that it costs none of the others.
    """
    if not _CLIENT.fullmatch(client):
        raise InvalidFeedback(f"client={client!r} is not an id of letters and digits: reload the page.")
    acks: list[Ack] = []
    for run in _runs(_numbered(entries)):
        acks += _together(loop, reviewer, client, run)
    return acks


def key_of(client: str, seq: int) -> str:
    """The idempotency key of one entry."""
    return f"deck-{client}-{seq}"


def _numbered(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    for entry in entries:
        if type(entry.get("seq")) is not int:
            raise InvalidFeedback(f"seq={entry.get('seq')!r} is not a whole number: reload the page.")
    return [entry for _, entry in sorted({entry["seq"]: entry for entry in entries}.items())]


def _runs(entries: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Longest stretches without an undo; each undo is a stretch of its own."""
    run: list[Mapping[str, Any]] = []
    for entry in entries:
        if entry.get("verdict") == "undo":
            if run:
                yield run
            yield [entry]
            run = []
        else:
            run.append(entry)
    if run:
        yield run


def _together(loop: Loop, reviewer: str, client: str, run: Sequence[Mapping[str, Any]]) -> list[Ack]:
    if len(run) > 1:
        try:
            loop.record(*(_decision(entry, reviewer, client) for entry in run))
            return [Ack(entry["seq"], True) for entry in run]
        except FeedbackError:
            pass  # all or none: nothing is stored yet, and the entries are tried alone to find the refused one
    return [_alone(loop, reviewer, client, entry) for entry in run]


def _alone(loop: Loop, reviewer: str, client: str, entry: Mapping[str, Any]) -> Ack:
    try:
        if entry.get("verdict") == "undo":
            _take_back(loop, reviewer, str(entry.get("undoes")))
        else:
            loop.record(_decision(entry, reviewer, client))
    except FeedbackError as error:
        return Ack(entry["seq"], False, str(error))
    return Ack(entry["seq"], True)


def _take_back(loop: Loop, reviewer: str, undoes: str) -> None:
    said = loop.store.feedback.by_key(loop.project.id, f"deck-{undoes}")
    if said is None or said.reviewer != reviewer:
        raise InvalidFeedback(f"undoes={undoes!r} is no stored decision of {reviewer}: there is nothing to take back.")
    if said.state != "withdrawn":  # withdrawn: this undo was stored already, and only its answer was lost
        loop.undo(said.id, reviewer, hold=True)


def _decision(entry: Mapping[str, Any], reviewer: str, client: str) -> Decision:
    for name, kinds in _KINDS.items():
        value = entry.get(name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InvalidFeedback(f"{name}={value!r} is not what a decision holds: reload the page.")
    seconds = entry.get("seconds")
    return Decision(
        entry["item"],
        reviewer,
        entry["verdict"],
        entry.get("target"),
        version_id=entry.get("version"),
        note=entry.get("note") or "",
        seconds=None if seconds is None else round(float(seconds), 2),
        draw_id=entry["draw"],
        idempotency_key=key_of(client, entry["seq"]),
        revises=bool(entry.get("revises")),
    )
