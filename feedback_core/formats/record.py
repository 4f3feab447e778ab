"""What files of all kinds hold, in one shape: an item with what models and people say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from ..types import Project

Said = Literal["label", "skip", "flag"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said about an item. by: empty where the file does not say who. label: None unless said is label.

    id: of the answer in its file. entry: of the feedback entry it was written from, where it came from here.
    """

    by: str
    said: Said
    label: Any = None
    note: str = ""
    seconds: float | None = None
    id: str = ""
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model said about an item. version: its name. score: 0-1, None where the file has none."""

    label: Any
    version: str
    score: float | None = None
    proba: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One item of a file.

    place: where it stands, such as "task 3". values: input by column name, or by the file's own names. key: None where
    the file has none of ours. label: given by nobody in particular. split, state: as the project has them, empty for
    a file from elsewhere. trouble: sentences about what in it could not be understood.
    """

    place: str
    values: Mapping[str, Any]
    key: str | None = None
    label: Any = None
    answers: tuple[Answer, ...] = ()
    guesses: tuple[Guess, ...] = ()
    split: str = ""
    state: str = ""
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What an export is made of, read anew at each call. rows: as `columns` name them."""

    project: Project
    columns: Sequence[str]
    rows: Callable[[], Iterable[Mapping[str, Any]]]
    records: Callable[[], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file. extension, mime: of what is written.

    write: gives the file in pieces, None where it is only read. read: gives its records one by one, None where it is
    only written. holds: what an export may be of; `items` come with everything said about them where `says` is set.
    unfit: why a project's items cannot be written so, empty where they can. package: the extra to install, empty where
    nothing is needed.
    """

    title: str
    help: str
    extension: str
    mime: str
    write: Callable[[Source], Iterator[bytes]] | None
    read: Callable[[BinaryIO, Project], Iterator[Record]] | None = None
    holds: tuple[str, ...] = ("items",)
    says: bool = True
    unfit: Callable[[Project], str] = lambda _project: ""
    package: str = ""
    accepts: tuple[str, ...] = ()
    """Endings of the files it is read from."""
