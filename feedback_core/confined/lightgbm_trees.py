"""LightGBM's text file of trees. Imported by the child process alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Score = Callable[[Mapping[str, Any], Mapping[str, Any]], npt.NDArray[np.float64]]

CLASSES = ("binary", "multiclass", "softmax")
NUMBERS = (
    "regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie", "cross_entropy",
)  # fmt: skip
"""Objectives whose predictions are probabilities that sum to 1, and those that give one number a row."""

AGAIN = "write it anew with `booster.save_model('model.txt')`."


def failures() -> tuple[type[Exception], ...]:
    """What the library raises."""
    from lightgbm.basic import LightGBMError

    return LightGBMError, ValueError, TypeError, IndexError


def load(data: bytes) -> tuple[dict[str, Any], Score]:
    """What the file says of its features and outputs, and what scores rows (n, d) with it."""
    import lightgbm

    if not data.startswith(b"tree"):
        raise ValueError(f"is no text file of LightGBM: {AGAIN}")
    text = data.decode("utf-8")
    head = dict(line.partition("=")[::2] for line in text[: text.find("\nTree=")].splitlines())
    objective = head.get("objective", "").split(" ")[0]
    if objective not in (*CLASSES, *NUMBERS):
        raise ValueError(f"was trained for {objective or 'an objective of its own'!r}, which gives {_instead()}")
    try:
        booster = lightgbm.Booster(model_str=text, params={"verbosity": -1, "num_threads": 1})
    except failures() as error:
        raise ValueError(f"cannot be read as LightGBM's text file ({error}): {AGAIN}") from error
    if booster.pandas_categorical and any(booster.pandas_categorical):
        raise ValueError(
            "takes categories as texts, whose numbers it alone knows: encode them in a scikit-learn pipeline and bring "
            "that as .skops, or from Python."
        )
    names = booster.feature_name()
    unnamed = names == [f"Column_{n}" for n in range(len(names))]
    about = {
        "features": None if unnamed else names,
        "width": booster.num_feature(),
        "classes": 0 if objective in NUMBERS else max(2, int(head["num_class"])),
    }
    return about, lambda _order, rows: booster.predict(rows["rows"], num_threads=1)


def _instead() -> str:
    return f"neither probabilities nor one number a row: train it for {', '.join((*CLASSES[:2], NUMBERS[0]))}."
