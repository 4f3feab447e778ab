"""Exact Shapley values of a sum of trees, for one output and one row at a time, over all leaves at once.

The value of a set of players is what the trees say when a row follows its own values at the splits of these players,
and at all others both branches by the share of training rows in each (Lundberg et al., 2020, path dependent). A leaf
is reached with a product over the players on its path of o, whether the row's own values lead there, or z, the share
that goes there. The Shapley value is the integral over t from 0 to 1 of that product's slope in o, at
z + t (o - z) for all players (Owen, 1972): a polynomial in t, which Gauss and Legendre's nodes integrate exactly.
Players are columns of the project: all numbers made from one column are known together or not at all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .trees import Floats, Ints, Trees

MOST_SLOTS = 600_000
"""(leaf, player) pairs up to which a row takes less than 100 ms (python -m benchmarks.explain)."""

QUICK_SLOTS = 50_000
"""The same for 5 ms."""


class TreeShapley:
    """The paths to the leaves that matter for one output, ready for any row."""

    def __init__(self, trees: Trees, k: int, owners: Ints, players: int) -> None:
        """owners: (w,) the player behind each feature."""
        self._trees, self._players = trees, players
        leaves = np.flatnonzero((trees.feature < 0) & (trees.value[:, k] != 0))
        parent = _parents(trees)
        roots = parent < 0
        self.base = float(trees.offset[k] + _expected(trees, k, leaves, parent))
        leaves = leaves[~roots[leaves]]
        edges = _edges(trees, leaves, parent, owners)
        self._node, self._leftward = edges.node, edges.leftward
        self._slot_starts = np.flatnonzero(edges.new_slot)
        slot_leaf = edges.leaf[self._slot_starts]
        self._player = edges.player[self._slot_starts]
        self._share = np.multiply.reduceat(edges.ratio, self._slot_starts) if len(leaves) else np.zeros(0)
        self._sizes = np.bincount(slot_leaf, minlength=len(leaves))
        self._leaf_starts = np.cumsum(self._sizes) - self._sizes
        self._value = trees.value[leaves, k][slot_leaf]
        nodes, weights = np.polynomial.legendre.leggauss(max(1, (int(self._sizes.max(initial=1)) + 1) // 2))
        self._at, self._by = (nodes + 1) / 2, weights / 2

    @property
    def slots(self) -> int:
        return len(self._player)

    def of(self, row: npt.NDArray[np.floating]) -> Floats:
        """What each player adds to the output, (players,). row: (w,) prepared."""
        if not len(self._player):
            return np.zeros(self._players)
        own = np.minimum.reduceat(self._follows(row), self._slot_starts).astype(float)
        step = own - self._share
        slope = np.zeros(len(step))
        for at, by in zip(self._at, self._by, strict=True):
            factor = self._share + at * step
            reach = np.multiply.reduceat(factor, self._leaf_starts)
            slope += by * np.repeat(reach, self._sizes) / factor
        return np.asarray(np.bincount(self._player, slope * step * self._value, self._players), float)

    def _follows(self, row: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
        """Whether the row takes each edge of each path, (edges,)."""
        trees = self._trees
        values = np.asarray(row, np.float32 if trees.single else float)[np.maximum(trees.feature, 0)]
        left = (values <= trees.threshold) | (np.isnan(values) & trees.missing_left)
        return np.asarray(left[self._node] == self._leftward, np.int8)


class _Edges:
    """Edges of the paths to L leaves, sorted by leaf and player."""

    def __init__(self, leaf: Ints, node: Ints, leftward: npt.NDArray[np.bool_], ratio: Floats, player: Ints) -> None:
        order = np.lexsort((player, leaf))
        self.leaf, self.node, self.leftward = leaf[order], node[order], leftward[order]
        self.ratio, self.player = ratio[order], player[order]
        self.new_slot = np.ones(len(order), bool)
        self.new_slot[1:] = (np.diff(self.leaf) != 0) | (np.diff(self.player) != 0)


def _parents(trees: Trees) -> Ints:
    parent = np.full(len(trees.feature), -1, dtype=np.intp)
    inner = np.flatnonzero(trees.feature >= 0)
    parent[trees.left[inner]] = inner
    parent[trees.right[inner]] = inner
    return parent


def _edges(trees: Trees, leaves: Ints, parent: Ints, owners: Ints) -> _Edges:
    """Climb from all leaves at once, one level a turn."""
    below, number = leaves, np.arange(len(leaves))
    found: list[tuple[Ints, Ints, npt.NDArray[np.bool_], Floats]] = []
    while len(below):
        above = parent[below]
        found.append((number, above, trees.left[above] == below, trees.cover[below] / trees.cover[above]))
        rising = parent[above] >= 0
        below, number = above[rising], number[rising]
    if not found:
        none = np.zeros(0, np.intp)
        return _Edges(none, none, np.zeros(0, bool), np.zeros(0), none)
    leaf, node, leftward, ratio = (np.concatenate(part) for part in zip(*found, strict=True))
    return _Edges(leaf, node, leftward, ratio, owners[trees.feature[node]])


def _expected(trees: Trees, k: int, leaves: Ints, parent: Ints) -> float:
    """What the trees say when nothing is known."""
    root = leaves.copy()
    while len(rising := np.flatnonzero(parent[root] >= 0)):
        root[rising] = parent[root[rising]]
    return float((trees.value[leaves, k] * trees.cover[leaves] / trees.cover[root]).sum())
