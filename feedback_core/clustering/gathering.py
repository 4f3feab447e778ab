"""What the next clustering is made from: all items, what people said, and the clustering in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..loop import Loop
from ..types import Assignment, Cluster, Clustering
from .plan import Plan, planned
from .standing import Answered, Said, said
from .units import Links, Numbers

LEAST_ITEMS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a clustering is made from. clusters: of the one in use. ids: all items, ascending. plan: None = afresh."""

    champion: Clustering | None
    clusters: Sequence[Cluster]
    known: Assignment | None
    upto: int
    said: Said
    ids: Numbers
    plan: Plan | None


def gathered(loop: Loop, k: int | None) -> Basis:
    """What there is to make a clustering from. Raises Refused when that cannot give one."""
    store, project_id = loop.store, loop.project.id
    ids = np.asarray(store.clusterings.item_ids(project_id), dtype=np.int64)
    if len(ids) < LEAST_ITEMS:
        raise Refused(f"{len(ids)} items are too few for groups: add at least {LEAST_ITEMS} on Setup.")
    champion = store.clusterings.champion(project_id)
    upto = store.cluster_feedback.newest(project_id)
    entries = store.cluster_feedback.standing(project_id, upto=upto)
    found = said(entries, champion)
    clusters = store.clusterings.clusters(champion.id) if champion else []
    plan = planned(clusters, found.merges, found.splits) if champion else None
    if plan is not None and k not in (None, plan.k):
        plan = None  # another number of groups is another beginning
    known = store.clusterings.assignment(champion.id) if champion else None
    return Basis(champion, clusters, known, upto, found, ids, plan)


def within(ids: Numbers, found: Said) -> list[Answered]:
    """The pairs to heed whose items are both among these, those together first."""
    there = set(ids.tolist())
    return [pair for pair in found.pairs if pair[0] in there and pair[1] in there]


def placed(ids: Numbers, found: Said) -> Links:
    """The same by place among these ids, ascending."""
    place = {int(item): n for n, item in enumerate(ids)}
    pairs = within(ids, found)
    return Links(
        tuple((place[one], place[other]) for one, other, same in pairs if same),
        tuple((place[one], place[other]) for one, other, same in pairs if not same),
    )
