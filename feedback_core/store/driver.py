"""What the store asks of a database engine: rows out, bound parameters in, one writer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import cache
from typing import Any, Protocol, TypeVar

Row = dict[str, Any]
Params = Mapping[str, Any] | Sequence[Any]


class Session(Protocol):
    """Statements of one transaction, or of none when only reading."""

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        """All rows of a statement, each a name -> value dict."""

    def columns(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The result turned sideways: one tuple per column, empty list when there are no rows."""

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement that returns no rows; gives the number of rows changed."""

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement per row of parameters; gives the number of rows changed."""


class Driver(Protocol):
    """A connection per thread to one database."""

    def reading(self) -> AbstractContextManager[Session]:
        """A snapshot: every statement inside sees the same state."""

    def writing(self) -> AbstractContextManager[Session]:
        """One transaction that holds the write lock from its first statement to its durable commit."""

    def migrate(self) -> None:
        """Bring the schema up to date; safe when many processes start at once."""


T = TypeVar("T")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def noun(kind: type[T], row: Row, **converted: Any) -> T:
    """A noun from the columns that bear its fields' names; `converted` stands in for what is stored in another form."""
    stored = {name: row[name] for name in _names(kind) if name not in converted}  # type: ignore[arg-type]
    return kind(**stored, **converted)
