"""Which share of the items can go without review, and how often is the promise about them broken?

Scores are too sure of themselves (temperature 1.6): the true probability of a right answer is the displayed one after
its log odds are divided by 1.6. Each repetition draws an audit sample and searches a threshold for the target; a
promise is broken when the true accuracy above the threshold lies below the target.
"""

from __future__ import annotations

import numpy as np

from benchmarks._report import arguments, cpu, report
from feedback_core import automation, label_sets

TEMPERATURE = 1.6
SPREAD = 8.1
"""Of the log odds: as many items as in the published design, 57 %, are shown with 0.99 or more."""
SIZES = (300, 1_000, 3_000, 10_000)
REPEATS, QUICK_REPEATS = 150, 40
POOL = 200_000


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Displayed confidence and true probability of being right, for a pool of two classes."""
    odds = np.abs(rng.normal(0, SPREAD, POOL))
    return 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds / TEMPERATURE))


def empirical(confidence: np.ndarray, right: np.ndarray, target: float) -> float | None:
    """The lowest threshold whose own rows reach the target: what one would do without a test."""
    order = np.argsort(-confidence)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= target)
    return float(confidence[order][good[-1]]) if len(good) else None


def trial(rng: np.random.Generator, rows: int, repeats: int) -> dict[str, dict[str, float]]:
    """Broken promises and the share without review, by rule."""
    shown, true = world(rng)
    broken: dict[str, list[bool]] = {}
    shares: dict[str, list[float]] = {}
    for _ in range(repeats):
        drawn = rng.integers(POOL, size=rows)
        right = rng.random(rows) < true[drawn]
        grid = automation.percentiles(shown[rng.integers(POOL, size=5_000)])
        found = {
            "shown >= 0.99": (0.99, 0.99),
            "empirical 99 %": (empirical(shown[drawn], right, 0.99), 0.99),
            "learn then test 99 %": (automation.certify(shown[drawn], right, grid, 0.99, 0.05).threshold, 0.99),
            "learn then test 97 %": (automation.certify(shown[drawn], right, grid, 0.97, 0.05).threshold, 0.97),
        }
        for name, (threshold, target) in found.items():
            above = np.zeros(POOL, dtype=bool) if threshold is None else shown >= threshold
            broken.setdefault(name, []).append(bool(above.any() and true[above].mean() < target))
            shares.setdefault(name, []).append(float(above.mean()))
    return {name: {"broken": np.mean(broken[name]), "share": np.mean(shares[name])} for name in broken}


def sets(rng: np.random.Generator, repeats: int) -> dict[str, dict[str, float]]:
    """Coverage and size of the label sets on digits, 300 rows to calibrate."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    digits = load_digits()
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(repeats):
        order = rng.permutation(len(digits.target))
        learn, calibrate, test = order[:200], order[200:500], order[500:]
        model = LogisticRegression(max_iter=500).fit(digits.data[learn] / 16, digits.target[learn])
        own = model.predict_proba(digits.data[calibrate] / 16)[np.arange(300), digits.target[calibrate]]
        proba = model.predict_proba(digits.data[test] / 16)
        for coverage in (0.95, 0.90):
            least = label_sets.cut(own, coverage)
            held = [label_sets.label_set(row, least) for row in proba]
            row = found.setdefault(f"label sets {coverage:.0%}", {"coverage": [], "labels": []})
            row["coverage"].append(np.mean([y in s for y, s in zip(digits.target[test], held, strict=True)]))
            row["labels"].append(np.mean([len(s) for s in held]))
    return {name: {column: float(np.mean(values)) for column, values in row.items()} for name, row in found.items()}


def main() -> None:
    options = arguments(__doc__ or "", seeded=True)
    rng, repeats = np.random.default_rng(options.seed), QUICK_REPEATS if options.quick else REPEATS
    metrics: dict[str, dict[str, float]] = {}
    with cpu() as timer:
        for rows in SIZES[:2] if options.quick else SIZES:
            for name, figures in trial(rng, rows, repeats).items():
                metrics.setdefault(name, {}).update({f"{column} n={rows}": v for column, v in figures.items()})
        metrics |= sets(rng, 8)
    metrics["cpu_s"] = round(timer.seconds, 1)
    report("automation", metrics, {}, as_json=options.json)


if __name__ == "__main__":
    main()
