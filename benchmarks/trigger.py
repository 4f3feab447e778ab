"""When to retrain: what each rule costs over four kinds of drift and three prices of a retrain.

A stream of 8,000 predictions with 10 features and 3 classes; a fifth of them are reported back, chosen by chance. The
model is a ridge on everything reported so far, older rows weighing less. Cost = wrong predictions + price x retrains;
regret of a rule = its cost above that of the best rule for this drift and price. The worst over drifts is what a rule
can be blamed for: a fixed number of corrections is right for one price only. `auto` and the square-root rule are the
functions of feedback_core.triggers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks._report import arguments, cpu, report
from feedback_core.triggers import regret
from feedback_core.triggers.replay import Rule, Seen, after, auto, every, fixed, root

STREAM, FEATURES, CLASSES, REPORTED = 8_000, 10, 3, 0.2
BASE, RIDGE, MEMORY = 200, 1.0, 400
"""Labelled rows at the start, the ridge penalty, and the entries after which a row weighs 1/e."""

NOISE = 0.9
PRICES = (5, 20, 60)
SEEDS, QUICK_SEEDS = 20, 2
EVERY = (10, 50, 100, 500)
CORRECTIONS = (10, 50)
REGIMES = ("stationary", "sudden", "gradual", "one class moves")


@dataclass
class Stream:
    """x: (n, d + 1) with a constant. y: (n,) classes. reported: (n,) whether its truth came back. base_x, base_y."""

    x: np.ndarray
    y: np.ndarray
    reported: np.ndarray
    base_x: np.ndarray
    base_y: np.ndarray


def stream(regime: str, seed: int) -> Stream:
    """One world. The class of a row is the largest of three noisy linear scores, whose weights move by the regime."""
    rng = np.random.default_rng([seed, REGIMES.index(regime)])
    n = BASE + STREAM
    x = np.column_stack([rng.normal(size=(n, FEATURES)), np.ones(n)])
    first, second, third = (rng.normal(size=(FEATURES + 1, CLASSES)) for _ in range(3))
    t = np.clip((np.arange(n) - BASE) / STREAM, 0, 1)
    if regime == "sudden":
        weights = np.where((t < 1 / 3)[:, None, None], first, np.where((t < 2 / 3)[:, None, None], second, third))
    elif regime == "gradual":
        angle = (t * np.pi / 2)[:, None, None]
        weights = np.cos(angle) * first + np.sin(angle) * second
    elif regime == "one class moves":
        moved = first.copy()
        moved[:, 0] = second[:, 0]
        weights = np.where((t < 0.5)[:, None, None], first, moved)
    else:
        weights = np.broadcast_to(first, (n, *first.shape))
    scores = np.einsum("nd,ndk->nk", x, weights) + NOISE * rng.normal(size=(n, CLASSES))
    y = scores.argmax(axis=1)
    return Stream(x[BASE:], y[BASE:], rng.random(STREAM) < REPORTED, x[:BASE], y[:BASE])


class Learner:
    """A ridge per class on everything reported so far, with exponential forgetting."""

    def __init__(self, base_x: np.ndarray, base_y: np.ndarray) -> None:
        self._keep = float(np.exp(-1 / MEMORY))
        self._xx = base_x.T @ base_x
        self._xy = base_x.T @ np.eye(CLASSES)[base_y]

    def learn(self, x: np.ndarray, y: int) -> None:
        self._xx = self._keep * self._xx + np.outer(x, x)
        self._xy *= self._keep
        self._xy[:, y] += x

    def fit(self) -> np.ndarray:
        """Weights (d, k) of a model of this moment."""
        return np.linalg.solve(self._xx + RIDGE * np.eye(len(self._xx)), self._xy)


class Shadow:
    """Fitted every 25 entries, it answers before it learns. The same for every rule of one world."""

    def __init__(self, world: Stream) -> None:
        learner = Learner(world.base_x, world.base_y)
        model, self.fits = learner.fit(), 0
        self.said = np.zeros(STREAM, dtype=int)
        for count, n in enumerate(np.flatnonzero(world.reported), 1):
            self.said[n] = int((world.x[n] @ model).argmax())
            learner.learn(world.x[n], world.y[n])
            if count % regret.REFIT_EVERY == 0:
                model, self.fits = learner.fit(), self.fits + 1


@dataclass
class Outcome:
    """Wrong predictions of 8,000, and retrains."""

    wrong: int
    retrains: int = 0

    def cost(self, price: float) -> float:
        return self.wrong + price * self.retrains


def replay(world: Stream, shadow: Shadow, rule: Rule) -> Outcome:
    """One world under one rule. The champion answers everything; a retrain makes the learner of now the champion."""
    learner = Learner(world.base_x, world.base_y)
    model = learner.fit()
    said, outcome, seen = (world.x @ model).argmax(axis=1), Outcome(0), Seen()
    for n in np.flatnonzero(world.reported):
        seen = after(seen, bool(said[n] != world.y[n]), bool(shadow.said[n] != world.y[n]), REPORTED)
        learner.learn(world.x[n], world.y[n])
        if rule(seen):
            outcome.retrains += 1
            said[n + 1 :] = (world.x[n + 1 :] @ learner.fit()).argmax(axis=1)
            seen = Seen()
    outcome.wrong = int((said != world.y).sum())
    return outcome


def rules(price: float) -> dict[str, Rule]:
    """Every rule for one price, by name."""
    return (
        {f"every {n} entries": every(n) for n in EVERY}
        | {f"every {n} corrections": fixed(n) for n in CORRECTIONS}
        | {"6 sqrt(C) corrections": root(price), "auto": auto(price)}
    )


Costs = dict[str, dict[str, list[Outcome]]]
"""Rule -> regime -> outcomes over the seeds."""


def outcomes(price: float, seeds: range) -> Costs:
    """Every rule on every world."""
    # A rule that does not know the price does the same at every price, and need not be replayed for each.
    return {
        name: {
            regime: [_outcome(regime, seed, name, 0 if name.startswith("every") else price) for seed in seeds]
            for regime in REGIMES
        }
        for name in rules(price)
    }


@cache
def _outcome(regime: str, seed: int, name: str, price: float) -> Outcome:
    return replay(*_world(regime, seed), rules(price)[name])


@cache
def _world(regime: str, seed: int) -> tuple[Stream, Shadow]:
    world = stream(regime, seed)
    return world, Shadow(world)


def worst_regret(found: Costs, price: float) -> dict[str, float]:
    """By rule: the largest share, over drifts, by which its mean cost is above the best rule's."""
    means = {
        name: {regime: float(np.mean([o.cost(price) for o in runs])) for regime, runs in by_regime.items()}
        for name, by_regime in found.items()
    }
    best = {regime: min(costs[regime] for costs in means.values()) for regime in REGIMES}
    return {name: max(costs[regime] / best[regime] - 1 for regime in REGIMES) for name, costs in means.items()}


