"""Clusterings of a project's items, and what people say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .evidence import Action, Finding, VersionStatus

ClusterWord = Literal["together", "apart", "skip", "merge", "split", "rename", "undo"]
PAIR_WORDS: tuple[ClusterWord, ...] = ("together", "apart", "skip")
"""Answers to "same group?"."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One group. number: its name for programs, kept from one clustering to the next where most items are the same.

    prototypes: centres it is made of, more than one where people merged groups. representatives: ids of the items
    nearest to a centre. odd: ids of those furthest away, the furthest first.
    """

    number: int
    name: str
    size: int
    prototypes: tuple[int, ...]
    representatives: tuple[int, ...]
    odd: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clustering:
    """A stored version. k: groups. upto: newest entry it has heeded. items: how many it holds; fitted on `sample`.

    metrics: scores as plain JSON values, each with interval and n.
    """

    id: int
    project_id: int
    number: int
    parent_id: int | None
    method: str
    k: int
    seed: int
    status: VersionStatus
    upto: int
    items: int
    sample: int
    metrics: Mapping[str, Any]
    created_by: str
    created_at: float
    promoted_at: float | None


@dataclass(frozen=True, slots=True)
class ClusterEntry:
    """What one person said. kind: of ClusterWord but for undo. audit: its pair was drawn to measure, never to teach.

    item_a, item_b: the pair, the lower id first. cluster_a, cluster_b: numbers in the clustering it is about.
    """

    id: int
    clustering_id: int | None
    kind: ClusterWord
    item_a: int | None
    item_b: int | None
    cluster_a: int | None
    cluster_b: int | None
    name: str
    audit: bool
    reviewer: str
    note: str
    created_at: float


@dataclass(frozen=True, slots=True)
class PairDraw:
    """A pair handed to a reviewer. propensity: the chance with which an audit pair was drawn, 1 for one chosen."""

    id: int
    clustering_id: int
    item_a: int
    item_b: int
    audit: bool
    propensity: float
    reviewer: str


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """A clustering compared with the one in use. Never deleted."""

    id: int
    challenger_id: int
    champion_id: int | None
    finding: Finding
    action: Action
    reasons: tuple[str, ...]
    numbers: Mapping[str, Any]
    created_at: float
    decision: str | None
    decided_by: str | None
    decided_reason: str | None
    decided_at: float | None


@dataclass(frozen=True, slots=True)
class Borderline:
    """An item nearly as close to another group as to its own; numbers of both."""

    item_id: int
    own: int
    rival: int


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """ids (n,) ascending, and the prototype of each (n,)."""

    ids: npt.NDArray[np.int64]
    prototypes: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ClusterMap:
    """A uniform sample of the items on a plane. ids (m,), points (m, 2), clusters (m,): numbers."""

    ids: npt.NDArray[np.int64]
    points: npt.NDArray[np.float32]
    clusters: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NewClustering:
    """Everything a clustering is stored with. heeded: (item, item, together, satisfied while left out) of each pair."""

    method: str
    seed: int
    upto: int
    sample: int
    metrics: Mapping[str, Any]
    clusters: tuple[Cluster, ...]
    assignment: Assignment
    map: ClusterMap
    borders: tuple[Borderline, ...]
    heeded: tuple[tuple[int, int, bool, bool], ...]
