"""A file from elsewhere taken in: new items, then what people said about them, once however often it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, BinaryIO

from .. import intake, multilabel
from ..errors import FeedbackError
from ..loop import Loop
from ..types import Decision, Item, Progress, Project, Rows
from .choices import Choices
from .guessing import Guesses, taken_for
from .looking import batches
from .placing import News, news, placed, told
from .understanding import Report, Said, Understood, understood

TOLD = 200
"""Sentences about what was left out that stay with the job."""


@dataclass
class Taken:
    """What became of a file. back: answers that were here already. guesses: what models elsewhere said, stored as
    predictions of `versions`; `says` tells so in sentences, and `jobs` are what follows."""

    report: Report = field(default_factory=Report)
    items: int = 0
    entries: int = 0
    back: int = 0
    guesses: int = 0
    versions: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    says: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As a job keeps it."""
        listed = self.report.problems[:TOLD]
        sentences = [f"{each.column}: {f'{each.value} {each.what}'.strip()}" for each in listed]
        counts = {"records": self.report.records, "added": self.items, "entries": self.entries, "already": self.back}
        guessed = {"predictions": self.guesses, "versions": self.versions, "jobs": self.jobs, "says": self.says}
        return counts | guessed | {"problems": self.report.problems_in_all, "told": sentences}


def take(loop: Loop, file: BinaryIO, choices: Choices, by: str, size: int, progress: Progress) -> Taken:
    """Take a file in, a batch at a time; cut off, it goes on when it is taken in again. size: of the file in bytes.

    Raises InvalidFile where the file cannot be read on: what stood before stays.
    """
    fresh = tuple(label for label in choices.new_labels if label not in loop.project.labels)
    if fresh:
        loop.project = loop.store.projects.update(loop.project, labels=fresh, now=loop.clock(), actor=by)
    taking = _Taking(loop, by, choices)
    try:
        for batch in batches(understood(file, loop.project, choices, taking.taken.report)):
            taking.batch(batch)
            done = taking.taken.report.records
            progress(min(0.99, file.tell() / max(size, 1)), f"{done:,} records read")
        taking.labelled(progress)
        taking.guessed()
    finally:
        counts = {name: value for name, value in taking.taken.to_dict().items() if name not in ("told", "says", "jobs")}
        details = {"format": choices.format, "become": choices.become, **counts}
        loop.store.events.append(loop.project.id, loop.clock(), by, "file taken in", details)
    return taking.taken


class _Taking:
    """One file on its way in. Rows that become base data wait until all labels of an input are known."""

    def __init__(self, loop: Loop, by: str, choices: Choices) -> None:
        self._loop, self._by, self._choices, self.taken = loop, by, choices, Taken()
        self._guesses = None
        if choices.guesses and taken_for(loop.project):
            self._guesses = Guesses(loop.store, loop.project)
        self._base: dict[str, tuple[bytes, str | None, Counter[str]]] = {}

    def batch(self, batch: Sequence[Understood]) -> None:
        """Add the items of a batch that are new, then store what was said about them."""
        store, project = self._loop.store, self._loop.project
        spots = placed(store, project, batch)
        told(spots, batch, self.taken.report)
        if self._guesses is not None:
            self._guesses.add(batch, spots)
        new = [each for each, spot in zip(batch, spots, strict=True) if spot.placed is None]
        pool = [each for each in new if self._is_for_pool(each)]
        if pool:
            rows = Rows([each.body for each in pool], [each.key for each in pool], [None] * len(pool))
            self.taken.items += self._loop.add_items(rows, self._by)
            spots = placed(store, project, batch)
        found = news(store, project, batch, spots, self.taken.report)
        self.taken.back += sum(each.back for each in found)
        self._store([(each, _decision(said, each.item, self._by)) for each in found for said in each.said])

    def labelled(self, progress: Progress) -> None:
        """Add the rows that become base data, unlabelled where their labels differ."""
        if not self._base:
            return
        labels = [_agreed(votes, self._loop.project) for _, _, votes in self._base.values()]
        rows = Rows([body for body, _, _ in self._base.values()], [key for _, key, _ in self._base.values()], labels)
        self.taken.items += self._loop.add_items(rows, self._by, progress)

    def guessed(self) -> None:
        """Store what models elsewhere say, once all items are there."""
        if self._guesses is None:
            return
        heard, self.taken.guesses = self._guesses.store(self._loop, self._by, self.taken.report)
        self.taken.versions = [each.version.number for each in heard]
        self.taken.jobs = [each.job.id for each in heard if each.job is not None]
        self.taken.says = [sentence for each in heard for sentence in each.says]

    def _is_for_pool(self, each: Understood) -> bool:
        """Whether a new item goes to the queue at once; one with labels waits for further ones of the file."""
        if each.digest in self._base or (each.votes and not each.said):
            _, _, votes = self._base.setdefault(each.digest, (each.body, each.key, Counter()))
            votes.update(each.votes)
            return False
        if self._choices.become == "labels":
            self._base[each.digest] = (each.body, each.key, Counter())
            return False
        return True

    def _store(self, wanted: Sequence[tuple[News, Decision]]) -> None:
        """Store answers all together or, where one is refused, one by one."""
        if not wanted:
            return
        try:
            items = list({each.item.id: each.item for each, _ in wanted}.values())
            self.taken.entries += len(self._loop.record(*(decision for _, decision in wanted), items=items))
        except FeedbackError:  # all or none: nothing is stored yet
            for each, decision in wanted:
                try:
                    self.taken.entries += len(self._loop.record(decision))
                except FeedbackError as error:
                    self.taken.report.left_out(each.record.place, str(error), blocking=False)


def _decision(said: Said, item: Item, by: str) -> Decision:
    return Decision(
        item.id,
        said.by,
        said.verdict,
        said.target,
        version_id=item.version_id,
        note=said.note,
        seconds=said.seconds,
        idempotency_key=said.key,
        via=f"a file of {by}",
    )


def _agreed(votes: Counter[str], project: Project) -> str | None:
    """What most say, label by label where there are several, of numbers the median; None where nobody says anything,
    or they do not agree."""
    if not votes:
        return None
    if project.task == "regression":
        numbers = sorted(map(float, votes.elements()))
        close = numbers[-1] - numbers[0] <= project.settings.tolerance
        return intake.number_text(median(numbers)) if close else None
    if project.task == "multilabel":
        return multilabel.majority(list(votes.elements()), project.labels)
    (label, most), *others = votes.most_common(2)
    return None if others and others[0][1] == most else label
