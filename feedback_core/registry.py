"""Named extension points: one file registers one thing under one name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .errors import NotFound

T = TypeVar("T")


class Registry(Generic[T]):
    """A name -> object table that refuses a second object under one name."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files its object under `name`."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self._what} {name!r} is registered twice: choose another name.")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise NotFound(f"No {self._what} {name!r}: choose one of {', '.join(sorted(self._entries))}.")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))
