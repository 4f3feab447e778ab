"""Do the forecasts of the learning curve come true, and do their intervals hold what they say?

60 forecasts on digits and four made-up sets, from 100, 150, 250 and 400 labelled rows and 300 locked ones. Each is
about the next 100 rows, and is held against four futures: 100 further rows at random, a refit, and its accuracy on
every row left over minus that of the present model there. Printed: bias and mean absolute error of the forecast in
points, how many futures lie in the 50, 80 and 95 % intervals, and beside it a forecast of no gain at all and the mean
true gain, which nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks._report import arguments, cpu, report
from feedback_core import forecast

SIZES = (100, 150, 250, 400)
LOCKED, MORE, FUTURES = 300, 100, 4
FORECASTS, QUICK_FORECASTS = 60, 12
SETS = 5


def tables() -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels: digits, and four of different dimension, classes and noise."""
    digits = load_digits()
    made = [
        make_classification(
            4_000, features, n_informative=informative, n_redundant=0, n_classes=classes, n_clusters_per_class=1,
            class_sep=apart, flip_y=noise, random_state=seed,
        )
        for seed, (features, informative, classes, apart, noise) in enumerate(
            [(20, 10, 3, 0.8, 0.02), (40, 15, 4, 1.0, 0.05), (30, 8, 2, 0.6, 0.1), (60, 20, 5, 1.2, 0.0)]
        )
    ]  # fmt: skip
    return [(digits.data / 16, digits.target), *made]


def wrong(x: np.ndarray, y: np.ndarray, rows: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Which judged rows a model of the training rows gets wrong."""
    model = LogisticRegression(max_iter=2_000).fit(x[rows], y[rows])
    return model.predict(x[judged]) != y[judged]


def one(number: int, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[forecast.Gain, float]]:
    """One forecast with each of its futures."""
    rng, n = np.random.default_rng(number), SIZES[number // SETS % len(SIZES)]
    order = rng.permutation(len(x))
    mine, locked, rest = order[:n], order[n : n + LOCKED], order[n + LOCKED :]
    # The project's loop would see to it that every class is known.
    runs = forecast.refit(y[mine].astype(str), lambda rows, _: wrong(x, y, mine[rows], locked), rng)
    gain = forecast.forecast(runs, rng).gain(MORE)
    now = wrong(x, y, mine, rest)
    for _ in range(FUTURES):
        chosen = rng.choice(len(rest), MORE, replace=False)
        unseen = np.setdiff1d(np.arange(len(rest)), chosen)
        then = wrong(x, y, np.concatenate([mine, rest[chosen]]), rest[unseen])
        yield gain, float(now[unseen].mean() - then.mean())


def measured(forecasts: int) -> tuple[dict[str, float | int], dict[str, float]]:
    """Metrics and baselines over so many forecasts."""
    sets = tables()
    with threadpool_limits(1):
        pairs = [pair for n in range(forecasts) for pair in one(n, *sets[n % SETS])]
    told, true = np.asarray([gain.value for gain, _ in pairs]), np.asarray([gain for _, gain in pairs])
    inside = {
        name: float(np.mean([getattr(g, f"low{name}") <= t <= getattr(g, f"high{name}") for g, t in pairs]))
        for name in ("50", "80", "95")
    }
    metrics: dict[str, float | int] = {
        "forecasts": forecasts,
        "futures": FUTURES,
        "bias_points": 100 * float((told - true).mean()),
        "mae_points": 100 * float(np.abs(told - true).mean()),
        **{f"coverage_{name}": share for name, share in inside.items()},
        "width_80_points": 100 * float(np.mean([g.high80 - g.low80 for g, _ in pairs])),
        "correlation": float(np.corrcoef(told, true)[0, 1]),
    }
    baselines = {
        "mae_points always 0": 100 * float(np.abs(true).mean()),
        "mae_points mean true gain (unknowable)": 100 * float(np.abs(true - true.mean()).mean()),
        "true gain, points": 100 * float(true.mean()),
    }
    return metrics, baselines


def main() -> None:
    """Print them."""
    options = arguments(__doc__ or "")
    with cpu() as spent:
        metrics, baselines = measured(QUICK_FORECASTS if options.quick else FORECASTS)
    report("forecast", metrics | {"cpu_s": spent.seconds}, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
