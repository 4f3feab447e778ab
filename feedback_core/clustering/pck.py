"""k-means that heeds what people say: pairs together move as one, and a pair apart that shares a cluster costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .units import Array, Numbers, Units

STEPS = 100
"""Rounds of assigning and averaging; k-means on some thousand rows settles in 10 to 40."""

STARTS = 5
"""Beginnings tried where none is given; the one of least cost is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """rivals: unit -> units that should not share its group. price: of a broken pair. groups (k,)."""

    rivals: dict[int, list[int]]
    price: float
    groups: Numbers

    def broken(self, of: Numbers) -> float:
        """What the broken pairs cost. of (u,): cluster of each unit."""
        group = self.groups[of]
        twice = sum(group[unit] == group[rival] for unit, rivals in self.rivals.items() for rival in rivals)
        return self.price * float(twice) / 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """centres (k, d); of (u,): cluster of each unit; cost: squared distances and broken pairs, in squared units."""

    centres: Array
    of: Numbers
    cost: float


def fit(units: Units, k: int, seed: int, *, start: Array | None = None, groups: Numbers | None = None) -> Fitted:
    """Assign and average until nothing moves, from `start` (k, d) or the best of STARTS k-means++ beginnings.

    groups (k,): clusters of one number count as one for the pairs apart; each for itself when not given.
    A broken pair costs as much as a row lies from the mean of all, squared, on average. Source: Basu, Banerjee and
    Mooney (2004), pairwise constrained k-means, with its hard pairs together and soft pairs apart.
    """
    rng = np.random.default_rng(seed)
    rule = Rule(_rivals(units), _price(units), np.arange(k) if groups is None else groups)
    begins = [start] if start is not None else [_plus_plus(units, k, rng) for _ in range(STARTS)]
    return min((_settled(units, begin, rule, rng) for begin in begins), key=lambda found: found.cost)


def distances(points: Array, centres: Array) -> Array:
    """Squared distances (n, k), never below 0."""
    squares: Array = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    return np.maximum(squares, 0.0)


def _settled(units: Units, centres: Array, rule: Rule, rng: np.random.Generator) -> Fitted:
    of = np.full(len(units.points), -1, dtype=np.int64)
    for _ in range(STEPS):
        costs = units.weights[:, None] * distances(units.points, centres)
        new = _assigned(costs, rule, of, rng)
        if (new == of).all():
            break
        of, centres = new, _averaged(units, new, centres, costs)
    within = units.weights[:, None] * distances(units.points, centres)
    return Fitted(centres, of, _total(within, rule, of))


def _assigned(costs: Array, rule: Rule, of: Numbers, rng: np.random.Generator) -> Numbers:
    """Each unit to its cheapest cluster; those in pairs apart one after the other, in random order."""
    new = costs.argmin(axis=1)
    for unit in rng.permutation(np.asarray(sorted(rule.rivals), dtype=np.int64)).tolist():
        row = costs[unit].copy()
        for rival in rule.rivals[unit]:
            row[rule.groups == rule.groups[new[rival]]] += rule.price
        new[unit] = int(row.argmin())
    # Two equally cheap ways must not make it go round and round.
    return of if (of >= 0).all() and _total(costs, rule, new) >= _total(costs, rule, of) else new


def _total(costs: Array, rule: Rule, of: Numbers) -> float:
    return float(costs[np.arange(len(of)), of].sum()) + rule.broken(of)


def _averaged(units: Units, of: Numbers, centres: Array, costs: Array) -> Array:
    """Weighted means of the clusters (k, d); an empty one moves to the unit that lies worst."""
    k = len(centres)
    totals = np.bincount(of, weights=units.weights, minlength=k)
    sums = np.stack([np.bincount(of, weights=units.weights * column, minlength=k) for column in units.points.T], axis=1)
    means = sums / np.maximum(totals, 1e-300)[:, None]
    worst = iter(np.argsort(-costs[np.arange(len(of)), of], kind="stable").tolist())
    for empty in np.flatnonzero(totals == 0):
        means[empty] = units.points[next(worst)]
    return np.asarray(means)


def _price(units: Units) -> float:
    total = units.weights.sum()
    centre = (units.weights[:, None] * units.points).sum(axis=0) / total
    return float((units.weights * ((units.points - centre) ** 2).sum(axis=1)).sum() / total)


def _rivals(units: Units) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for one, other in units.apart.tolist():
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _plus_plus(units: Units, k: int, rng: np.random.Generator) -> Array:
    """k units drawn one by one, each by its squared distance to those before: k-means++ (Arthur, 2007)."""
    chosen = [int(rng.choice(len(units.points), p=units.weights / units.weights.sum()))]
    nearest = np.full(len(units.points), np.inf)
    for _ in range(k - 1):
        nearest = np.minimum(nearest, distances(units.points, units.points[chosen[-1:]])[:, 0])
        shares = units.weights * nearest
        total = shares.sum()
        shares = shares / total if total > 0 else units.weights / units.weights.sum()
        chosen.append(int(rng.choice(len(shares), p=shares)))
    begin: Array = units.points[chosen]
    return begin
