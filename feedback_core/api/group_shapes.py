"""What goes over the wire about groups."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..clustering.feedback import LONGEST_NAME, LONGEST_NOTE
from ..clustering.making import MOST_GROUPS
from ..types import Action, ClusterWord, Finding, VersionStatus
from .shapes import Score
from .work_shapes import Act, Number

MOST_PAIRS = 100


class Wish(Act):
    k: int | None = Field(
        default=None, ge=2, le=MOST_GROUPS, description="Groups wished; else as many as now, at first a proposal."
    )


class Words(Act):
    """What somebody says: a pair of items, or one or two groups of the clustering in use."""

    kind: Literal["together", "apart", "skip", "merge", "split", "rename"]
    items: list[Number] = Field(default=[], max_length=2, description="Ids of two items, for together, apart, skip.")
    groups: list[Number] = Field(default=[], max_length=2, description="Numbers: two to merge, one to split or rename.")
    name: str = Field(default="", max_length=LONGEST_NAME, description="The new name, for rename.")
    note: str = Field(default="", max_length=LONGEST_NOTE)
    draw: Number | None = Field(default=None, description="The drawn pair that it answers.")
    seconds: float | None = Field(default=None, ge=0, le=86_400, description="Time spent on it.")


class Wanted(Act):
    n: Annotated[int, Field(ge=1, le=MOST_PAIRS)] = 10


class Decided(Act):
    reason: str = Field(default="", max_length=2_000, description="Needed for a roll-back and against the advice.")


class Clustering(BaseModel):
    id: int
    project_id: int
    number: int
    parent_id: int | None
    method: str
    k: int
    seed: int
    status: VersionStatus
    upto: int = Field(description="Newest entry it has heeded.")
    items: int
    sample: int = Field(description="Items it was fitted on; the others are in the nearest group.")
    metrics: dict[str, Any]
    created_by: str
    created_at: str
    promoted_at: str | None


class Group(BaseModel):
    number: int
    name: str
    size: int
    prototypes: list[int]
    representatives: list[int] = Field(description="Ids of typical items.")
    odd: list[int] = Field(description="Ids of the items furthest off.")


class Report(BaseModel):
    id: int
    challenger_id: int
    champion_id: int | None
    finding: Finding
    action: Action
    reasons: list[str]
    numbers: dict[str, Any]
    created_at: str
    decision: str | None
    decided_by: str | None
    decided_reason: str | None
    decided_at: str | None


class Contradiction(BaseModel):
    apart: list[int]
    chain: list[int] = Field(description="Items that others hold together, from the one to the other.")


class Standing(BaseModel):
    champion: Clustering | None = Field(description="The clustering in use.")
    groups: list[Group]
    adjusted_rand_on_audit: Score | None
    pairs: dict[str, int]
    contradictions: list[Contradiction] = Field(description="Answers left aside until one of them is taken back.")
    disputed: list[list[int]] = Field(description="Pairs on which as many say together as apart.")
    answered_since: int
    newcomers: int = Field(description="Items that came in after it was made.")
    candidate: Clustering | None
    report: Report | None


class Said(BaseModel):
    id: int
    clustering_id: int | None
    kind: ClusterWord
    item_a: int | None
    item_b: int | None
    cluster_a: int | None
    cluster_b: int | None
    name: str
    audit: bool = Field(description="Measures only; no clustering is made from it.")
    reviewer: str
    note: str
    created_at: str


class Entry(Said):
    undoes: int | None


class Entries(BaseModel):
    items: list[Entry]
    next: int | None = Field(description="Give this as `after` for the next page; null on the last.")


class Pair(BaseModel):
    draw: int
    items: list[int]


class Pairs(BaseModel):
    pairs: list[Pair]
