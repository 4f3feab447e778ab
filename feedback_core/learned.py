"""What the serving version has learned from, as a reviewer meets it: similar labelled rows, and what is usual."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ArtifactError
from .feature_space import LABELLED, Learned, learned_by
from .footing import footing
from .loop import Loop
from .types import Neighbour
from .unusual import Usual, usual


def learned_rows(loop: Loop, champion_id: int) -> Learned:
    """Rows the serving model has learned from, as points in its feature space. champion_id: when to look again."""

    def make() -> Learned:
        serving = loop.serving()
        lineage = footing(loop.store, loop.project, serving.version)
        background = _background(loop, serving.version.id)
        return learned_by(loop.store, loop.project, serving.model, lineage, serving.version.seed, background)

    return loop.cache.get(("learned", loop.store.url, loop.project.id, champion_id), make)


def labelled_neighbours(loop: Loop, item_ids: Sequence[int], k: int = 3) -> dict[int, tuple[Neighbour, ...]]:
    """Item id -> the k most similar rows the serving version has learned from, nearest first; {} without one.

    Of more than 5,000 such rows a uniform sample is searched. Its points are computed once a version and kept.
    """
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        return {}
    try:
        return learned_rows(loop, champion.id).nearest_to(item_ids, k)
    except ArtifactError:  # told on Overview; reviewing goes on without it
        return {}


def usual_values(loop: Loop) -> tuple[Usual | None, ...]:
    """What is usual in each column of the rows the serving version has learned from; () without one."""
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        return ()

    def make() -> tuple[Usual | None, ...]:
        known = _background(loop, champion.id) or learned_rows(loop, champion.id).ids
        rows = [item.values for item in loop.store.items.many(known)]
        return usual(loop.project.schema, rows)

    try:
        return loop.cache.get(("usual", loop.store.url, loop.project.id, champion.id), make)
    except ArtifactError:
        return ()


def _background(loop: Loop, version_id: int) -> tuple[int, ...]:
    """At most LABELLED rows that a version has learned from without their labels, spread evenly."""
    ids = loop.store.backgrounds.of(version_id).ids
    return ids[:: -(-len(ids) // LABELLED)] if ids else ()
