"""XGBoost's booster as a classifier and a regressor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..registry import BUILDERS
from .base import Array, FrameworkClassifier, FrameworkEstimator, FrameworkRegressor

FILE = "xgboost.json"


class _XGBoost(FrameworkEstimator):
    """Parameters have the names of XGBoost's own estimators."""

    packages = ("xgboost",)

    def __init__(
        self,
        n_estimators: int = 100,
        learning_rate: float = 0.3,
        max_depth: int = 6,
        min_child_weight: float = 1.0,
        reg_alpha: float = 0.0,
        reg_lambda: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.random_state = random_state

    def _begin(self, width: int, outputs: int) -> None:
        goal = {"objective": "multi:softprob", "num_class": outputs} if outputs else {"objective": "reg:squarederror"}
        own = {name: value for name, value in self.get_params().items() if name not in ("n_estimators", "random_state")}
        self.native_ = goal | own | {"tree_method": "hist", "seed": self.random_state, "verbosity": 0}

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        import xgboost

        data = xgboost.DMatrix(X, label=target, weight=weights)
        self.native_ = xgboost.train(self.native_, data, num_boost_round=self.n_estimators)

    def _say(self, X: Any) -> Array:
        import xgboost

        said: Array = self.native_.predict(xgboost.DMatrix(X))
        return said

    def write_native(self, folder: Path) -> None:
        (folder / FILE).write_bytes(self.native_.save_raw("json"))

    def read_native(self, folder: Path) -> None:
        BUILDERS["xgboost"].require()
        import xgboost

        self.native_ = xgboost.Booster()
        self.native_.load_model(bytearray((folder / FILE).read_bytes()))


class XGBoostClassifier(_XGBoost, FrameworkClassifier):
    """Boosted trees for classes."""


class XGBoostRegressor(_XGBoost, FrameworkRegressor):
    """Boosted trees for numbers."""
