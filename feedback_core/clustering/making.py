"""A new clustering of a project's items from what people said of the one in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..feature_space import FeatureSpace
from ..intervals import plain
from ..loop import Loop, silent
from ..projection import principal
from ..types import Assignment, Borderline, Cluster, Clustering, ClusterMap, NewClustering, Progress
from . import naming, showing
from .gathering import Basis, gathered, placed, within
from .measures import satisfaction, stability
from .methods import Choice, Grouping, Start, chosen, grouped
from .plan import begun
from .space import drawn, pieces, space_of
from .units import NO_LINKS, Array, Links, Numbers, among

FIT = 20_000
"""Items a clustering is fitted on, uniformly drawn; the others go to the nearest group. All that people spoke of are
among them."""

TRIED = 2_000
"""Items on which the method is chosen and the stability measured: some thirty fits."""

MAPPED = 5_000
"""Points on the map: every one travels to the browser."""

MOST_GROUPS = 50
PROPOSED = range(2, 11)
"""Numbers of groups among which one is proposed where nobody has named one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is to do. k: groups wished; None keeps their number, or proposes one."""

    k: int | None
    job_id: int | None
    by: str


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The rows a clustering was fitted on, with their ids; links by place among them; what came of it."""

    ids: Numbers
    rows: Array
    links: Links
    choice: Choice
    grouping: Grouping
    groups: Numbers


def recluster(loop: Loop, asked: Asked, progress: Progress = silent) -> Clustering:
    """Make and store a clustering as a candidate. Raises Refused as `gathered` does."""
    if asked.job_id is not None and (known := loop.store.clusterings.of_job(asked.job_id)) is not None:
        return known
    progress(0.02, "reading what people said")
    basis = gathered(loop, asked.k)
    seed = loop.project.settings.seed + 1 + (basis.champion.number if basis.champion else 0)
    progress(0.05, f"reading {len(basis.ids):,} items")
    rng = np.random.default_rng(seed)
    linked = sorted({item for one, other, _ in basis.said.pairs for item in (one, other)})
    sample = drawn(basis.ids.tolist(), FIT, rng, linked)
    space = space_of(loop.store, loop.project, sample)
    fit = fitted(space.of(sample).astype(np.float64), np.asarray(sample), basis, asked.k, seed, progress)
    made = _assembled(basis, fit, space, seed, progress)
    progress(0.98, "saving")
    parent = None if basis.champion is None else basis.champion.id
    return loop.store.clusterings.create(
        loop.project.id, made, parent=parent, job_id=asked.job_id, by=asked.by, now=loop.clock()
    )


def fitted(rows: Array, ids: Numbers, basis: Basis, k: int | None, seed: int, progress: Progress) -> Fit:
    """Choose a method by the pairs left out, on TRIED rows, and fit it on all rows (n, d) with these ids (n,)."""
    links = placed(ids, basis.said)
    start = None
    if basis.plan is not None and basis.known is not None:
        start = begun(rows, ids, basis.plan, basis.known, seed)
    wished = k or (basis.champion.k if basis.champion else None)
    if start is None and wished is None:
        progress(0.15, "proposing a number of groups")
        wished = proposed(rows, seed)
    k_fitted = len(start.groups) if start is not None else min(int(wished or 2), len(rows))
    some = _tried(len(rows), links, seed)
    fewer = among(links, some)
    progress(0.25, f"choosing a method by {len(fewer.together) + len(fewer.apart):,} pairs left out")
    part = None if start is None else Start(start.of[some], start.groups)
    choice = chosen(rows[some], fewer, k_fitted, seed, part)
    progress(0.6, f"grouping {len(rows):,} items by {choice.method}")
    grouping = grouped(rows, links, choice.method, k_fitted, seed, start)
    groups = start.groups if start is not None else np.arange(k_fitted)
    return Fit(ids, rows, links, choice, *_without_empty(grouping, groups))


def _without_empty(grouping: Grouping, groups: Numbers) -> tuple[Grouping, Numbers]:
    """The same without centres that have no rows, as there are where fewer rows differ than groups were wished."""
    used, of = np.unique(grouping.of, return_inverse=True)
    _, dense = np.unique(groups[used], return_inverse=True)
    return Grouping(grouping.method, grouping.turn, grouping.centres[used], of), dense


def proposed(rows: Array, seed: int) -> int:
    """The number of groups of widest silhouette (Rousseeuw, 1987) on at most 1,000 rows."""
    from sklearn.metrics import silhouette_score

    some = rows[_tried(len(rows), NO_LINKS, seed)[:1_000]]
    scores = {}
    for k in PROPOSED:
        of = grouped(some, NO_LINKS, "k-means", k, seed).of if k < len(some) else np.zeros(len(some))
        scores[k] = float(silhouette_score(some, of)) if len(np.unique(of)) > 1 else -1.0
    return max(scores, key=lambda k: scores[k])


