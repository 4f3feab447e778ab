"""What somebody chooses about a file from elsewhere before it is taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Become = Literal["entries", "labels"]

BECOME: Mapping[Become, str] = {
    "entries": "entries by those people, about items of the queue",
    "labels": "base truth, which versions learn from and are judged by",
}
"""What people's answers in the file can become."""


@dataclass(frozen=True, slots=True)
class Choices:
    """format: a registered name. become: see BECOME. columns: our column -> the file's field, where they differ.

    people: their name -> the name here. nameless: who gives the labels that bear no name; empty makes them base truth.
    new_labels: labels the project gets first; answers with another unknown label are left out. guesses: what models say
    in the file becomes versions known by their predictions alone.
    """

    format: str
    become: Become = "entries"
    columns: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    nameless: str = ""
    new_labels: Sequence[str] = ()
    guesses: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As a job keeps them."""
        return asdict(self)
