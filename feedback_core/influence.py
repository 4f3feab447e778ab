"""Which training rows pulled a linear model's answers where they are: closed-form influence.

Without a row the parameters would move by H^-1 times the gradient of its weighted loss, H being the Hessian of the
whole objective (Cook and Weisberg, 1982; Koh and Liang, 2017), and with them every answer's margin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_WORK = 5e9
"""Multiplications for the Hessian: about two seconds of CPU."""


def affordable(n: int, d: int, k: int) -> bool:
    """Whether n rows of d features and k classes can be solved within a few seconds."""
    size = (1 if k == 2 else k) * (d + 1)
    return n * size**2 <= MOST_WORK and size <= 2_000


def pulls(
    X: Floats,
    proba: Floats,
    weights: Floats,
    penalty: float,
    moved: Floats,
    asked: Floats,
    towards: npt.NDArray[np.intp],
    away: npt.NDArray[np.intp],
) -> Floats:
    """How far each row pulled each answer's margin of one class over another, (q, n), in log-odds.

    X: (n, d) prepared training rows. proba: (n, k) what the fitted logistic regression says of them. weights: (n,).
    penalty: of the squared coefficients, 1 / C. moved: (n, k) what a row's label adds to its class and takes from what
    was known of it before: one-hot minus the probabilities for a new row, minus the old label for a changed one.
    asked: (q, d) prepared items. towards, away: (q,) classes.
    """
    X, asked = _with_one(X), _with_one(asked)
    k, size = proba.shape[1], X.shape[1]
    margin = np.eye(k)[towards] - np.eye(k)[away]
    if k == 2:  # one score, whose coefficients alone are penalised: margins are it or its negative
        proba, moved, margin = proba[:, 1:], moved[:, 1:], margin[:, 1:]
    classes = proba.shape[1]
    hessian = _hessian(X, proba, weights)
    free = np.tile(np.arange(size) < size - 1, classes)
    hessian[np.diag_indices(len(hessian))] += penalty * free + 1e-6
    directions = (margin[:, :, None] * asked[:, None, :]).reshape(len(asked), -1)
    solved = np.linalg.solve(hessian, directions.T).T.reshape(len(asked), classes, size)
    return np.asarray(np.einsum("qcd,nd,nc,n->qn", solved, X, moved, weights, optimize=True))


def _hessian(X: Floats, proba: Floats, weights: Floats) -> Floats:
    classes, size = proba.shape[1], X.shape[1]
    found = np.zeros((classes, size, classes, size))
    for a in range(classes):
        for b in range(a, classes):
            curve = proba[:, a] * ((a == b) - proba[:, b])
            found[a, :, b, :] = found[b, :, a, :] = X.T @ (X * (weights * curve)[:, None])
    return found.reshape(classes * size, classes * size)


def _with_one(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows))])
