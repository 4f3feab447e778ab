"""Trees that LightGBM or XGBoost has grown elsewhere: they score, and are never trained here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ..confined import Confined
from ..errors import ArtifactError
from .registry import BUILDERS
from .stand_in import StandIn, summed_to_one

BATCH = 64 * 2**20
"""Bytes of the rows of one question; wide ones of many columns go a few at a time."""

FILES = {"lightgbm": "lightgbm.txt", "xgboost": "xgboost.model"}
"""Name of each library's file beside the model. XGBoost tells JSON from UBJSON by its first bytes."""


class _BoosterScoring(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A file of trees over rows (n, d). native_: the bytes of the file, which skops leaves out."""

    def __init__(self, library: str = "lightgbm") -> None:
        self.library = library
        self.native_: bytes | None = None
        self._confined: Confined | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The process belongs to this one.
        return {name: value for name, value in self.__dict__.items() if name != "_confined"}

    @property
    def packages(self) -> tuple[str, ...]:
        return (self.library,)

    def fit(self, X: Any, y: Any) -> Any:
        """Raises ArtifactError: such a file is imported."""
        raise ArtifactError("Trees from elsewhere only score: choose a model that trains here.")

    def write_native(self, folder: Path) -> None:
        """Write the file as it came."""
        (folder / FILES[self.library]).write_bytes(self.native_ or b"")

    def read_native(self, folder: Path) -> None:
        """Read the file; it is opened when something is asked of it. Raises NotInstalled."""
        BUILDERS[self.library].require()
        self.native_ = (folder / FILES[self.library]).read_bytes()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _said(self, X: Any) -> npt.NDArray[np.float64]:
        if getattr(self, "_confined", None) is None:
            self._confined = Confined(self.library, self.native_ or b"")
        assert self._confined is not None
        rows = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X, dtype=np.float64)
        n, width = rows.shape
        step = max(1, BATCH // (8 * max(1, width)))
        try:
            said = [
                self._confined.ask({}, {"rows": self._full(rows[start : start + step])})
                for start in range(0, max(1, n), step)
            ]
        except ArtifactError as error:
            raise ArtifactError(f"The file of {BUILDERS[self.library].title} {error}") from error
        return np.concatenate(said)

    def _full(self, rows: Any) -> npt.NDArray[np.float64]:
        """A batch with all its cells. Those that a sparse one leaves out are missing to XGBoost, and 0 to LightGBM."""
        if not hasattr(rows, "tocoo"):
            return np.asarray(rows, dtype=np.float64)
        cells = rows.tocoo()
        full = np.full(rows.shape, np.nan if self.library == "xgboost" else 0.0)
        full[cells.row, cells.col] = cells.data
        return full


class BoosterClassifier(ClassifierMixin, _BoosterScoring):  # type: ignore[misc]
    """Trees for classes. labels: of the project, in the order of the model's classes."""

    def __init__(self, library: str = "lightgbm", labels: Sequence[str] = ()) -> None:
        super().__init__(library)
        self.labels = labels

    @property
    def classes_(self) -> npt.NDArray[np.object_]:
        return np.asarray(self.labels, dtype=object)

    @property
    def stand_in(self) -> Any:
        """What a committee is fitted from in its place."""
        return StandIn(self.labels).stand_in

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (n, k), columns as `classes_`. Raises ArtifactError."""
        said = self._said(X)
        return summed_to_one(np.column_stack([1 - said, said]) if said.ndim == 1 else said)

    def predict(self, X: Any) -> npt.NDArray[np.object_]:
        """The most probable label of each row."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class BoosterRegressor(RegressorMixin, _BoosterScoring):  # type: ignore[misc]
    """Trees for numbers."""

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """A number for each row, (n,). Raises ArtifactError."""
        return self._said(X).ravel()
