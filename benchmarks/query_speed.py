"""How long does a query take? CPU milliseconds and peak megabytes for the best 100 of n rows, ours beside the peers'.

Probabilities, features and votes are given to all: what a model costs is not the query's. Peers get as long as a
million rows allow: those that compare rows with each other stop at 10,000.
"""

import tracemalloc
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks._peers import missing, peers
from benchmarks._report import Value, arguments, cpu, report
from feedback_core.prioritize import STRATEGIES, Facts, Pool, blend
from feedback_core.settings import Settings

CLASSES, FEATURES, LABELLED, SAMPLE, BATCH = 10, 20, 300, 500, 100
SIZES = (10_000, 100_000, 1_000_000)
PAIRWISE = {"modAL ranked batch", "scikit-activeml CoreSet"}  # grow faster than n
ONCE_S = 1.0  # what takes longer is measured once
REPEATS = 3  # the best is kept, because noise of the machine only ever adds CPU time


def pool(n: int) -> Pool:
    """n rows of random probabilities and features."""
    rng = np.random.default_rng(n)
    proba = rng.dirichlet(np.ones(CLASSES), size=n).astype(np.float32)
    features = rng.standard_normal((n, FEATURES), dtype=np.float32)
    votes = rng.multinomial(5, np.full(CLASSES, 0.1), size=n).astype(np.float32) / 5
    facts = Facts(features, features[:LABELLED], features[LABELLED : LABELLED + SAMPLE], votes)
    return Pool(proba, rng.dirichlet(np.ones(CLASSES)), rng, facts=facts)


def plain_numpy(proba: np.ndarray) -> np.ndarray:
    """Margin as everybody writes it."""
    top_two = np.partition(proba, -2, axis=1)
    return np.argpartition(top_two[:, -1] - top_two[:, -2], BATCH)[:BATCH]


def best(scores: np.ndarray) -> np.ndarray:
    """The BATCH highest scores."""
    return np.argpartition(scores, -BATCH)[-BATCH:]


def queries(given: Pool) -> dict[str, Callable[[], object]]:
    """Every query over one pool, by name."""
    nothing, features = np.arange(0), given.fact("features")
    chosen = {name: (lambda name=name: best(STRATEGIES[name](given))) for name in STRATEGIES}
    chosen["default"] = lambda: best(blend(given, Settings().weights, BATCH)[1].sum(axis=1))
    chosen |= {
        name: (lambda peer=peer: peer(features, nothing, given.proba, BATCH, 0))
        for name, peer in peers().items()
        if name not in PAIRWISE
    }
    if len(features) <= SIZES[0]:
        first = np.arange(LABELLED)
        chosen |= {
            name: (lambda peer=peer: peer(features, first, given.proba, BATCH, 0))
            for name, peer in peers().items()
            if name in PAIRWISE
        }
    return chosen


def measure(query: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """CPU milliseconds, the best of some runs, and peak megabytes of one."""
    tracemalloc.start()
    with cpu() as timer:
        query()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    seconds = [timer.seconds]
    while len(seconds) <= repeats and seconds[0] < ONCE_S:
        with cpu() as timer:
            query()
        seconds.append(timer.seconds)
    return 1000 * min(seconds), peak


def main() -> None:
    """Measure all sizes, print one row a query."""
    options = arguments(__doc__ or "")
    sizes = SIZES[:2] if options.quick else SIZES
    rows: dict[str, dict[str, Value]] = {}
    numpy: dict[str, Value] = {}
    ratios: dict[str, float] = {}
    with threadpool_limits(1):
        queries(pool(SIZES[0] // 10))["default"]()  # what it imports at its first call is not counted
        for n in sizes:
            given = pool(n)
            limit, peak = measure(lambda given=given: plain_numpy(given.proba), 2 * REPEATS)
            numpy |= {f"ms_{n}": limit, f"mb_{n}": peak}
            for name, query in queries(given).items():
                spent, peak = measure(query)
                rows.setdefault(name, {}).update({f"ms_{n}": spent, f"mb_{n}": peak, f"ratio_{n}": spent / limit})
                ratios[name] = spent / limit
    ours = {name: row for name, row in rows.items() if name in (*STRATEGIES, "default")}
    theirs = {name: row for name, row in rows.items() if name not in ours}
    totals: dict[str, Value] = {
        "margin_ratio_to_numpy": ratios["margin"],
        "default_ratio_to_numpy": ratios["default"],
        "rows": sizes[-1],
        "margin_goal": 2,
        "default_goal": 3,
        "goals_at_rows": SIZES[-1],
        "peers_missing": ", ".join(missing()) or "none",
    }
    report("query_speed", totals | ours, {"plain NumPy margin": numpy} | theirs, as_json=options.json)


if __name__ == "__main__":
    main()
