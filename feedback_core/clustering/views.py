"""What pages, command line and REST show of a project's groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import Refused
from ..intervals import plain
from ..loop import Loop
from ..types import PAIR_WORDS, Cluster, ClusterEntry, Clustering, ClusterReport
from ..wording import iso
from .comparing import rand_on_audit
from .deciding import said_now, side_of
from .naming import name_of, names_before, table_of
from .standing import Said

COLUMNS = ("item", "key", "group", "name")
"""Of the export: the item's id and key, the number of its group and its name."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the groups of a project are. champion: the clustering in use, None before the first; clusters: its groups,
    with the names given since.

    rand: adjusted Rand index on audited pairs. answered: entries since it was made. newcomers: items it does not hold.
    candidate: the newest clustering that nobody has decided on, with its report.
    """

    champion: Clustering | None
    clusters: tuple[Cluster, ...]
    said: Said
    rand: Mapping[str, Any]
    answered: int
    newcomers: int
    candidate: Clustering | None
    report: ClusterReport | None


def standing(loop: Loop) -> Standing:
    """Where the groups of a project are; kept until an entry or a clustering comes in."""
    store, project_id = loop.store, loop.project.id
    champion = store.clusterings.champion(project_id)
    found = said_now(loop, champion)
    candidate = next(iter(store.clusterings.latest(project_id, 1)), None)
    if candidate is not None and candidate.status != "candidate":
        candidate = None
    report = store.clusterings.report_on(candidate.id) if candidate else None
    if champion is None:
        return Standing(None, (), found, {}, 0, 0, candidate, report)
    key = ("rand of groups", store.url, champion.id, store.cluster_feedback.newest(project_id))
    rand = loop.cache.get(key, lambda: plain(rand_on_audit(found, side_of(loop, champion, found), champion.seed)))
    return Standing(
        champion,
        named(store.clusterings.clusters(champion.id), found.names),
        found,
        rand,
        store.cluster_feedback.since(project_id, champion.upto),
        max(0, held(loop) - champion.items),
        candidate,
        report,
    )


def previewed(loop: Loop, found: Standing) -> Standing:
    """The same with the groups that wait for a decision in place of those in use; raises Refused where none wait."""
    if found.candidate is None:
        raise Refused("No new groups wait for a decision: make new groups first.")
    return replace(found, champion=found.candidate, clusters=tuple(loop.store.clusterings.clusters(found.candidate.id)))


def held(loop: Loop) -> int:
    """Items that would be grouped now."""
    counts = loop.store.tallies.of(loop.project.id, "items")
    return sum(n for name, n in counts.items() if not name.startswith("holdout/"))


def named(clusters: list[Cluster], renamed: Mapping[int, str]) -> tuple[Cluster, ...]:
    """Groups with the names that people have given since."""
    names = names_before(clusters, renamed)
    return tuple(
        Cluster(each.number, names[each.number], each.size, each.prototypes, each.representatives, each.odd)
        for each in clusters
    )


def waiting(loop: Loop, champion: Clustering, limit: int = 100) -> list[ClusterEntry]:
    """Merges, splits and names of the clustering in use that still count, the newest first."""
    return loop.store.cluster_feedback.about(loop.project.id, champion, limit)


def answers_of(loop: Loop, reviewer: str, limit: int) -> list[ClusterEntry]:
    """The newest answers of one person on pairs that still count."""
    entries = loop.store.cluster_feedback.standing(loop.project.id, reviewer=reviewer, limit=2 * limit)
    return [entry for entry in entries if entry.kind in PAIR_WORDS][:limit]


def said_of(entry: ClusterEntry, names: Mapping[int, str]) -> str:
    """A merge, split or name in words. names: of the groups by number."""
    one, other = (name_of(number or 0, names) for number in (entry.cluster_a, entry.cluster_b))
    if entry.kind == "merge":
        return f"Merge “{one}” with “{other}”"
    if entry.kind == "split":
        return f"Split “{one}” in two"
    return f"Name group {entry.cluster_a} “{entry.name}”"


def members(loop: Loop, clustering: Clustering) -> Iterator[dict[str, Any]]:
    """Every item with its group, in the order of their ids, read piece by piece."""
    store = loop.store.clusterings
    clusters = store.clusters(clustering.id)
    if clustering.status == "champion":
        clusters = list(named(clusters, said_now(loop, clustering).names))
    table, names = table_of(clusters), {each.number: each.name for each in clusters}
    for piece in store.chunks(clustering.id):
        keys = loop.store.items.keys(piece.ids.tolist())
        for item, number in zip(piece.ids.tolist(), table[piece.prototypes].tolist(), strict=True):
            yield {"item": item, "key": keys.get(item, ""), "group": number, "name": names[number]}


def told(clustering: Clustering) -> dict[str, Any]:
    """A clustering as plain JSON values."""
    moments = {"created_at": iso(clustering.created_at), "promoted_at": iso(clustering.promoted_at)}
    return asdict(clustering) | {"metrics": dict(clustering.metrics)} | moments


def told_report(report: ClusterReport) -> dict[str, Any]:
    """A comparison as plain JSON values."""
    moments = {"created_at": iso(report.created_at), "decided_at": iso(report.decided_at)}
    return asdict(report) | {"reasons": list(report.reasons)} | moments


def told_entry(entry: ClusterEntry) -> dict[str, Any]:
    """An entry as plain JSON values."""
    return asdict(entry) | {"created_at": iso(entry.created_at)}


def told_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored entry, undos included, as plain JSON values."""
    names = ("id", "clustering_id", "kind", "item_a", "item_b", "cluster_a", "cluster_b", "name", "undoes", "reviewer")
    plain_row = {name: row[name] for name in (*names, "note")}
    return plain_row | {"audit": bool(row["audit"]), "created_at": iso(row["created_at"])}


def told_standing(found: Standing) -> dict[str, Any]:
    """Where the groups are, as plain JSON values."""
    said = found.said
    return {
        "champion": None if found.champion is None else told(found.champion),
        "groups": [asdict(each) for each in found.clusters],
        "adjusted_rand_on_audit": dict(found.rand) or None,
        "pairs": {"together": len(said.together), "apart": len(said.apart), "audit": len(said.audit)},
        "contradictions": [{"apart": list(each.apart), "chain": list(each.chain)} for each in said.contradictions],
        "disputed": [list(pair) for pair in said.disputed],
        "answered_since": found.answered,
        "newcomers": found.newcomers,
        "candidate": None if found.candidate is None else told(found.candidate),
        "report": None if found.report is None else told_report(found.report),
    }
