"""One input, what is predicted for it, and how items are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .inputs import Split

ItemState = Literal["base", "open", "labelled", "conflict", "flagged"]


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    key: str
    values: tuple[Any, ...]
    split: Split
    state: ItemState
    audit: bool
    base_label: str | None
    label: str | None
    """The effective label of its feedback, None while nobody decided."""
    version_id: int | None
    """Version behind the prediction shown; None before the first version."""
    predicted: str | None
    confidence: float | None
    priority: float | None
    created_at: float
    was: str | None = None
    """What the champion before said; None when only one version has predicted it."""

    @property
    def hidden(self) -> bool:
        """Whether its prediction must not be shown yet: somebody is still to decide it blind, for the audit."""
        return self.audit and self.state in ("open", "conflict")


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known about an item, without its input. blind: its prediction must not be shown yet."""

    id: int
    key: str
    state: ItemState
    label: str | None
    predicted: str | None
    confidence: float | None
    priority: float | None
    blind: bool


@dataclass(frozen=True, slots=True)
class FeatureFilter:
    """What one feature of an item must be: within low and high, both included, or equal to a category.

    place: position of the column in the schema.
    """

    place: int
    low: float | None = None
    high: float | None = None
    equals: str | None = None


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items a page shows. Empty fields do not filter."""

    states: tuple[ItemState, ...] = ("open",)
    predicted: str | None = None
    max_confidence: float | None = None
    search: str = ""
    """Words that start like this in the texts, or a key that starts like this."""
    wrong: bool = False
    """Only items whose reviewed label is not what the model says today."""
    flipped: bool = False
    """Only items about which the version before said something else."""
    features: tuple[FeatureFilter, ...] = ()
    holds: str | None = None
    """One of several labels that the model gives the item."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page starts: after this sort value and id."""

    value: float
    item_id: int


@dataclass(frozen=True, slots=True)
class Prediction:
    item_id: int
    version_id: int
    version_number: int
    label: str
    proba: tuple[float, ...]
    confidence: float
    priority: float | None
    parts: Mapping[str, float]
    """Named contributions that sum to the priority."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled row that is like another item. distance: Euclidean, in the model's standardised features."""

    item_id: int
    label: str
    distance: float


@dataclass(frozen=True, slots=True)
class PoolMap:
    """Which items a two-dimensional map shows. pool: items it was drawn from, so len(ids) < pool means a sample."""

    method: str
    version_id: int
    ids: tuple[int, ...]
    pool: int
    created_at: float
