"""A file from elsewhere looked at before anything of it is taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO

import orjson

from ..errors import InvalidFile
from ..formats import FORMATS, Record
from ..store import Store
from ..types import Project
from .choices import Choices
from .guessing import own_names, taken_for, theirs
from .placing import Spot, news, placed, told
from .understanding import Report, Understood, understood

BATCH = 1_000
"""Records that are looked up together."""

SHOWN = 20
"""First records shown."""


@dataclass
class Look:
    """What taking a file in would do. new, known: items. votes: labels that would become base truth.

    entries: answers that would become entries. back: answers that went out from here or were taken in before. guesses:
    what models elsewhere say, by the version they name.
    first: the first records, as a table shows them. stopped: why the file cannot be read to its end, "" where it can.
    """

    report: Report = field(default_factory=Report)
    new: int = 0
    known: int = 0
    votes: int = 0
    entries: int = 0
    back: int = 0
    guesses: Counter[str] = field(default_factory=Counter)
    first: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take in."""
        return not (self.new or self.votes or self.entries or self.guesses)


def look(store: Store, project: Project, file: BinaryIO, choices: Choices) -> Look:
    """Read a file to its end, a batch at a time, and say what would become of it. Raises InvalidInput for the choices.

    New labels count as labels of the project.
    """
    new_labels = tuple(label for label in choices.new_labels if label not in project.labels)
    project = replace(project, labels=project.labels + new_labels)
    found = Look()
    coming: set[str] = set()
    own = own_names(store, project) if choices.guesses and taken_for(project) else None
    try:
        for batch in batches(understood(file, project, choices, found.report)):
            spots = _count(store, project, batch, coming, found)
            for each, spot in zip(batch, spots, strict=True):
                if own is not None:
                    found.guesses.update(guess.version for _, guess in theirs(each, spot, own))
    except InvalidFile as error:
        found.stopped = str(error)
    return found


def batches(records: Iterable[Understood], size: int = BATCH) -> Iterator[list[Understood]]:
    """Records in lists of at most `size`."""
    records = iter(records)
    while batch := list(islice(records, size)):
        yield batch


def fields(file: BinaryIO, project: Project, format: str, most: int = 100) -> tuple[str, ...]:
    """Names of the fields in the first records of a file. Raises InvalidFile."""
    read = FORMATS[format].read
    records: Iterable[Record] = () if read is None else islice(read(file, project), most)
    return tuple(dict.fromkeys(str(name) for record in records for name in record.values))


def matched(project: Project, theirs: Sequence[str]) -> dict[str, str]:
    """The field that holds each column where they differ: by name in any case, or the one field that is left."""
    columns = {name: name for name in project.schema.names if name in theirs}
    folded = {name.casefold(): name for name in reversed(theirs)}
    for name in project.schema.names:
        if name not in columns and name.casefold() in folded:
            columns[name] = folded[name.casefold()]
    absent = [name for name in project.schema.names if name not in columns]
    left = [name for name in theirs if name not in columns.values()]
    if len(absent) == 1:
        likely = left if len(left) == 1 else [name for name in left if name.casefold() in ("text", "image", "input")]
        columns |= {absent[0]: likely[0]} if len(likely) == 1 else {}
    return {ours: name for ours, name in columns.items() if ours != name}


def _count(store: Store, project: Project, batch: Sequence[Understood], coming: set[str], found: Look) -> list[Spot]:
    """Add a batch to a look; gives where its records belong. coming: inputs that earlier records would add."""
    spots = placed(store, project, batch)
    told(spots, batch, found.report)
    found.first += [_shown(each, project) for each in batch[: SHOWN - len(found.first)]]
    for each, spot in zip(batch, spots, strict=True):
        if spot.placed is None:
            found.new += each.digest not in coming
            found.votes += len(each.votes)
            found.entries += len(each.said)
            coming.add(each.digest)
    found.known += sum(spot.placed is not None and not spot.clash for spot in spots)
    for each_news in news(store, project, batch, spots, found.report):
        found.entries += len(each_news.said)
        found.back += each_news.back
    return spots


def _shown(each: Understood, project: Project) -> dict[str, Any]:
    said = "; ".join(f"{said.by}: {said.target or said.verdict}" for said in each.said)
    guess = f"{each.guesses[0][0]} ({each.guesses[0][1].version})" if each.guesses else ""
    values = orjson.loads(each.body)
    inputs = {name: _short(value) for name, value in zip(project.schema.names[:6], values, strict=False)}
    return {"where": each.place, **inputs, "labels": " / ".join(each.votes), "answers": said, "prediction": guess}


def _short(value: Any) -> Any:
    return f"{len(value)} numbers" if isinstance(value, list) else value
