"""Where the next clustering begins: the one in use with the merges and splits that people have asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..types import Assignment, Cluster
from .closure import Pair, roots
from .methods import Start, grouped
from .units import NO_LINKS, Array, Numbers


@dataclass(frozen=True, slots=True)
class Plan:
    """groups: of each prototype of the clustering in use, as they are to be. halved: prototypes to be split in two;
    the second half comes after all others, as a group of its own."""

    groups: tuple[int, ...]
    halved: tuple[int, ...]

    @property
    def prototypes(self) -> int:
        return len(self.groups) + len(self.halved)

    @property
    def k(self) -> int:
        """Groups there will be."""
        return len(set(self.groups)) + len(self.halved)


def planned(clusters: Sequence[Cluster], merges: Sequence[Pair], splits: Sequence[int]) -> Plan | None:
    """What becomes of the prototypes; None where nobody has merged or split anything, now or before.

    A group that people merged is split into what it was merged from; words on groups that are no more count for
    nothing. Raises Refused when no two groups would be left.
    """
    there = {cluster.number for cluster in clusters}
    merges = [pair for pair in merges if there.issuperset(pair)]
    splits = [number for number in splits if number in there]
    merged = roots(merges)
    apart = {cluster.number for cluster in clusters if cluster.number in splits and len(cluster.prototypes) > 1}
    if not merges and not splits and all(len(cluster.prototypes) == 1 for cluster in clusters):
        return None
    groups, fresh = {}, 1 + max(cluster.number for cluster in clusters)
    for cluster in clusters:
        own = merged.get(cluster.number, cluster.number)
        for n, prototype in enumerate(cluster.prototypes):
            groups[prototype] = own if n == 0 or cluster.number not in apart else fresh + prototype
    halved = tuple(
        cluster.prototypes[0] for cluster in clusters if cluster.number in splits and cluster.number not in apart
    )
    plan = Plan(tuple(_dense([groups[n] for n in sorted(groups)])), halved)
    if plan.k < 2:
        raise Refused("These merges leave a single group: take one of them back.")
    return plan


def begun(rows: Array, ids: Numbers, plan: Plan, known: Assignment, seed: int) -> Start:
    """The plan as a start for rows (n, d) with these ids (n,). known: the prototypes in the clustering in use."""
    at = np.minimum(np.searchsorted(known.ids, ids), len(known.ids) - 1)
    of = np.where(known.ids[at] == ids, known.prototypes[at], -1)
    groups = list(plan.groups)
    for prototype in plan.halved:
        mine = np.flatnonzero(of == prototype)
        if len(mine) < 2:
            raise Refused("A group of a single item cannot be split: take that split back.")
        second = grouped(rows[mine], NO_LINKS, "k-means", 2, seed).of == 1
        of[mine[second]] = len(groups)
        groups.append(max(groups) + 1)
    return Start(of, np.asarray(groups))


def _dense(numbers: Sequence[int]) -> list[int]:
    place = {number: n for n, number in enumerate(sorted(set(numbers)))}
    return [place[number] for number in numbers]
