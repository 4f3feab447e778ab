"""What stands for a group when people look at it: typical items, odd ones, and those between two groups."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, zip_longest

import numpy as np

from ..types import Borderline
from .units import Array, Numbers

TYPICAL = 6
"""Representatives of a group."""

ODD = 3
"""Odd ones out of a group."""

BORDERS = 400
"""Borderline items kept: reviewers get through some hundreds before the next clustering."""


def typical(ids: Numbers, of: Numbers, squares: Array, prototypes: tuple[int, ...]) -> tuple[int, ...]:
    """Ids of the TYPICAL items nearest to a centre of a group, each of its prototypes in turn.

    ids (n,); of (n,): prototype of each; squares (n, p): squared distances to all prototypes.
    """
    ranked = []
    for prototype in prototypes:
        mine = np.flatnonzero(of == prototype)
        ranked.append(ids[mine[np.argsort(squares[mine, prototype], kind="stable")[:TYPICAL]]].tolist())
    in_turn = chain.from_iterable(zip_longest(*ranked))
    return tuple(item for item in in_turn if item is not None)[:TYPICAL]


def odd(ids: Numbers, of: Numbers, squares: Array, prototypes: tuple[int, ...]) -> tuple[int, ...]:
    """Ids of the ODD items furthest from the centre they belong to, the furthest first."""
    mine = np.flatnonzero(np.isin(of, prototypes))
    far = squares[mine, of[mine]]
    return tuple(ids[mine[np.argsort(-far, kind="stable")[:ODD]]].tolist())


def borders(ids: Numbers, group: Numbers, squares: Array, groups: Numbers) -> tuple[Borderline, ...]:
    """At most BORDERS items nearly as near to another group as to their own; every two groups take turns.

    group (n,): of each item; squares (n, p): to all prototypes; groups (p,): group of each. Nearly: by the difference
    of the two distances as a share of their sum.
    """
    k = int(groups.max()) + 1
    nearest = np.stack([np.sqrt(squares[:, groups == one].min(axis=1)) for one in range(k)], axis=1)
    rows = np.arange(len(ids))
    own = nearest[rows, group]
    nearest[rows, group] = np.inf
    rival = nearest.argmin(axis=1)
    other = nearest[rows, rival]
    margin = (other - own) / np.maximum(other + own, 1e-12)
    between: dict[tuple[int, int], list[Borderline]] = defaultdict(list)
    for n in np.argsort(margin, kind="stable")[: 20 * BORDERS].tolist():
        sides = sorted((int(group[n]), int(rival[n])))
        between[sides[0], sides[1]].append(Borderline(int(ids[n]), int(group[n]), int(rival[n])))
    in_turn = chain.from_iterable(zip_longest(*between.values()))
    return tuple(each for each in in_turn if each is not None)[:BORDERS]