def _assembled(basis: Basis, fit: Fit, space: FeatureSpace, seed: int, progress: Progress) -> NewClustering:
    assignment, points = _assigned(basis, fit, space, seed, progress)
    progress(0.85, "measuring how stable the groups are")
    group = fit.groups[assignment.prototypes]
    k = int(fit.groups.max()) + 1
    before = naming.numbers_in(basis.known, basis.clusters, assignment.ids) if basis.known is not None else None
    numbers = np.asarray(naming.numbers_of(group, k, before))
    names = naming.names_before(basis.clusters, basis.said.names)
    sizes = np.bincount(group, minlength=k)
    squares = fit.grouping.squares(fit.rows)
    clusters = tuple(_cluster(one, int(numbers[one]), names, int(sizes[one]), fit, squares) for one in range(k))
    free = ~np.isin(fit.ids, [item for one, other, _ in basis.said.pairs for item in (one, other)])
    near = showing.borders(fit.ids[free], fit.groups[fit.grouping.of[free]], squares[free], fit.groups)
    kept = fit.choice.kept[fit.choice.method]
    on_map = _on_map(points, assignment, numbers[group])
    return NewClustering(
        method=fit.choice.method,
        seed=seed,
        upto=basis.upto,
        sample=len(fit.ids),
        metrics=_metrics(fit, basis, seed),
        clusters=tuple(sorted(clusters, key=lambda cluster: cluster.number)),
        assignment=assignment,
        map=on_map,
        borders=tuple(Borderline(each.item_id, int(numbers[each.own]), int(numbers[each.rival])) for each in near),
        heeded=tuple((*pair, bool(ok)) for pair, ok in zip(within(fit.ids, basis.said), kept.tolist(), strict=True)),
    )


def _assigned(
    basis: Basis, fit: Fit, space: FeatureSpace, seed: int, progress: Progress
) -> tuple[Assignment, tuple[Numbers, Array]]:
    """The nearest prototype of every item; of those people spoke of, the one the fit gave. And points for the map."""
    ids = basis.ids
    prototypes = np.zeros(len(ids), dtype=np.int64)
    mapped = np.asarray(drawn(ids.tolist(), MAPPED, np.random.default_rng(seed)))
    points, done = [], 0
    for piece, rows in pieces(space, ids.tolist()):
        prototypes[done : done + len(piece)] = fit.grouping.squares(rows).argmin(axis=1)
        points.append(rows[np.isin(piece, mapped)] @ fit.grouping.turn)
        done += len(piece)
        progress(0.65 + 0.2 * done / len(ids), f"{done:,} of {len(ids):,} items placed")
    linked = np.unique(np.asarray([*fit.links.together, *fit.links.apart], dtype=np.int64).reshape(-1))
    prototypes[np.searchsorted(ids, fit.ids[linked])] = fit.grouping.of[linked]
    return Assignment(ids, prototypes), (mapped, np.concatenate(points))


def _cluster(one: int, number: int, names: dict[int, str], size: int, fit: Fit, squares: Array) -> Cluster:
    prototypes = tuple(np.flatnonzero(fit.groups == one).tolist())
    shown = (fit.ids, fit.grouping.of, squares, prototypes)
    return Cluster(
        number, naming.name_of(number, names), size, prototypes, showing.typical(*shown), showing.odd(*shown)
    )


def _metrics(fit: Fit, basis: Basis, seed: int) -> dict[str, Any]:
    some = _tried(len(fit.ids), fit.links, seed)
    steady = stability(fit.rows[some], among(fit.links, some), fit.choice.method, fit.grouping.of[some], seed)
    return {
        "stability": plain(steady),
        "satisfaction": plain(satisfaction(fit.choice.kept[fit.choice.method])),
        "methods": {method: plain(satisfaction(kept)) for method, kept in fit.choice.kept.items()},
        "pairs": {"together": len(fit.links.together), "apart": len(fit.links.apart)},
        "contradictions": len(basis.said.contradictions),
        "merges": len(basis.said.merges),
        "splits": len(basis.said.splits),
        "afresh": basis.plan is None,
    }


def _on_map(points: tuple[Numbers, Array], assignment: Assignment, numbers: Numbers) -> ClusterMap:
    ids, rows = points
    return ClusterMap(ids, principal(rows), numbers[np.searchsorted(assignment.ids, ids)])


def _tried(n: int, links: Links, seed: int) -> Numbers:
    """Places of at most TRIED rows and of all in a pair, ascending."""
    always = {row for pair in (*links.together, *links.apart) for row in pair}
    return np.asarray(drawn(range(n), TRIED, np.random.default_rng(seed), always), dtype=np.int64)
