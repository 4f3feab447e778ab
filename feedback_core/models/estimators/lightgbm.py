"""LightGBM's booster as a classifier and a regressor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..registry import BUILDERS
from .base import Array, FrameworkClassifier, FrameworkEstimator, FrameworkRegressor

FILE = "lightgbm.txt"


class _LightGBM(FrameworkEstimator):
    """Parameters have the names of LightGBM's own estimators."""

    packages = ("lightgbm",)

    def __init__(
        self,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        max_depth: int = -1,
        min_child_samples: int = 20,
        reg_alpha: float = 0.0,
        reg_lambda: float = 0.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.random_state = random_state

    def _begin(self, width: int, outputs: int) -> None:
        goal = {"objective": "multiclass", "num_class": outputs} if outputs else {"objective": "regression"}
        own = {name: value for name, value in self.get_params().items() if name != "n_estimators"}
        # Sums in the order of threads could not be rebuilt bit for bit.
        self.native_ = (
            goal | own | {"deterministic": True, "force_row_wise": True, "subsample_freq": 1, "verbosity": -1}
        )

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        import lightgbm

        data = lightgbm.Dataset(X, label=target, weight=weights, params=self.native_)
        self.native_ = lightgbm.train(self.native_, data, num_boost_round=self.n_estimators)

    def _say(self, X: Any) -> Array:
        said: Array = self.native_.predict(X)
        return said

    def write_native(self, folder: Path) -> None:
        (folder / FILE).write_text(self.native_.model_to_string(), encoding="utf-8")

    def read_native(self, folder: Path) -> None:
        BUILDERS["lightgbm"].require()
        import lightgbm

        self.native_ = lightgbm.Booster(model_str=(folder / FILE).read_text(encoding="utf-8"))


class LightGBMClassifier(_LightGBM, FrameworkClassifier):
    """Boosted trees for classes."""


class LightGBMRegressor(_LightGBM, FrameworkRegressor):
    """Boosted trees for numbers."""
