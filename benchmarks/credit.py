"""Is a careless reviewer found, and a good batch? And is anything found where there is nothing?

Digits: 150 base rows without eights and nines; then six reviewers label 50 rows each, in three rounds. One reviewer is
wrong about 60 % of them; the rows of one round hold all the eights and nines. Printed for both ways to value a group,
refits without it and KNN-Shapley: how often the careless reviewer comes last of six with a negative sign, and the
round first of three with a positive one, and how often that is told from zero. In the null worlds every label, of
training and locked rows, is a coin's: no group is worth anything, and `false_distinguishable` is the share of worlds in
which any of the nine groups is called distinguishable from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks._report import arguments, cpu, report
from feedback_core import credit
from feedback_core.types import Interval

BASE, EACH, REVIEWERS, ROUNDS, LOCKED = 150, 50, 6, 3, 500
CARELESS, WRONG = "r0", 0.6
GOOD = "b0"
RARE = (8, 9)
WORLDS, QUICK_WORLDS = 40, 6
NULLS, QUICK_NULLS = 400, 60


@dataclass(frozen=True, slots=True)
class World:
    """Training rows x, y, locked rows, and the groups: name -> positions of training rows."""

    x: np.ndarray
    y: np.ndarray
    locked_x: np.ndarray
    locked_y: np.ndarray
    groups: Mapping[str, np.ndarray]


def planted(seed: int) -> World:
    """One careless reviewer, one round with the digits that the base rows lack."""
    rng, digits = np.random.default_rng(seed), load_digits()
    x, y = digits.data / 16, digits.target
    order = rng.permutation(len(x))
    locked, rest = order[:LOCKED], order[LOCKED:]
    rare = np.isin(y[rest], RARE)
    common, unseen = rest[~rare], rest[rare]
    new = REVIEWERS * EACH
    in_round = new // ROUNDS
    rows = np.concatenate([common[:BASE], unseen[: in_round // 2], common[BASE : BASE + new - in_round // 2]])
    reviewer = rng.permutation(np.arange(new) % REVIEWERS)
    batch = np.arange(new) // in_round
    taught = y[rows].copy()
    careless = BASE + np.flatnonzero(reviewer == 0)
    bad = careless[rng.random(len(careless)) < WRONG]
    taught[bad] = (taught[bad] + rng.integers(1, 10, len(bad))) % 10
    return World(x[rows], taught, x[locked], y[locked], _groups(reviewer, batch))


def coins(seed: int) -> World:
    """Labels that have nothing to do with the rows."""
    rng = np.random.default_rng(10_000 + seed)
    new = REVIEWERS * EACH
    x, y = rng.normal(size=(BASE + new + LOCKED, 5)), rng.integers(2, size=BASE + new + LOCKED)
    groups = _groups(rng.integers(REVIEWERS, size=new), rng.integers(ROUNDS, size=new))
    return World(x[:-LOCKED], y[:-LOCKED], x[-LOCKED:], y[-LOCKED:], groups)


def _groups(reviewer: np.ndarray, batch: np.ndarray) -> dict[str, np.ndarray]:
    people = {f"r{n}": BASE + np.flatnonzero(reviewer == n) for n in range(REVIEWERS)}
    return people | {f"b{n}": BASE + np.flatnonzero(batch == n) for n in range(ROUNDS)}


def by_refits(world: World) -> dict[str, credit.Credit]:
    """Each group by leaving it out."""
    everything = np.arange(len(world.y))

    def right(rows: np.ndarray) -> np.ndarray:
        model = LogisticRegression(max_iter=2_000).fit(world.x[rows], world.y[rows])
        return (model.predict(world.locked_x) == world.locked_y)[None]

    full = right(everything)
    return _decided(
        world, {name: credit.left_out(full, right(np.setdiff1d(everything, g))) for name, g in world.groups.items()}
    )


def by_neighbours(world: World) -> dict[str, credit.Credit]:
    """Each group by KNN-Shapley."""
    member = np.zeros((len(world.y), len(world.groups)), dtype=bool)
    for column, rows in enumerate(world.groups.values()):
        member[rows, column] = True
    values = credit.shapley(world.x, world.y, world.locked_x, world.locked_y, member)
    return _decided(world, {name: credit.shared(values[:, n]) for n, name in enumerate(world.groups)})


def _decided(world: World, tested: Mapping[str, tuple]) -> dict[str, credit.Credit]:
    found = [credit.Credit("reviewer", name, len(world.groups[name]), *known) for name, known in tested.items()]
    return {each.name: each for each in credit.decided(found, range(len(found)))}


METHODS = {"refits": by_refits, "knn_shapley": by_neighbours}


@threadpool_limits.wrap(limits=1)
def recovered(worlds: int, method: str) -> dict[str, float]:
    """How often what was planted is found, and told from zero."""
    counts = dict.fromkeys(
        ("recovered_bad_reviewer", "recovered_good_batch", "told_bad", "told_good", "others_wrong"), 0
    )
    for seed in range(worlds):
        found = METHODS[method](planted(seed))
        people = [found[f"r{n}"] for n in range(REVIEWERS)]
        rounds = [found[f"b{n}"] for n in range(ROUNDS)]
        worst, best = min(people, key=lambda c: c.gain.value), max(rounds, key=lambda c: c.gain.value)
        counts["recovered_bad_reviewer"] += worst.name == CARELESS and worst.gain.value < 0
        counts["recovered_good_batch"] += best.name == GOOD and best.gain.value > 0
        counts["told_bad"] += found[CARELESS].distinguishable and found[CARELESS].gain.value < 0
        counts["told_good"] += found[GOOD].distinguishable and found[GOOD].gain.value > 0
        counts["others_wrong"] += any(c.distinguishable and c.gain.value < 0 for c in people if c.name != CARELESS)
    return {name: n / worlds for name, n in counts.items()}


@threadpool_limits.wrap(limits=1)
def named(worlds: int, nulls: int) -> dict[str, float]:
    """How often the careless reviewer is said to contradict similar rows, how often another, and in null worlds any."""
    found = [misleading(planted(seed)) for seed in range(worlds)]
    return {
        "told_bad": float(np.mean([CARELESS in names for names in found])),
        "others_wrong": float(np.mean([bool(names - {CARELESS}) for names in found])),
        "false_distinguishable": float(np.mean([bool(misleading(coins(seed))) for seed in range(nulls)])),
    }


def misleading(world: World) -> set[str]:
    """Reviewers whose labels contradict the rows around them more than the others' do."""
    people = {name: rows for name, rows in world.groups.items() if name.startswith("r")}
    member = np.zeros((len(world.y), len(people) + 1), dtype=bool)
    for column, rows in enumerate((*people.values(), np.concatenate(list(people.values())))):
        member[rows, column] = True
    values = credit.shapley(world.x, world.y, world.locked_x, world.locked_y, member)
    sizes = member.sum(axis=0).tolist()
    nothing = Interval(0.0, 0.0, 0.0, 0)
    plain = [credit.Credit("reviewer", name, len(rows), nothing, 1.0) for name, rows in people.items()]
    marked = credit.misleading(plain, values[:, :-1], sizes[:-1], values[:, -1], sizes[-1])
    return {each.name for each in marked if each.misleads}


@threadpool_limits.wrap(limits=1)
def false_alarms(worlds: int, method: str) -> float:
    """Share of null worlds in which any group is told from zero."""
    return float(
        np.mean([any(c.distinguishable for c in METHODS[method](coins(seed)).values()) for seed in range(worlds)])
    )


def main() -> None:
    """Print both methods side by side."""
    options = arguments(__doc__ or "")
    worlds, nulls = (QUICK_WORLDS, QUICK_NULLS) if options.quick else (WORLDS, NULLS)
    rows: dict[str, dict[str, float]] = {}
    for method in METHODS:
        with cpu() as spent:
            rows[method] = recovered(worlds, method) | {"false_distinguishable": false_alarms(nulls, method)}
        rows[method]["cpu_s"] = spent.seconds
    rows["contradicts_similar_rows"] = named(worlds, nulls)
    metrics = {
        name: rows["refits"][name]
        for name in ("recovered_bad_reviewer", "recovered_good_batch", "false_distinguishable")
    }
    baselines = {"by chance": {"recovered_bad_reviewer": 0.5 / REVIEWERS, "recovered_good_batch": 0.5 / ROUNDS}}
    report("credit", {**metrics, "worlds": worlds, "nulls": nulls, **rows}, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
