"""Query strategies of other libraries behind one call, each with the same probabilities as ours.

A peer is (X, labelled, proba, batch, seed) -> rows to ask: X (n, f) all rows, labelled (l,) rows with a label,
proba (n, k) of all rows. Rows come back as positions in X. `make bench-peers` installs them.
"""

from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np

Peer = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], np.ndarray]

LIBRARIES = {"scikit-activeml": "skactiveml", "modAL-python": "modAL"}


def missing() -> list[str]:
    """Peers that are not installed, by the name to install them under."""
    return [name for name, module in LIBRARIES.items() if find_spec(module) is None]


def peers() -> dict[str, Peer]:
    """Every strategy of the installed libraries that is compared."""
    found: dict[str, Peer] = {}
    if find_spec("skactiveml"):
        found |= {
            "scikit-activeml margin": _activeml("margin_sampling"),
            "scikit-activeml entropy": _activeml("entropy"),
            "scikit-activeml least_confidence": _activeml("least_confident"),
            "scikit-activeml CoreSet": _core_set,
        }
    if find_spec("modAL"):
        found |= {
            "modAL margin": _modal("margin_sampling"),
            "modAL entropy": _modal("entropy_sampling"),
            "modAL least_confidence": _modal("uncertainty_sampling"),
            "modAL ranked batch": _ranked_batch,
        }
    return found


def _unlabelled(n: int, labelled: np.ndarray) -> np.ndarray:
    return np.setdiff1d(np.arange(n), labelled)


def _activeml(method: str) -> Peer:
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import UncertaintySampling

    class Known(SkactivemlClassifier):
        """A fitted classifier whose probabilities are known, so that only the query is compared."""

        def fit(self, _X, _y, sample_weight=None):  # noqa: ARG002
            return self

        def predict_proba(self, _X):
            return self.known

    def query(X: np.ndarray, labelled: np.ndarray, proba: np.ndarray, batch: int, seed: int) -> np.ndarray:
        y = np.full(len(X), np.nan)
        y[labelled] = 0
        clf = Known(classes=list(range(proba.shape[1])))
        clf.known = proba[_unlabelled(len(X), labelled)] if len(labelled) else proba
        strategy = UncertaintySampling(method=method, random_state=seed)
        return strategy.query(X, y, clf, fit_clf=False, batch_size=batch)

    return query


def _core_set(X: np.ndarray, labelled: np.ndarray, _proba: np.ndarray, batch: int, seed: int) -> np.ndarray:
    from skactiveml.pool import CoreSet

    y = np.full(len(X), np.nan)
    y[labelled] = 0
    return CoreSet(random_state=seed).query(X, y, batch_size=batch)


def _modal(name: str) -> Peer:
    from modAL import uncertainty

    strategy = getattr(uncertainty, name)

    def query(X: np.ndarray, labelled: np.ndarray, proba: np.ndarray, batch: int, _seed: int) -> np.ndarray:
        rows = _unlabelled(len(X), labelled) if len(labelled) else np.arange(len(X))
        known = SimpleNamespace(predict_proba=lambda _X: proba[rows] if len(labelled) else proba)
        found = strategy(known, X[rows] if len(labelled) else X, n_instances=batch)
        return rows[found[0] if isinstance(found, tuple) else found]

    return query


def _ranked_batch(X: np.ndarray, labelled: np.ndarray, proba: np.ndarray, batch: int, _seed: int) -> np.ndarray:
    from modAL.batch import uncertainty_batch_sampling

    rows = _unlabelled(len(X), labelled)
    known = SimpleNamespace(
        estimator=None, X_training=X[labelled], predict_proba=lambda _X: proba[rows], on_transformed=False
    )
    found = uncertainty_batch_sampling(known, X[rows], n_instances=batch)
    return rows[found[0] if isinstance(found, tuple) else found]
