"""Trees of fitted models as flat arrays, whatever library grew them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trees:
    """All nodes of all trees under one numbering, n nodes and k outputs.

    feature: -1 at leaves. A row goes left where its value is at most the threshold, or is missing and `missing_left`.
    cover: weight of the training rows that came by. value: (n, k) what a leaf adds to each output. single: whether
    inputs are compared in float32. offset: (k,) added to the sum of all trees.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: npt.NDArray[np.bool_]
    cover: Floats
    value: Floats
    offset: Floats
    single: bool


def trees_of(model: Any) -> Trees | None:
    """The trees of a fitted classifier or regressor of scikit-learn; a number is output 0.

    None for any other model, for splits by category sets, and for numbers that are no plain sum of leaves.
    """
    from sklearn.base import is_regressor

    numbers = is_regressor(model)
    if hasattr(model, "_predictors"):
        return _of_histograms(model, numbers)
    grown = getattr(model, "estimators_", None) if numbers or hasattr(model, "predict_proba") else None
    if hasattr(model, "tree_"):
        grown = [model]
    if not isinstance(grown, list) or not all(hasattr(one, "tree_") for one in grown):
        return None
    return _of_forest([one.tree_ for one in grown], 0 if numbers else len(model.classes_))


def of_isolation(forest: Any) -> Trees:
    """The trees of a fitted isolation forest; they say minus the depth of a row, 1 being that of a usual one.

    A leaf of several rows counts as deep as they would lie if the tree went on. Source: Liu, Ting and Zhou (2008).
    """
    grown = [one.tree_ for one in forest.estimators_]
    usual = len(grown) * float(_further(np.asarray([forest.max_samples_]))[0]) or 1.0
    depths = [tree.compute_node_depths() - 1 + _further(tree.n_node_samples) for tree in grown]
    return _joined(grown, -np.concatenate(depths)[:, None] / usual)


def _further(rows: npt.NDArray[Any]) -> Floats:
    """Mean depth of so many rows in a tree that isolates each of them."""
    n = np.maximum(rows.astype(float), 2.0)
    several = 2 * (np.log(np.maximum(n - 1, 1)) + np.euler_gamma) - 2 * (n - 1) / n
    return np.asarray(np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, several)))


def _of_forest(grown: Sequence[Any], k: int) -> Trees | None:
    # Boosted trees have one output each and a link of their own; here every tree says probabilities, or a number.
    if any(tree.value.shape[1:] != (1, k or 1) for tree in grown):
        return None
    values = np.concatenate([tree.value[:, 0, :] for tree in grown])
    return _joined(grown, (values / values.sum(axis=1, keepdims=True) if k else values) / len(grown))


def _joined(grown: Sequence[Any], value: Floats) -> Trees:
    starts = np.cumsum([0, *(tree.node_count for tree in grown[:-1])])
    return Trees(
        feature=np.concatenate([np.where(t.children_left < 0, -1, t.feature) for t in grown]).astype(np.intp),
        threshold=np.concatenate([t.threshold for t in grown]),
        left=np.concatenate([_moved(t.children_left, start) for t, start in zip(grown, starts, strict=True)]),
        right=np.concatenate([_moved(t.children_right, start) for t, start in zip(grown, starts, strict=True)]),
        missing_left=np.concatenate([t.missing_go_to_left.astype(bool) for t in grown]),
        cover=np.concatenate([t.weighted_n_node_samples for t in grown]),
        value=value,
        offset=np.zeros(value.shape[1]),
        single=True,
    )


def _of_histograms(model: Any, numbers: bool) -> Trees | None:
    if numbers and type(model._loss.link).__name__ != "IdentityLink":  # the sum of its leaves is a logarithm
        return None
    grown = [(tree.nodes, k) for step in model._predictors for k, tree in enumerate(step)]
    nodes = [each for each, _ in grown]
    if any(each["is_categorical"].any() for each in nodes):
        return None
    starts = np.cumsum([0, *(len(each) for each in nodes[:-1])])
    leaf = np.concatenate([each["is_leaf"].astype(bool) for each in nodes])
    outputs = max(k for _, k in grown) + 1
    mirrored = outputs == 1 and not numbers  # with two classes the one output is that of the second
    value = np.zeros((len(leaf), outputs))
    value[np.arange(len(leaf)), np.repeat([k for _, k in grown], [len(each) for each in nodes])] = np.concatenate(
        [each["value"] for each in nodes]
    )
    offset = np.asarray(model._baseline_prediction, float).ravel()
    feature = np.concatenate([each["feature_idx"] for each in nodes]).astype(np.intp)
    return Trees(
        feature=np.where(leaf, -1, feature),
        threshold=np.concatenate([each["num_threshold"] for each in nodes]),
        left=_children("left", nodes, starts, leaf),
        right=_children("right", nodes, starts, leaf),
        missing_left=np.concatenate([each["missing_go_to_left"].astype(bool) for each in nodes]),
        cover=np.concatenate([each["count"] for each in nodes]).astype(float),
        value=np.column_stack([-value[:, 0], value[:, 0]]) if mirrored else value,
        offset=np.concatenate([-offset, offset]) if mirrored else offset,
        single=False,
    )


def _children(side: str, nodes: Sequence[Any], starts: Ints, leaf: npt.NDArray[np.bool_]) -> Ints:
    found = np.concatenate([each[side].astype(np.intp) + start for each, start in zip(nodes, starts, strict=True)])
    return np.where(leaf, -1, found)


def _moved(children: Any, start: int) -> Ints:
    return np.where(children < 0, -1, children + start).astype(np.intp)