def row(by_regime: Mapping[str, list[Outcome]], price: float) -> dict[str, str]:
    """Accuracy / retrains / cost of each drift, averaged over the seeds."""
    return {
        regime: f"{1 - np.mean([o.wrong for o in runs]) / STREAM:.3f}/{np.mean([o.retrains for o in runs]):.0f}"
        f"/{np.mean([o.cost(price) for o in runs]):.0f}"
        for regime, runs in by_regime.items()
    }


def main() -> None:
    """Print the table of SCIENCE, for the middle price, and the worst regrets for all."""
    options = arguments(__doc__ or "", seeded=True)
    seeds = range(options.seed, options.seed + (QUICK_SEEDS if options.quick else SEEDS))
    with cpu() as spent:
        found = {price: outcomes(price, seeds) for price in PRICES}
    regrets = {price: worst_regret(found[price], price) for price in PRICES}
    middle = PRICES[1]
    table = {
        name: row(by_regime, middle)
        | {
            "sum of cost": round(sum(np.mean([o.cost(middle) for o in runs]) for runs in by_regime.values())),
            **{f"worst regret at {price}": round(regrets[price][name], 4) for price in PRICES},
        }
        for name, by_regime in found[middle].items()
    }
    worst = {name: max(regrets[price][name] for price in PRICES) for name in table}
    metrics = {
        "worst_regret_auto": worst["auto"],
        **{f"worst_regret_auto_at_{price}": regrets[price]["auto"] for price in PRICES},
        "worst_regret_root": worst["6 sqrt(C) corrections"],
        "worst_regret_best_fixed": min(value for name, value in worst.items() if name.startswith("every")),
        "predictions": STREAM,
        "seeds": len(seeds),
        "cpu_s": spent.seconds,
        "auto": table.pop("auto"),
    }
    report("trigger", metrics, table, as_json=options.json)


if __name__ == "__main__":
    main()
