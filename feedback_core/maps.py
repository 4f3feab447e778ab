"""Maps of the pool: a sample of its items on a plane, near where similar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .errors import Refused
from .learned import learned_rows
from .loop import Loop, silent
from .projection import neighbourhoods, principal
from .sampling import pool_sample
from .types import Job, PoolMap, Progress

MOST = 5_000
"""Points on a map: every selected one travels to the server, 100 bytes each."""

SLOW: dict[str, Callable[[npt.NDArray[np.float32], int], npt.NDArray[np.float32]]] = {"t-SNE": neighbourhoods}
"""Methods that take longer than a page may, and so are drawn by the worker."""

Drawn = tuple[PoolMap, npt.NDArray[np.float32]]


def at_once(loop: Loop) -> Drawn | None:
    """The principal components of a sample of the pool; None without a version or items. Kept until either changes."""
    champion = loop.store.versions.champion(loop.project.id)
    counts = loop.store.tallies.of(loop.project.id, "items")
    pool = sum(n for name, n in counts.items() if name.startswith("pool/"))
    if champion is None or not pool:
        return None
    key = ("map", loop.store.url, loop.project.id, champion.id, pool)
    return loop.cache.get(key, lambda: _drawn(loop, "PCA", lambda features, _: principal(features)))


def newest(loop: Loop, method: str) -> Drawn | None:
    """The last map the worker has drawn by a slow method; None when there is none."""
    return loop.store.maps.newest(loop.project.id, method)


def request(loop: Loop, method: str, by: str) -> Job:
    """Ask the worker for a map."""
    return loop.store.jobs.request(
        loop.project.id, "map", trigger="manual", by=by, now=loop.clock(), payload={"method": method}
    )


def draw(loop: Loop, method: str, progress: Progress = silent) -> int:
    """Draw and keep a map by a slow method; gives its number of items. Raises Refused without a model or items."""
    progress(0.05, "choosing items")

    def laid_out(features: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
        progress(0.2, f"laying out {len(features):,} items, which takes a minute or two")
        return SLOW[method](features, seed)

    drawn, points = _drawn(loop, method, laid_out)
    progress(0.95, "saving")
    loop.store.maps.save(loop.project.id, drawn, points)
    return len(drawn.ids)


def _drawn(
    loop: Loop, method: str, lay_out: Callable[[npt.NDArray[np.float32], int], npt.NDArray[np.float32]]
) -> Drawn:
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        raise Refused("There is no model yet, and a map shows items as the model sees them: train the first version.")
    sample = pool_sample(loop.store, loop.project, MOST, np.random.default_rng(champion.seed))
    if not sample.ids:
        raise Refused("There are no items to draw: add rows without a label on Setup.")
    points = lay_out(learned_rows(loop, champion.id).space.of(sample.ids), champion.seed)
    return PoolMap(method, champion.id, sample.ids, sample.pool, loop.clock()), points
