"""Of the entries put first for a second look, how many are wrong? Five orders of the same entries, side by side.

Digits: a model of 100 base rows is shown to ten reviewers, whose skills lie evenly between 53 and 95 %, so that about a
quarter of the 600 entries are wrong; 30 % of the rows go to a second reviewer, 5 % of the entries are gold. Each order
picks 100 entries; printed is the share of these that are wrong, averaged over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from benchmarks._report import arguments, cpu, report
from feedback_core import trust

BASE, ENTRIES, LOOKS = 100, 600, 100
TWICE, GOLD = 0.3, 0.05
SKILLS = np.linspace(0.53, 0.95, 10)
SEEDS, QUICK_SEEDS = 20, 5
SPEED_ROWS, QUICK_SPEED_ROWS = 1_000_000, 100_000

Rank = Callable[["World"], np.ndarray]


class World:
    """entries: facts as the worker gathers them. wrong: (n,) the truth about them. proba: (n, k) what was shown."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        digits = load_digits()
        x, y = digits.data / 16, digits.target
        order = rng.permutation(len(x))
        base, pool = order[:BASE], order[BASE:]
        model = LogisticRegression(max_iter=2_000).fit(x[base], y[base])
        once = pool[: round(ENTRIES / (1 + TWICE))]
        items = np.concatenate([once, once[: ENTRIES - len(once)]])
        first = rng.integers(10, size=len(once))
        again = ENTRIES - len(once)
        # A second reviewer is never the first one.
        people = np.concatenate([first, (first[:again] + rng.integers(1, 10, again)) % 10])
        right = rng.random(ENTRIES) < SKILLS[people]
        given = np.where(right, y[items], (y[items] + rng.integers(1, 10, ENTRIES)) % 10)
        self.wrong = given != y[items]
        self.proba = model.predict_proba(x[items])
        self.rng = rng
        own = self.proba[np.arange(ENTRIES), given]
        near = ((x[items][:, None, :] - x[base][None]) ** 2).sum(axis=2).min(axis=1)
        self.entries = trust.Entries(
            items=items,
            reviewers=people,
            labels=given,
            standing=np.ones(ENTRIES, dtype=bool),
            gold=np.where(rng.random(ENTRIES) < GOLD, y[items], -1),
            given=own,
            error=np.sqrt((self.proba**2).sum(axis=1) - 2 * own + 1),
            size=np.sqrt(1 + (x[items] ** 2).sum(axis=1)),
            distance=np.sqrt(near),
        )


def by_chance(world: World) -> np.ndarray:
    """A random order."""
    return world.rng.random(ENTRIES)


def lowest_trust(world: World) -> np.ndarray:
    """Entries of the reviewer who agrees least, at random among them."""
    return 1 - trust.agreement(world.entries)[world.entries.reviewers] + 1e-9 * world.rng.random(ENTRIES)


def self_confidence(world: World) -> np.ndarray:
    """1 - the probability of the given label, and nothing else."""
    return 1 - world.entries.given


def confident_learning(world: World) -> np.ndarray:
    """Off the diagonal of the confident joint first, by normalised margin (Northcutt et al. 2021), in NumPy."""
    labels, proba = world.entries.labels, world.proba
    threshold = np.asarray([proba[labels == k, k].mean() if (labels == k).any() else 1.0 for k in range(10)])
    likely = np.where(proba >= threshold, proba, 0)
    flagged = (likely.max(axis=1) > 0) & (likely.argmax(axis=1) != labels)
    rest = proba.copy()
    rest[np.arange(ENTRIES), labels] = 0
    return flagged + (1 + rest.max(axis=1) - world.entries.given) / 2.001


def ours(world: World) -> np.ndarray:
    """The score of the Feedback page."""
    return trust.score(trust.parts(world.entries))


ORDERS: dict[str, Rank] = {
    "random": by_chance,
    "lowest_trust": lowest_trust,
    "self_confidence": self_confidence,
    "confident_learning": confident_learning,
    "ours": ours,
}


def found_wrong(seed: int) -> dict[str, float]:
    """Share of wrong entries among the first LOOKS of each order."""
    world = World(seed)
    return {
        name: float(world.wrong[np.argsort(-order(world), kind="stable")[:LOOKS]].mean())
        for name, order in ORDERS.items()
    } | {"all_entries": float(world.wrong.mean())}


def speed(rows: int) -> dict[str, float]:
    """CPU seconds of ranking `rows` entries once their facts are known, beside sorting one column of them."""
    rng = np.random.default_rng(0)
    entries = trust.Entries(
        items=rng.integers(rows * 3 // 4, size=rows),
        reviewers=rng.integers(50, size=rows),
        labels=rng.integers(10, size=rows),
        standing=np.ones(rows, dtype=bool),
        gold=np.full(rows, -1),
        given=rng.random(rows),
        error=rng.random(rows),
        size=1 + rng.random(rows),
        distance=rng.random(rows),
    )
    with cpu() as ranked:
        trust.score(trust.parts(entries))
    with cpu() as sorted_:
        np.argsort(entries.given)
    return {"rank_cpu_s": ranked.seconds, "sort_cpu_s": sorted_.seconds}


def main() -> None:
    """Print the shares, and what ranking costs."""
    options = arguments(__doc__ or "")
    seeds = QUICK_SEEDS if options.quick else SEEDS
    rows = QUICK_SPEED_ROWS if options.quick else SPEED_ROWS
    runs = [found_wrong(seed) for seed in range(seeds)]
    shares = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    times = speed(rows)
    metrics = {
        "wrong_share": shares["ours"],
        "ratio_to_random": shares["ours"] / shares["random"],
        "ratio_to_self_confidence": shares["ours"] / shares["self_confidence"],
        "seeds": seeds,
        "rows": rows,
        "rank_cpu_s": times["rank_cpu_s"],
    }
    baselines = {name: share for name, share in shares.items() if name != "ours"} | {"sort_cpu_s": times["sort_cpu_s"]}
    report("second_look", metrics, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
