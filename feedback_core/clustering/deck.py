"""Answers on pairs as a browser sends them: in order, exactly once, each with an answer of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FeedbackError, InvalidFeedback
from ..loop import Loop
from .feedback import ClusterSaid, record, undo

LONGEST_S = 86_400.0

_KINDS: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "draw": (int,),
    "items": (list, tuple),
    "seconds": (int, float, type(None)),
}


@dataclass(frozen=True, slots=True)
class PairAck:
    """What became of one entry. message: why it was refused, empty when it is stored."""

    client: str
    seq: int
    saved: bool
    message: str


def apply(loop: Loop, reviewer: str, entries: Sequence[Mapping[str, Any]]) -> list[PairAck]:
    """Store entries in their order, each durably by itself; what is sent again is not stored again.

    entries: client, seq, and kind with draw, items and seconds; an undo has `undoes`, the seq of the same client.
    """
    return [_applied(loop, reviewer, entry) for entry in entries]


def name_of(entry: Mapping[str, Any]) -> tuple[str, int]:
    """Client and number of an entry, by which it is answered; 0 for what is no number."""
    seq = entry.get("seq")
    return str(entry.get("client"))[:40], seq if type(seq) is int else 0


def _applied(loop: Loop, reviewer: str, entry: Mapping[str, Any]) -> PairAck:
    client, seq = name_of(entry)
    try:
        _check(entry, {"client": (str,), "seq": (int,)})
        if entry.get("kind") == "undo":
            _undo(loop, reviewer, f"{client}-{entry.get('undoes')}", _key(reviewer, f"{client}-{seq}"))
        else:
            record(loop, _said(entry, reviewer, _key(reviewer, f"{client}-{seq}")))
    except FeedbackError as error:
        # Without an answer the browser would send the same for ever.
        return PairAck(client, seq, False, str(error))
    return PairAck(client, seq, True, "")


def _said(entry: Mapping[str, Any], reviewer: str, key: str) -> ClusterSaid:
    _check(entry, _KINDS)
    _check(dict(enumerate(entry["items"])), dict.fromkeys(range(len(entry["items"])), (int,)), "items")
    seconds = min(max(float(entry.get("seconds") or 0.0), 0.0), LONGEST_S)
    return ClusterSaid(entry["kind"], reviewer, tuple(entry["items"]), draw=entry["draw"], seconds=seconds, key=key)


def _check(entry: Mapping[Any, Any], kinds: Mapping[Any, tuple[type, ...]], field: str = "") -> None:
    for name, allowed in kinds.items():
        value = entry.get(name)
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise InvalidFeedback(
                f"{field or name}={value!r:.80} is not what an answer on a pair holds: reload the page."
            )


def _undo(loop: Loop, reviewer: str, name: str, key: str) -> None:
    given = loop.store.cluster_feedback.keyed(loop.project.id, _key(reviewer, name))
    if given is None or given.reviewer != reviewer:
        raise InvalidFeedback("There is nothing of yours to undo.")
    undo(loop, given.id, reviewer, key=key)


def _key(reviewer: str, name: str) -> str:
    return f"pair-{reviewer}-{name}"
