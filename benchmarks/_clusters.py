"""What pairs are worth to a clustering: adjusted Rand index with and without, on the rows that are in no pair.

Pairs are drawn uniformly and answered by the labels. Rows in a pair are trivially right, so nothing is measured on
them. Alone: `python -m benchmarks._clusters`.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks._report import Metrics, Value, arguments, report
from feedback_core.clustering.measures import rand_of
from feedback_core.clustering.methods import METHODS, chosen, grouped
from feedback_core.clustering.units import Links, unlinked

PAIRS = (20, 50, 100, 200)
SEEDS, QUICK_SEEDS = 4, 1

Labelled = tuple[str, np.ndarray, np.ndarray]


def data_sets() -> Iterator[Labelled]:
    """Name, standardised rows (n, d) and classes (n,) of iris, wine, breast cancer, and the digits 3, 8 and 9."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    named = {"iris": datasets.load_iris, "wine": datasets.load_wine, "breast cancer": datasets.load_breast_cancer}
    for name, load in named.items():
        rows, classes = load(return_X_y=True)
        yield name, StandardScaler().fit_transform(rows), classes
    rows, classes = datasets.load_digits(return_X_y=True)
    alike = np.isin(classes, [3, 8, 9])
    yield "digits 3, 8, 9", rows[alike] / 16, classes[alike]


def answered(classes: np.ndarray, n: int, rng: np.random.Generator) -> Links:
    """n pairs of different rows, uniformly drawn, each together or apart as their classes say."""
    drawn = [tuple(rng.choice(len(classes), size=2, replace=False).tolist()) for _ in range(n)]
    same = [classes[one] == classes[other] for one, other in drawn]
    pairs = list(zip(drawn, same, strict=True))
    return Links(tuple(pair for pair, is_one in pairs if is_one), tuple(pair for pair, is_one in pairs if not is_one))


def scores(rows: np.ndarray, classes: np.ndarray, n: int, seed: int) -> dict[str, float]:
    """Adjusted Rand index of every method, of the chosen one, and of the best in hindsight."""
    links, k = answered(classes, n, np.random.default_rng(100 + seed)), len(np.unique(classes))
    free = unlinked(len(rows), links)
    found = {method: rand_of(classes[free], grouped(rows, links, method, k, seed).of[free]) for method in METHODS}
    return found | {"chosen": found[chosen(rows, links, k, seed).method], "best": max(found.values())}


def table(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Row "set, pairs" -> mean score by method over the seeds. quick: one seed, and the two smallest sets."""
    seeds = range(QUICK_SEEDS if quick else SEEDS)
    sets = list(data_sets())[: 2 if quick else None]
    return {
        f"{name}, {n} pairs": _mean([scores(rows, classes, n, seed) for seed in seeds])
        for name, rows, classes in sets
        for n in PAIRS
    }


def gains(*, quick: bool = False) -> dict[str, float]:
    """`ari`: of the method that the pairs left out speak for; `ari_without`: of k-means. Means over all rows."""
    overall = _mean(list(table(quick=quick).values()))
    return {"ari": overall["chosen"], "ari_without": overall["k-means"]}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def main() -> None:
    """Print the table and the means."""
    asked = arguments(__doc__.split("\n")[0])
    found = table(quick=asked.quick)
    overall = _mean(list(found.values()))
    rows: dict[str, dict[str, Value]] = {
        row: {name: round(each, 3) for name, each in one.items()} for row, one in found.items()
    }
    figures: Metrics = {"ari": round(overall["chosen"], 3)} | rows
    report("clusters", figures, {"ari_without": round(overall["k-means"], 3)}, as_json=asked.json)


if __name__ == "__main__":
    main()
