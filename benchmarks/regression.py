"""Predicting a number: do the intervals hold, does luck promote, and what do mistakes of the unit cost?

Three questions, each with the product's own rules. Intervals: scikit-learn's diabetes data and made-up rows whose noise
grows, a forest, half of the unseen rows to calibrate on and half to count. Promotions: 50 retrains that are no better,
in one series on the same locked rows, t3 errors. Mistakes: every tenth correction is ten times too large; a forest
learns from all of them, from those that are not doubted, or from the right ones alone.
"""

from __future__ import annotations

import numpy as np

from benchmarks._report import arguments, report
from feedback_core import conformal, gate
from feedback_core.number_scores import number_scores
from feedback_core.tasks import regression

RETRAINS, SERIES, QUICK_SERIES = 50, 200, 10
SEEDS, QUICK_SEEDS = 20, 2
ROWS = (200, 1_000)
COVER = 0.9
TREES = 100


def coverage(seeds: int) -> dict[str, dict[str, float]]:
    """Share of true numbers inside 90 % intervals, over all rows and over the quarter with the largest spread."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    table = {}
    for name in ("diabetes", "growing_noise"):
        found: dict[str, list[float]] = {}
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            data = (X, y) if name == "diabetes" else _growing(rng)
            for kind, inside, hard in _intervals(*data, rng):
                found.setdefault(kind, []).append(float(inside.mean()))
                found.setdefault(f"{kind}, hardest quarter", []).append(float(inside[hard].mean()))
        table[name] = {kind: round(float(np.mean(shares)), 3) for kind, shares in found.items()}
    return table


def _growing(rng):
    X = rng.uniform(0, 1, size=(900, 4))
    return X, 10 * X[:, 0] + 3 * np.sin(6 * X[:, 1]) + rng.normal(size=900) * (0.3 + 3 * X[:, 0])


def _intervals(X, y, rng):
    """(kind, whether inside, the hardest quarter) on rows that neither fitted nor calibrated anything."""
    order = rng.permutation(len(y))
    fitted, known, asked = np.array_split(order, [len(y) // 2, 3 * len(y) // 4])
    value, spread = _forest(X[fitted], y[fitted], rng)(X)
    hard = spread[asked] >= np.quantile(spread[asked], 0.75)
    error = np.abs(y - value)
    yield "1.645 spreads", error[asked] <= 1.645 * spread[asked], hard
    for kind, width in (("conformal", np.zeros(len(y))), ("conformal by spread", spread)):
        found = conformal.calibrated(error[known], width[known], "audit", COVER)
        assert found is not None
        yield kind, error[asked] <= found.quantile * (width[asked] + found.floor), hard


def _forest(X, y, rng):
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(TREES, random_state=int(rng.integers(2**31)), n_jobs=1).fit(X, y)

    def said(rows):
        each = np.stack([tree.predict(rows) for tree in model.estimators_])
        return each.mean(axis=0), each.std(axis=0)

    return said


def promotions(series: int) -> dict[str, dict[str, float]]:
    """Share of series of 50 retrains that are no better in which any is promoted, by rule and locked rows."""
    table = {}
    for n in ROWS:
        rng = np.random.default_rng(n)
        naive = strict = 0
        for _ in range(series):
            champion = rng.standard_t(3, size=n)
            challengers = [0.8 * champion + 0.6 * rng.standard_t(3, size=n) for _ in range(RETRAINS)]
            lower = [bool(np.abs(each).mean() < np.abs(champion).mean()) for each in challengers]
            naive += any(lower)
            said = (
                gate.judge_errors(np.zeros(n), each, champion, looks=look, policy="strict").action
                for look, each in enumerate(challengers, 1)
            )
            strict += "promote" in said
        table[str(n)] = {"naive": naive / series, "gate": strict / series}
    return table


def mistakes(seeds: int) -> dict[str, float]:
    """Mean absolute error on locked rows after learning from corrections of which a tenth is ten times too large."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        for name, value in _world(np.random.default_rng(seed)).items():
            found.setdefault(name, []).append(value)
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def _world(rng) -> dict[str, float]:
    X = rng.uniform(0, 1, size=(1_500, 6))
    y = 20 + 10 * X[:, 0] + 8 * X[:, 1] * X[:, 2] + 5 * np.sin(6 * X[:, 3]) + rng.normal(size=1_500)
    base, fed, locked = np.split(rng.permutation(1_500), [150, 900])
    wrong = rng.random(len(fed)) < 0.1
    given = np.where(wrong, 10 * y[fed], y[fed])
    said = _forest(X[base], y[base], rng)
    guess, _ = said(X)
    metrics = {"holdout": number_scores(y[locked], guess[locked], 0.0)}
    doubted = np.asarray(
        [bool(regression.doubt(str(a), str(b), metrics)) for a, b in zip(given, guess[fed], strict=True)]
    )

    def after(kept):
        value, _ = _forest(np.vstack([X[base], X[fed][kept]]), np.concatenate([y[base], given[kept]]), rng)(X[locked])
        return float(np.abs(value - y[locked]).mean())

    return {
        "before": float(np.abs(guess[locked] - y[locked]).mean()),
        "learned from everything": after(np.ones(len(fed), dtype=bool)),
        "without the doubted": after(~doubted),
        "right ones alone": after(~wrong),
        "mistakes doubted": float(doubted[wrong].mean()),
        "right ones doubted": float(doubted[~wrong].mean()),
    }


def main() -> None:
    given = arguments(str(__doc__))
    seeds, series = (QUICK_SEEDS, QUICK_SERIES) if given.quick else (SEEDS, SERIES)
    covered, let_through, errors = coverage(seeds), promotions(series), mistakes(seeds)
    metrics = {
        **{f"coverage_{data}": shares["conformal by spread"] for data, shares in covered.items()},
        **{
            f"coverage_{data}_hardest": shares["conformal by spread, hardest quarter"]
            for data, shares in covered.items()
        },
        **{f"false_promotions_{rows}": found["gate"] for rows, found in let_through.items()},
        "error_quarantined": errors["without the doubted"],
        "mistakes_doubted": errors["mistakes doubted"],
        "right_ones_doubted": errors["right ones doubted"],
    }
    baselines = {
        **{f"spread_alone_{data}": shares["1.645 spreads"] for data, shares in covered.items()},
        **{f"equally_wide_{data}": shares["conformal"] for data, shares in covered.items()},
        **{f"equally_wide_{data}_hardest": shares["conformal, hardest quarter"] for data, shares in covered.items()},
        **{f"lower_error_promotes_{rows}": found["naive"] for rows, found in let_through.items()},
        "error_before": errors["before"],
        "error_learned_from_everything": errors["learned from everything"],
        "error_right_ones_alone": errors["right ones alone"],
    }
    report("regression", metrics, baselines, as_json=given.json)


if __name__ == "__main__":
    main()
