"""XGBoost's JSON and UBJSON files. Imported by the child process alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Score = Callable[[Mapping[str, Any], Mapping[str, Any]], npt.NDArray[np.float64]]

CLASSES = ("binary:logistic", "multi:softprob", "multi:softmax")
NUMBERS = ("reg:", "count:poisson")
"""Beginnings of the objectives whose predictions are probabilities, and of those that give one number a row."""


def failures() -> tuple[type[Exception], ...]:
    """What the library raises."""
    from xgboost.core import XGBoostError

    return XGBoostError, ValueError, TypeError, KeyError


def load(data: bytes) -> tuple[dict[str, Any], Score]:
    """What the file says of its features and outputs, and what scores rows (n, d) with it."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
    try:
        booster.load_model(bytearray(data))
    except failures() as error:
        raise ValueError(
            f"cannot be read as a file of XGBoost ({_short(error)}): write it anew with "
            "`model.save_model('model.json')`."
        ) from error
    learner = json.loads(booster.save_config())["learner"]
    objective, shape = learner["objective"]["name"], learner["learner_model_param"]
    if not objective.startswith((*CLASSES, *NUMBERS)) or int(shape.get("num_target", 1)) > 1:
        wanted = ", ".join((*CLASSES[:2], "reg:squarederror"))
        raise ValueError(
            f"was trained for {objective!r}, which gives neither probabilities nor one number a row: train it for "
            f"{wanted}."
        )
    if "c" in (booster.feature_types or ()):
        raise ValueError(
            "takes categories, whose numbers it alone knows: encode them in a scikit-learn pipeline and bring that as "
            ".skops, or from Python."
        )
    if objective == "multi:softmax":
        booster.set_param({"objective": "multi:softprob"})  # the same trees, asked for their probabilities
    best = booster.attr("best_iteration")  # where training was stopped early, as its own classifier predicts
    trees = (0, int(best) + 1) if best is not None else (0, 0)
    about = {
        "features": booster.feature_names,
        "width": booster.num_features(),
        "classes": 0 if objective.startswith(NUMBERS) else max(2, int(shape["num_class"])),
    }

    def score(_order: Mapping[str, Any], rows: Mapping[str, Any]) -> npt.NDArray[np.float64]:
        given = xgboost.DMatrix(rows["rows"], nthread=1)
        said: npt.NDArray[np.float64] = booster.predict(given, iteration_range=trees, validate_features=False)
        return said

    return about, score


def _short(error: Exception) -> str:
    """What the library says, without the addresses of its own code that follow."""
    said = " ".join(str(error).partition("Stack trace")[0].split())
    return said.rpartition(".cc:")[2].rpartition(".h:")[2].partition(": ")[2][:200] or said[:200]
