"""Records of a file become items and answers of a project, or sentences about why they cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, BinaryIO

from .. import intake, people, tasks
from ..errors import InvalidFeedback, InvalidInput
from ..formats import FORMATS, Answer, Guess, Record
from ..types import Problem, Project, Verdict
from .choices import Choices

LISTED = 1_000
"""Problems that are kept; more are counted."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it is stored. key: the same whenever this file, or a longer one, is sent again.

    entry: the feedback entry it was written from, where it went out from here.
    """

    by: str
    verdict: Verdict
    target: str | None
    note: str
    seconds: float | None
    key: str
    entry: int | None


@dataclass(frozen=True, slots=True)
class Understood:
    """One record in the project's own terms. digest: hash of the input. said: what becomes entries.

    votes: labels that together become base truth.
    """

    place: str
    key: str | None
    body: bytes
    digest: str
    votes: tuple[str, ...]
    said: tuple[Said, ...]
    guesses: tuple[tuple[str, Guess], ...]
    """Label as the project writes it, and what the model said besides."""


@dataclass
class Report:
    """What was found in a file. unknown: answers by a label the project lacks. people: answers by name."""

    records: int = 0
    problems: list[Problem] = field(default_factory=list)
    problems_in_all: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    def left_out(self, place: str, what: str, value: Any = "", *, blocking: bool = True) -> None:
        """Note something that is not taken in. blocking: the whole record is not."""
        self.problems_in_all += 1
        if len(self.problems) < LISTED:
            self.problems.append(Problem(None, place, f"{value!s:.80}", what, blocking))


def understood(file: BinaryIO, project: Project, choices: Choices, report: Report) -> Iterator[Understood]:
    """Records that can be taken in, in order; the report grows as they are read. Raises InvalidFile or InvalidInput."""
    format = FORMATS[choices.format]
    if format.read is None:
        raise InvalidInput(f"format={choices.format!r} is only written here: choose another one, or add it as rows.")
    reading = _Reading(project, choices, report)
    for record in format.read(file, project):
        report.records += 1
        if (found := reading.of(record)) is not None:
            yield found


class _Reading:
    """One pass over a file: remembers who said what last about which input."""

    def __init__(self, project: Project, choices: Choices, report: Report) -> None:
        self._project, self._choices, self._report = project, choices, report
        self._last: dict[tuple[str, str], tuple[Verdict, str | None]] = {}
        self._times: Counter[str] = Counter()

    def of(self, record: Record) -> Understood | None:
        for sentence in record.trouble:
            self._report.left_out(record.place, sentence, blocking=False)
        try:
            body = intake.encode_one(_values(record, self._project, self._choices.columns), self._project.schema)
        except InvalidFeedback as error:
            self._report.left_out(record.place, str(error))
            return None
        digest = intake.input_hash(body)
        votes, said = self._answers(record, digest)
        guesses = [(self._known(guess.label), guess) for guess in record.guesses]
        self._report.versions.update(guess.version for name, guess in guesses if name is not None)
        return Understood(
            record.place,
            record.key,
            body,
            digest,
            votes,
            said,
            tuple((name, guess) for name, guess in guesses if name is not None),
        )

    def _answers(self, record: Record, digest: str) -> tuple[tuple[str, ...], tuple[Said, ...]]:
        """What becomes base truth, and what becomes entries. Where people have answered, the label is what they say."""
        given = record.answers
        if record.label is not None and not any(answer.said == "label" for answer in given):
            given = (*given, Answer("", "label", record.label))
        votes, said = [], []
        for answer in given:
            if self._choices.become == "entries" and (answer.by or self._choices.nameless):
                said.append(self._said(answer, digest, record.place))
            elif answer.said == "label" and (name := self._label(answer.label, record.place)) is not None:
                votes.append(name)
        return tuple(votes), tuple(each for each in said if each is not None)

    def _said(self, answer: Answer, digest: str, place: str) -> Said | None:
        by = self._person(answer.by, place)
        target = self._label(answer.label, place) if answer.said == "label" else None
        if by is None or (answer.said == "label" and target is None):
            return None
        verdict: Verdict = "correct" if answer.said == "label" else answer.said
        if self._last.get((digest, by)) == (verdict, target):
            return None  # the same once more says nothing new
        self._last[digest, by] = (verdict, target)
        self._report.people[by] += 1
        key = self._key(digest, by, verdict, target, answer.id)
        return Said(by, verdict, target, answer.note, answer.seconds, key, answer.entry)

    def _key(self, digest: str, *said: str | None) -> str:
        # Somebody may say a, then b, then a again: the third answer is another one than the first.
        own = repr((self._choices.format, digest, *said))
        self._times[own] += 1
        named = blake2b(f"{own}{self._times[own]}".encode(errors="replace"), digest_size=16)
        return f"file-{named.hexdigest()}"

    def _person(self, theirs: str, place: str) -> str | None:
        name = self._choices.people.get(theirs, theirs).strip() or self._choices.nameless
        try:
            return people.name_of_person(name) if name else None
        except InvalidInput as error:
            self._report.left_out(place, str(error), blocking=False)
            return None

    def _label(self, value: Any, place: str) -> str | None:
        """The label as the project writes it; None, noted, where it can have no such label."""
        try:
            name = tasks.of(self._project).target(value, self._project)
        except InvalidFeedback as error:
            written = value if isinstance(value, (str, int, float)) else "no single value"
            strangers = _strangers(value, self._project) or [str(written)]
            if self._project.labels:
                self._report.unknown.update(f"{each:.80}" for each in strangers)
            what = "is not a label of this project: its answer is left out" if self._project.labels else str(error)
            self._report.left_out(place, what, written, blocking=False)
            return None
        self._report.labels[name] += 1
        return name

    def _known(self, value: Any) -> str | None:
        try:
            return tasks.of(self._project).target(value, self._project)
        except InvalidFeedback:
            return None


def _strangers(value: Any, project: Project) -> list[str]:
    """Those of several labels that the project lacks, so that they can be made its own."""
    several = project.task == "multilabel" and isinstance(value, list)
    return [each for each in value if isinstance(each, str) and each not in project.labels] if several else []


def _values(record: Record, project: Project, columns: Mapping[str, str]) -> Sequence[Any]:
    """A record's input in schema order. Raises InvalidFeedback naming the column."""
    values = []
    for column in project.schema.columns:
        theirs = columns.get(column.name, column.name)
        if theirs not in record.values:
            there = ", ".join(list(record.values)[:10]) or "nothing"
            raise InvalidFeedback(f"has no {theirs!r}, only {there}: say which field holds the column {column.name!r}")
        value = record.values[theirs]
        if column.kind == "image" and isinstance(value, str) and not (column.files and value.startswith("sha256:")):
            raise InvalidFeedback(
                f"names a picture by its address ({value:.60}): add pictures as files under Add rows, then their labels"
            )
        values.append(value)
    return values
