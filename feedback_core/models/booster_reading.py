"""Trees of LightGBM and XGBoost that were grown elsewhere, from a file or a fitted object: read, compared, kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..confined import Confined
from ..errors import ArtifactError, InvalidFile, InvalidInput
from .booster_scoring import BoosterClassifier, BoosterRegressor
from .class_names import called, check_labels
from .registry import BUILDERS

Step = BoosterClassifier | BoosterRegressor


@dataclass(frozen=True, slots=True)
class Trees:
    """library: lightgbm or xgboost. data: its file. classes: what the model calls them, in order; None for numbers
    from 0, which is all that a file knows of them."""

    library: str
    data: bytes
    classes: tuple[Any, ...] | None = None


def trees_of(step: Any) -> Trees | None:
    """A fitted object of LightGBM or XGBoost as its file; None for anything else. Raises InvalidInput, not fitted."""
    library = type(step).__module__.partition(".")[0]
    if library not in ("lightgbm", "xgboost"):
        return None
    classes = getattr(step, "classes_", None) if hasattr(step, "predict_proba") and _is_fitted(step) else None
    known = None if classes is None else tuple(classes.tolist())
    if library == "lightgbm":
        booster = step if hasattr(step, "model_to_string") else _fitted(step, "booster_")
        return Trees(library, booster.model_to_string().encode(), known)
    missing = getattr(step, "missing", None)
    if missing is not None and not np.isnan(missing):
        raise InvalidInput(
            f"{type(step).__name__} takes {missing:g} for a missing value, which its trees do not keep: train it with "
            "missing=float('nan')."
        )
    booster = step if hasattr(step, "save_raw") else _fitted(step, "get_booster")()
    return Trees(library, bytes(booster.save_raw("ubj")), known)


def read_trees(
    trees: Trees, subject: str, labels: Sequence[str], renamed: Mapping[Any, str] | None, task: str
) -> tuple[Step, Mapping[str, Any]]:
    """The last step of a pipeline that asks these trees, and what their file says of itself.

    subject: the file in words. Raises InvalidFile, InvalidInput or NotInstalled.
    """
    BUILDERS[trees.library].require()
    confined = Confined(trees.library, trees.data)
    try:
        about = confined.about()
    except ArtifactError as error:
        raise InvalidFile(f"{subject} {error}") from error
    step = _step(trees, int(about["classes"]), subject, labels, renamed, task)
    step.native_, step._confined = trees.data, confined
    return step, about


def _step(
    trees: Trees, k: int, subject: str, labels: Sequence[str], renamed: Mapping[Any, str] | None, task: str
) -> Step:
    if task == "regression":
        if k:
            raise InvalidInput(f"{subject} tells {k} classes apart, and this project is about numbers: bring another.")
        return BoosterRegressor(trees.library)
    if not k:
        raise InvalidInput(f"{subject} gives a number a row, and this project tells classes apart: bring another.")
    said = [called(name, renamed) for name in trees.classes or range(k)]
    check_labels(said, labels)
    return BoosterClassifier(trees.library, said)


def _is_fitted(step: Any) -> bool:
    try:
        return bool(step.__sklearn_is_fitted__())
    except AttributeError:
        return False


def _fitted(step: Any, name: str) -> Any:
    if not _is_fitted(step):
        raise InvalidInput(f"{type(step).__name__} is not fitted: call fit first, or let this project train it.")
    return getattr(step, name)
