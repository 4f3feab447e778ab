"""Feedback as JSON Lines, in the words of REST: one entry a line, stored once however often the file is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from .errors import FeedbackError, InvalidFeedback, NotFound, Stale
from .loop import Loop
from .review import MAX_NOTE
from .submissions import Submission, keyed, submit
from .types import VERDICTS, Feedback, Progress

BATCH = 1_000
"""Entries of one transaction, which others wait for."""

FIELDS: Mapping[str, tuple[type, ...]] = {
    "item": (int, str),
    "input": (list, dict),
    "verdict": (str,),
    "target": (str, int, float, bool, list),
    "corrected_prediction": (str, int, float, bool, list),
    "version": (int,),
    "draw": (int,),
    "note": (str,),
    "seconds": (int, float),
    "revises": (bool,),
    "idempotency_key": (str,),
}
"""What an entry may hold, as `POST /feedback` takes it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry and where it stands in the file, from 1."""

    number: int
    entry: Submission


def parsed(text: bytes, by: str) -> list[Line]:
    """Every line checked for its shape. Raises InvalidFeedback naming the line.

    An entry without an idempotency key gets one from all that stands in the file up to its end: so what has been
    stored of a file is known again when it is sent once more, or has grown.
    """
    so_far, found = sha256(), []
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        so_far.update(line.strip() + b"\n")
        if line.strip():
            row = _row(line, number)
            given = row.get("idempotency_key")
            key = keyed(by, given) if given else f"lines-{by}-{so_far.hexdigest()}"
            found.append(Line(number, _submission(row, key)))
    if not found:
        raise InvalidFeedback('there is no entry: write {"item": ..., "target": ...} objects, one a line.')
    return found


def stored(loop: Loop, by: str, lines: Sequence[Line], progress: Progress) -> Iterator[list[Feedback]]:
    """Store entries, a thousand in a transaction; gives them as they are stored.

    Raises as `submit` does, naming the line; what was stored before stays, and is known when the file is sent again.
    """
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        try:
            yield submit(loop, by, [line.entry for line in batch], [f"line {line.number:,}: " for line in batch])
        except (InvalidFeedback, NotFound, Stale) as error:
            raise _placed(error, batch, start) from error
        done = start + len(batch)
        progress(done / len(lines), f"{done:,} of {len(lines):,} entries")


def _placed(error: FeedbackError, batch: Sequence[Line], done: int) -> FeedbackError:
    said = str(error)
    place = "" if said.startswith("line ") else f"lines {batch[0].number:,} to {batch[-1].number:,}: "
    before = f" The {done:,} entries before are stored." if done else " No entry was stored."
    return type(error)(f"{place}{said}{before} Correct the file and send it again: nothing is stored twice.")


def _row(line: bytes, number: int) -> dict[str, Any]:
    place = f"line {number:,}: "
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidFeedback(f"{place}not valid JSON ({error}): write one object a line.") from None
    if not isinstance(row, dict):
        raise InvalidFeedback(
            f'{place}{line[:80].decode(errors="replace")!r} is no object: write {{"item": ..., "target": ...}}.'
        )
    for name, value in row.items():
        if name not in FIELDS:
            raise InvalidFeedback(f"{place}{name!r:.80} is not known: use {', '.join(FIELDS)}.")
        # JSON's true is Python's 1.
        fits = isinstance(value, FIELDS[name]) and (not isinstance(value, bool) or bool in FIELDS[name])
        if value is not None and not fits:
            raise InvalidFeedback(f"{place}{name}={value!r:.80} is not what it takes.")
    _check_values(row, place)
    return {name: value for name, value in row.items() if value is not None}


def _check_values(row: Mapping[str, Any], place: str) -> None:
    if row.get("verdict") not in (None, *VERDICTS):
        raise InvalidFeedback(f"{place}verdict={row['verdict']!r:.80} is not known: use one of {', '.join(VERDICTS)}.")
    for name in ("item", "version", "draw"):
        if isinstance(row.get(name), int) and not 1 <= row[name] < 2**63:
            raise InvalidFeedback(f"{place}{name}={row[name]!r} is no number of one: give 1 or more.")
    if not 0 <= (row.get("seconds") or 0) <= 86_400:
        raise InvalidFeedback(f"{place}seconds={row['seconds']!r} is out of range: give 0 to 86400.")
    if len(row.get("note") or "") > MAX_NOTE:
        raise InvalidFeedback(f"{place}note has {len(row['note']):,} characters: give at most {MAX_NOTE:,}.")
    if len(row.get("idempotency_key") or "") > 200:
        raise InvalidFeedback(f"{place}idempotency_key has more than 200 characters: send a shorter one.")


def _submission(row: Mapping[str, Any], key: str) -> Submission:
    return Submission(
        item=row.get("item"),
        input=row.get("input"),
        verdict=row.get("verdict", "correct"),
        target=row.get("corrected_prediction", row.get("target")),
        version_id=row.get("version"),
        draw_id=row.get("draw"),
        note=row.get("note", ""),
        seconds=row.get("seconds"),
        revises=row.get("revises", False),
        key=key,
    )
