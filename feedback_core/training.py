"""The training set: base data plus all effective feedback, weighted, never feedback alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .errors import CannotTrain
from .types import TrainingRows

MASS_LIMITS = (1 / 3, 3.0)
"""Bounds of the class-mass correction: unbounded, a class with one base row would count a hundredfold."""

FEW_ROWS = 50_000
"""Below this one thread is used: on a busy two-core machine boosting on 900 rows took 2.6 s with two threads, which
spin while they wait for each other, and 0.4 s with one; on 100,000 rows 8.5 and 2.5 s."""


MOST_HALVINGS = 30.0
"""Where fading stops, at a billionth: a class of nothing but old labels has to weigh more than nothing."""

DAY_S = 86_400.0


def sample_weights(rows: TrainingRows, half_life_days: float = 0.0) -> npt.NDArray[np.float64]:
    """Weight per row, shape (n,), in [1/3, 3], and lower where labels fade.

    Reviewers see the hard classes more often than they occur, so each class is brought back to its share of the base
    data (measured: forgetting 1.2 instead of 1.4 points, +2.3 points on the new domain). Ones without base data.

    half_life_days: age at which a label counts half, 0 = never; ages are counted from the newest label. Labels fade
    before classes are brought back: the other way round, the class that reviewers see most, whose labels are the
    newest, would again outweigh its share. What that adds to the fresh rows of a faded class is taken back from all
    rows alike, which leaves the shares as they are: no row weighs more than it would without fading.
    """
    steady = _class_mass(rows, np.ones(len(rows.labels)))
    if not half_life_days or not len(rows.labels):
        return steady
    if len(rows.dated) != len(rows.labels):
        raise CannotTrain("Labels are to fade, but their dates were not looked up: read the rows with dated=True.")
    fresh = freshness(rows.dated, half_life_days)
    fading = _class_mass(rows, fresh) * fresh
    return np.asarray(fading / max(1.0, float((fading / steady).max())))


def freshness(dated: Sequence[float], half_life_days: float) -> npt.NDArray[np.float64]:
    """0.5 ** (age / half-life) of each label, shape (n,), in (0, 1]; the newest has 1. dated: seconds, any origin."""
    when = np.asarray(dated, dtype=float)
    ages = (when.max() - when) / DAY_S
    return np.asarray(0.5 ** np.minimum(ages / half_life_days, MOST_HALVINGS))


def _class_mass(rows: TrainingRows, mass: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Factor per row, (n,) within MASS_LIMITS, that brings each class's share of the mass to its share of base rows."""
    labels = np.asarray(rows.labels)
    fed = np.asarray(rows.from_feedback, dtype=bool)
    factors = np.ones(len(labels))
    if fed.all() or not fed.any():
        return factors
    base, n_base = Counter(rows.labels[i] for i in np.flatnonzero(~fed)), int((~fed).sum())
    for label, n in base.items():
        own = labels == label
        factors[own] = np.clip((n / n_base) / (mass[own].sum() / mass.sum()), *MASS_LIMITS)
    return factors


def fit(model: Any, X: Any, labels: Sequence[str], weights: npt.NDArray[np.float64]) -> Any:
    """Fit a pipeline whose last step is called `model`. Raises CannotTrain in words instead of a library's depths.

    weights: (n,); an estimator that takes none, such as nearest neighbours, is fitted without. A text column without
    a single word is left out (see `left_out`).
    """
    classes = sorted(set(labels))
    if not classes:
        raise CannotTrain("There is no labelled row to learn from: label some items on the Review page first.")
    if len(classes) == 1:
        raise CannotTrain(
            f"All {len(labels)} labelled rows say {classes[0]!r}: a model needs at least two classes to learn from."
        )
    return fitted(model, X, np.asarray(labels, dtype=object), weights)


def fitted(model: Any, X: Any, y: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> Any:
    """The same for targets as the estimator takes them, (n,) or (n, k), whatever they mean. Raises CannotTrain."""
    from sklearn.utils.validation import has_fit_parameter

    drop_wordless(model, X)
    weighted = has_fit_parameter(model.named_steps["model"], "sample_weight")
    extra = {"model__sample_weight": weights} if weighted else {}
    try:
        with threads(len(y)):
            return model.fit(X, y, **extra)
    except ValueError as error:
        raise CannotTrain(f"The model refused the training data: {error}") from error


def left_out(model: Any) -> tuple[str, ...]:
    """Sentences about the text columns that a fitted pipeline has learned without."""
    prepare = getattr(model, "named_steps", {}).get("prepare")
    return tuple(
        f"The column {column!r} holds no text in any training row: this version learned without it."
        for _, step, column in getattr(prepare, "transformers", ())
        if isinstance(step, str) and step == "drop"
    )


def aligned_proba(model: Any, X: Any, labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Class probabilities in the project's label order, shape (n, k); 0 for labels the model has never seen."""
    with threads(X.shape[0]):
        proba = np.asarray(model.predict_proba(X), dtype=float)
    aligned = np.zeros((len(proba), len(labels)))
    position = {label: n for n, label in enumerate(labels)}
    for column, label in enumerate(model.classes_):
        if str(label) in position:
            aligned[:, position[str(label)]] = proba[:, column]
    return aligned


def drop_wordless(model: Any, X: Any) -> None:
    """Leave text columns without a single word out of an unfitted pipeline. Raises CannotTrain when nothing is left."""
    # A vectorizer refuses a column without words, with all other columns fine; the next version may have some.
    prepare = model.named_steps.get("prepare")
    if prepare is None or not hasattr(prepare, "transformers"):
        return
    prepare.transformers = [
        (name, "drop" if hasattr(step, "build_analyzer") and not _has_words(step, X[column]) else step, column)
        for name, step, column in prepare.transformers
    ]
    if all(isinstance(step, str) and step == "drop" for _, step, _ in prepare.transformers):
        raise CannotTrain("The training rows hold no input to learn from: every column is empty in all of them.")


def _has_words(vectorizer: Any, texts: Any) -> bool:
    words = vectorizer.build_analyzer()
    return any(words(text) for text in texts)


def threads(rows: int) -> AbstractContextManager[Any]:
    """One thread for so few rows, where two would only wait for each other."""
    return threadpool_limits(1) if rows < FEW_ROWS else nullcontext()
