"""What a project is about and what its rows look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..settings import Settings

Kind = Literal["number", "category", "text", "image", "timestamp"]
Task = Literal["classification", "multilabel", "regression", "anomaly", "clustering"]
Split = Literal["train", "holdout", "pool"]

Progress = Callable[[float, str], None]
"""Called with how far the work is (0-1) and what is happening."""


@dataclass(frozen=True, slots=True)
class Column:
    """One feature of the input. `shape` is set for images: (height, width) or (height, width, 3)."""

    name: str
    kind: Kind
    shape: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    """File columns an image is assembled from, in pixel order; empty when the cell holds the list itself."""
    files: bool = False
    """Whether an image is a picture file, of which the cell holds the reference; models see it in `shape`."""
    seen_as: str = ""
    """How a model turns a text or an image into features, where not in the default way; part of its parameters."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The input of a project; an item's values stand in this order."""

    columns: tuple[Column, ...]
    pictures: str = field(default="", compare=False)
    """Folder of the picture files that inputs refer to."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def of_kind(self, kind: Kind) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.kind == kind)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with uploaded rows. `row` counts data rows from 1, None = the whole column or file."""

    row: int | None
    column: str | None
    value: str
    what: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows, ready to become items: three lists of one length.

    inputs: JSON arrays in schema order, canonical, so equal inputs are equal bytes.
    keys: the caller's ids, or None for the hash of the input. labels: None where unlabelled.
    """

    inputs: list[bytes]
    keys: list[str | None]
    labels: list[str | None]


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    task: Task
    labels: tuple[str, ...]
    schema: Schema
    settings: Settings
    salt: int
    simulated: bool
    created_at: float
    anchor_id: int | None = None
    """Version that was champion at the last holdout refresh."""
    archived_at: float | None = None
    refreshed_at: float | None = None
    """Time of the last holdout refresh, None while the first holdout is in use."""
    refreshed_after: int = 0
    """Newest gate report at that refresh; only looks after it wear the present holdout."""
