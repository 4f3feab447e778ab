"""Which pool items stand for all when there are too many: a uniform sample, told apart by open or decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .store import Store
from .types import Project


@dataclass(frozen=True, slots=True)
class Sample:
    """Ids of pool items. pool: how many there are in all."""

    ids: tuple[int, ...]
    pool: int

    @property
    def whole(self) -> bool:
        return len(self.ids) >= self.pool


def pool_sample(
    store: Store, project: Project, most: int, rng: np.random.Generator, *, all_decided: bool = False
) -> Sample:
    """At most about `most` pool items, uniformly drawn: open and decided ones each in their share of the pool.

    all_decided: take every decided item instead, up to `most`, and fill up with open ones.
    """
    counts = {name: n for name, n in store.tallies.of(project.id, "items").items() if name.startswith("pool/")}
    pool = sum(counts.values())
    decided = np.asarray(store.items.decided_ids(project.id), dtype=np.int64)
    share = most if pool <= most or all_decided else round(most * len(decided) / pool)
    if len(decided) > share:
        decided = rng.choice(decided, size=share, replace=False)
    room = max(0, most - len(decided))
    is_open = np.asarray(store.items.open_ids(project.id), dtype=np.int64)
    if len(is_open) > room:
        is_open = rng.choice(is_open, size=room, replace=False)
    return Sample(tuple(sorted([*decided.tolist(), *is_open.tolist()])), pool)
