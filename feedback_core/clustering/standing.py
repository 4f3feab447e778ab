"""What the entries of all reviewers add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..types import ClusterEntry, Clustering
from .closure import Contradiction, Pair, contradictions

Answered = tuple[int, int, bool]
"""A pair, the lower item first, and whether it belongs together."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a clustering is to heed, and what it is measured by.

    together, apart: pairs to heed; apart is without what contradicts. disputed: pairs with as many voices on either
    side, which count for neither. audit: answers on pairs drawn by chance, never heeded. merges, splits, names: about
    the groups of one clustering, by number.
    """

    together: tuple[Pair, ...]
    apart: tuple[Pair, ...]
    contradictions: tuple[Contradiction, ...]
    disputed: tuple[Pair, ...]
    audit: tuple[Answered, ...]
    merges: tuple[Pair, ...]
    splits: tuple[int, ...]
    names: Mapping[int, str]

    @property
    def pairs(self) -> tuple[Answered, ...]:
        """The pairs to heed, those together first."""
        return (*((*pair, True) for pair in self.together), *((*pair, False) for pair in self.apart))


def said(entries: Sequence[ClusterEntry], clustering: Clustering | None) -> Said:
    """What standing entries add up to. entries: the newest first. clustering: whose merges, splits and names.

    On a pair the newest answer of each reviewer counts, and the majority of reviewers decides.
    """
    taught, disputed = _agreed(entry for entry in entries if not entry.audit)
    measured, _ = _agreed(entry for entry in entries if entry.audit)
    together = tuple(pair for pair, same in taught.items() if same)
    apart = [pair for pair, same in taught.items() if not same]
    contradicted = contradictions(together, apart)
    set_aside = {each.apart for each in contradicted}
    about = [entry for entry in reversed(entries) if clustering is not None and concerns(entry, clustering)]
    return Said(
        together=together,
        apart=tuple(pair for pair in apart if pair not in set_aside),
        contradictions=tuple(contradicted),
        disputed=disputed,
        # Chance may fall on a pair that somebody has taught before: what was fitted to measures nothing.
        audit=tuple((*pair, same) for pair, same in measured.items() if pair not in taught),
        merges=tuple(
            (entry.cluster_a, entry.cluster_b)
            for entry in about
            if entry.kind == "merge" and entry.cluster_a is not None and entry.cluster_b is not None
        ),
        splits=tuple(
            dict.fromkeys(entry.cluster_a for entry in about if entry.kind == "split" and entry.cluster_a is not None)
        ),
        names={
            entry.cluster_a: entry.name for entry in about if entry.kind == "rename" and entry.cluster_a is not None
        },
    )


def concerns(entry: ClusterEntry, clustering: Clustering) -> bool:
    """Whether an entry speaks of the groups of a clustering: given on it, or on its parent after it was made, since
    the numbers of groups stay."""
    late = entry.clustering_id == clustering.parent_id and entry.id > clustering.upto
    return entry.cluster_a is not None and (entry.clustering_id == clustering.id or late)


def _agreed(entries: Iterable[ClusterEntry]) -> tuple[dict[Pair, bool], tuple[Pair, ...]]:
    """What the majority of reviewers says of each pair, in the order of the pairs; and pairs without a majority."""
    newest: dict[tuple[str, Pair], bool] = {}
    for entry in entries:  # the newest first
        if entry.kind in ("together", "apart") and entry.item_a is not None and entry.item_b is not None:
            newest.setdefault((entry.reviewer, (entry.item_a, entry.item_b)), entry.kind == "together")
    votes: Counter[Pair] = Counter()
    for (_, pair), same in newest.items():
        votes[pair] += 1 if same else -1
    decided = {pair: votes[pair] > 0 for pair in sorted(votes) if votes[pair]}
    return decided, tuple(pair for pair in sorted(votes) if not votes[pair])
