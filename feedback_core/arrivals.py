"""Items from other programs: rows in batches, and inputs that are predicted on the way in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from . import fitting, intake, tasks
from .errors import InvalidFeedback, InvalidInput, Refused
from .loop import Loop, Serving
from .store.listings import Placed
from .types import Project, Rows, Schema

MOST_ROWS = 10_000
"""Rows of a batch: more go through an import, which needs no memory for them."""


MOST_KEY = 200
"""Characters of a caller's id."""

MOST_LINE = 10_000_000
"""Bytes of one row in an import."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """added: how many rows are new. items: one for each row, in their order."""

    added: int
    items: list[Placed]


@dataclass(frozen=True, slots=True)
class Answered:
    """Predictions of n inputs. proba: (n, c) in the order of the task's columns. items: empty when not logged."""

    serving: Serving
    labels: list[str]
    confidence: list[float]
    proba: npt.NDArray[np.float64]
    items: list[Placed]


def encoded(values: Any, schema: Schema, place: str = "") -> bytes:
    """One input as canonical JSON. Raises InvalidFeedback naming its place among several."""
    if not isinstance(values, (list, dict)):
        raise InvalidFeedback(f"{place}item and input are both missing: give one of them.")
    try:
        return intake.encode_one(values, schema)
    except InvalidFeedback as error:
        raise InvalidFeedback(f"{place}{error}") from None


def target_of(value: Any, project: Project, place: str = "") -> str:
    """A target as the project writes it: 1 and 1.0 are the class "1". Raises InvalidFeedback naming its place."""
    try:
        return tasks.of(project).target(value, project)
    except InvalidFeedback as error:
        raise InvalidFeedback(f"{place}{error}") from None


def add(loop: Loop, by: str, rows: Rows) -> Arrived:
    """Store checked rows and, where a version serves, ask for their places in the queue."""
    hashes = [intake.input_hash(body) for body in rows.inputs]
    keys = [key or digest for key, digest in zip(rows.keys, hashes, strict=True)]
    added = loop.add_items(rows, by)
    if added and loop.store.versions.champion(loop.project.id) is not None:
        loop.request_rescore(by, "new items")
    placed = loop.store.listings.placed(loop.project.id, keys)
    return Arrived(added, [placed[key] for key in keys])


def of_inputs(loop: Loop, by: str, bodies: Sequence[bytes]) -> dict[str, int]:
    """Item ids by input hash. New inputs become items of the pool, with the prediction of the model that serves: what
    is said about them is then known to be a correction or not."""
    return {item.key: item.id for item in _logged(loop, by, bodies, None)}


def predict(loop: Loop, by: str, bodies: Sequence[bytes], *, log: bool) -> Answered:
    """Predict inputs with the model that serves; log: keep them as items, with what was said, for review."""
    serving = loop.serving()
    proba = _proba(loop, serving, bodies)
    if unknown := int(np.isnan(proba[:, 0]).sum()):
        raise Refused(
            f"Version {serving.version.number} is stored predictions alone and has none for {unknown:,} of "
            f"{len(bodies):,} inputs: add them as items, and send what your model says about them."
        )
    items = _logged(loop, by, bodies, (serving, proba)) if log else []
    said = tasks.scored(range(len(proba)), proba, loop.project)
    return Answered(serving, list(said.labels), said.confidence.tolist(), proba, items)


def _logged(
    loop: Loop, by: str, bodies: Sequence[bytes], said: tuple[Serving, npt.NDArray[np.float64]] | None
) -> list[Placed]:
    """The items of inputs, added where they are new and given their prediction where they have none. said: what was
    predicted for them already."""
    hashes = [intake.input_hash(body) for body in bodies]
    placed = loop.store.listings.placed(loop.project.id, hashes)
    missing = {digest: body for digest, body in zip(hashes, bodies, strict=True) if digest not in placed}
    if missing:
        loop.add_items(Rows(list(missing.values()), [None] * len(missing), [None] * len(missing)), by)
        placed = loop.store.listings.placed(loop.project.id, hashes)
    bare = {digest: n for n, digest in enumerate(hashes) if _is_bare(placed[digest])}
    if bare and (said or loop.store.versions.champion(loop.project.id) is not None):
        if said is None:
            serving = loop.serving()
            proba = _proba(loop, serving, [bodies[n] for n in bare.values()])
        else:
            serving, proba = said[0], said[1][list(bare.values())]
        told = np.flatnonzero(~np.isnan(proba[:, 0])).tolist()  # a version of stored predictions alone may have none
        known = [list(bare)[n] for n in told]
        _save(loop, serving, [placed[digest].id for digest in known], proba[told])
        placed |= {digest: replace(placed[digest], version_id=serving.version.id) for digest in known}
    return [placed[digest] for digest in hashes]


def _is_bare(item: Placed) -> bool:
    return item.split == "pool" and item.version_id is None


def _save(loop: Loop, serving: Serving, ids: Sequence[int], proba: npt.NDArray[np.float64]) -> None:
    """Put predictions on items, each with the priority of the open item that is about as sure.

    Its own is found when the pool is scored the next time: to rank a million for every input that comes in would take
    longer than the input may wait.
    """
    if not ids:
        return
    scored = tasks.scored(ids, proba, loop.project)
    near = loop.store.listings.priorities_near(loop.project.id, scored.confidence.tolist())
    priority = np.asarray([0.5 if value is None else value for value in near])
    loop.store.predictions.save_current(serving.version.id, replace(scored, priority=priority))


def _proba(loop: Loop, serving: Serving, bodies: Sequence[bytes]) -> npt.NDArray[np.float64]:
    if not bodies:
        raise InvalidInput("inputs is empty: send at least one.")
    return fitting.proba(serving.model, bodies, loop.project)


class Lines:
    """JSON Lines in chunks of any size; every line is checked and handed on as it is complete."""

    def __init__(self, project: Project, take: Callable[[str | None, str | None, bytes], None]) -> None:
        """take: called with key, label and canonical input of every row."""
        self._project, self._take = project, take
        self._rest, self._number, self._rows = b"", 0, 0

    def feed(self, chunk: bytes) -> None:
        """Take the lines that end in this chunk. Raises InvalidInput naming the line."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MOST_LINE:
            raise InvalidInput(f"line {self._number + 1:,} is longer than {MOST_LINE:,} bytes: send one row a line.")
        for line in lines:
            self._line(line)

    def close(self) -> None:
        """Take the last line, which needs no end. Raises InvalidInput where there was no row at all."""
        self._line(self._rest)
        if not self._rows:
            raise InvalidInput('there is no row: send {"input": ...} objects, one a line.')

    def _line(self, line: bytes) -> None:
        self._number += 1
        if not line.strip():
            return
        place = f"line {self._number:,}: "
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"{place}not valid JSON ({error}): write one object a line.") from None
        if not isinstance(row, dict) or not {"input"} <= set(row) <= {"input", "key", "label"}:
            raise InvalidInput(f'{place}not a row: write {{"input": ..., "key": ..., "label": ...}}.')
        key, label = row.get("key"), row.get("label")
        if key is not None and (not isinstance(key, str) or not 1 <= len(key) <= MOST_KEY):
            raise InvalidInput(f"{place}key={key!r:.80} is not a text of 1 to {MOST_KEY} characters.")
        if label is not None:
            label = target_of(label, self._project, place)
        self._take(key, label, encoded(row["input"], self._project.schema, place))
        self._rows += 1
