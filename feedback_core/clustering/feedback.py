"""One word of a person on the groups: checked, and kept for good."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidFeedback, NotFound, Refused
from ..loop import Loop
from ..types import PAIR_WORDS, ClusterEntry, ClusterWord

LONGEST_NAME = 60
LONGEST_NOTE = 2_000
WORDS: tuple[ClusterWord, ...] = (*PAIR_WORDS, "merge", "split", "rename")


@dataclass(frozen=True, slots=True)
class ClusterSaid:
    """What somebody says. items: a pair by id, for together, apart and skip. clusters: numbers of one or two groups of
    the clustering in use, for merge, split and rename. draw: the drawn pair that is answered."""

    kind: ClusterWord
    by: str
    items: tuple[int, ...] = ()
    clusters: tuple[int, ...] = ()
    name: str = ""
    note: str = ""
    draw: int | None = None
    seconds: float | None = None
    key: str | None = None


def record(loop: Loop, word: ClusterSaid) -> ClusterEntry:
    """Keep one word, durably. Raises InvalidFeedback, NotFound for what does not exist, Refused without a clustering.

    Nothing changes at once but names: merges, splits and pairs are heeded by the next clustering.
    """
    _check(word)
    champion = loop.store.clusterings.champion(loop.project.id)
    numbers = _numbers(loop, word, champion.id if champion else None) if word.clusters else (None, None)
    one, other = sorted(word.items) if word.items else (None, None)
    fields = {
        "kind": word.kind,
        "clustering_id": champion.id if champion else None,
        "item_a": one,
        "item_b": other,
        "cluster_a": numbers[0],
        "cluster_b": numbers[1],
        "name": word.name.strip(),
        "draw_id": word.draw,
        "reviewer": word.by,
        "note": word.note.strip(),
        "seconds": word.seconds,
        "idempotency_key": word.key,
        "created_at": loop.clock(),
    }
    return loop.store.cluster_feedback.record(loop.project.id, fields)


def undo(loop: Loop, entry_id: int, by: str, note: str = "", key: str | None = None) -> ClusterEntry:
    """Take an entry back by another one; gives the entry that counts no more. Whose it is must have been asked before.

    key: sent again with the same one, it is done once. Raises NotFound, and Refused when that has been done already.
    """
    return loop.store.cluster_feedback.undo(loop.project.id, entry_id, by, note, loop.clock(), key)


def _check(word: ClusterSaid) -> None:
    if word.kind not in WORDS:
        raise InvalidFeedback(f"kind={word.kind!r:.40} is not known: use one of {', '.join(WORDS)}.")
    wanted = 2 if word.kind in (*PAIR_WORDS, "merge") else 1
    field, given = ("items", word.items) if word.kind in PAIR_WORDS else ("clusters", word.clusters)
    if len(given) != wanted or len(set(given)) != wanted:
        raise InvalidFeedback(f"{field}={list(given)} does not fit: {word.kind} takes {_NUMBER[wanted]} of them.")
    if bool(word.name.strip()) != (word.kind == "rename") or len(word.name) > LONGEST_NAME:
        raise InvalidFeedback(f"name={word.name!r:.80}: rename takes one of 1 to {LONGEST_NAME} letters, others none.")
    if len(word.note) > LONGEST_NOTE:
        raise InvalidFeedback(f"The note has {len(word.note):,} letters: {LONGEST_NOTE:,} are the most.")


_NUMBER = {1: "one", 2: "two different ones"}


def _numbers(loop: Loop, word: ClusterSaid, clustering_id: int | None) -> tuple[int, int | None]:
    if clustering_id is None:
        raise Refused("There are no groups yet: make the first ones on the Groups page.")
    clusters = {cluster.number: cluster for cluster in loop.store.clusterings.clusters(clustering_id)}
    if missing := [number for number in word.clusters if number not in clusters]:
        raise NotFound(f"There is no group {missing[0]}: there are {', '.join(map(str, clusters))}.")
    if word.kind == "split" and clusters[word.clusters[0]].size < 2:
        raise Refused(f"Group {word.clusters[0]} has a single item: it cannot be split.")
    ordered = sorted(word.clusters)
    return ordered[0], ordered[1] if len(ordered) > 1 else None
