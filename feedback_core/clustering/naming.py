"""Numbers and names of groups, kept from one clustering to the next where most of the items are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..types import Assignment, Cluster
from .units import Numbers


def numbers_of(of: Numbers, k: int, before: Numbers | None) -> list[int]:
    """A number for each of k new groups. of (n,): group of each item; before (n,): number it had, -1 for none.

    A group takes over the number with which it shares most, where that is at least half of the smaller of the two. The
    others are numbered after all that were there; without any before, the largest group is 1.
    """
    if before is None:
        sizes = np.bincount(of, minlength=k)
        ranked = np.argsort(-sizes, kind="stable").tolist()
        return [ranked.index(group) + 1 for group in range(k)]
    known = np.unique(before[before >= 0])
    shared = np.zeros((k, len(known)), dtype=np.int64)
    there = before >= 0
    np.add.at(shared, (of[there], np.searchsorted(known, before[there])), 1)
    taken = _matched(shared)
    fresh = iter(range(int(known.max(initial=0)) + 1, int(known.max(initial=0)) + 1 + k))
    return [int(known[taken[group]]) if group in taken else next(fresh) for group in range(k)]


def name_of(number: int, names: Mapping[int, str]) -> str:
    """The name people gave a group, or one by its number."""
    return names.get(number) or f"Group {number}"


def names_before(clusters: Sequence[Cluster], renamed: Mapping[int, str]) -> dict[int, str]:
    """Names of the groups in use, with those given since."""
    return {cluster.number: cluster.name for cluster in clusters} | dict(renamed)


def numbers_in(known: Assignment, clusters: Sequence[Cluster], ids: Numbers) -> Numbers:
    """Number of the group of each id (n,) in a clustering, -1 for items it does not hold."""
    table = table_of(clusters)
    at = np.minimum(np.searchsorted(known.ids, ids), len(known.ids) - 1)
    return np.where(known.ids[at] == ids, table[known.prototypes[at]], -1)


def table_of(clusters: Sequence[Cluster]) -> Numbers:
    """Number of the group of each prototype."""
    table = np.zeros(1 + max(n for cluster in clusters for n in cluster.prototypes), dtype=np.int64)
    for cluster in clusters:
        table[list(cluster.prototypes)] = cluster.number
    return table


def _matched(shared: Numbers) -> dict[int, int]:
    """New group -> place of the old one it continues."""
    from scipy.optimize import linear_sum_assignment

    smaller = np.minimum(shared.sum(axis=1)[:, None], shared.sum(axis=0)[None, :])
    pairs = zip(*linear_sum_assignment(-shared), strict=True)
    return {int(new): int(old) for new, old in pairs if 2 * shared[new, old] >= smaller[new, old] > 0}
