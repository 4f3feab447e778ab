"""A model in an ONNX file: it scores, in a process of its own, and is never trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ..confined import Confined, TooMuch
from ..errors import ArtifactError, NotInstalled
from .stand_in import StandIn, summed_to_one

FILE = "model.onnx"

BATCH, BATCH_BYTES = 5_000, 32 * 2**20
"""Rows of one run, and bytes that go into it, at most: layers over a picture take many times its size."""

EXTRA = "run `pip install '.[onnx]'` in the project's folder and start again"

NUMBERS: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
"""NumPy type of each type of number that a graph may take."""

TEXT = "tensor(string)"


class _OnnxGraph(BaseEstimator):  # type: ignore[misc]
    """A whole model over decoded frames. native_: the bytes of the file, which skops leaves out.

    classes: labels of the project in the order of the outputs. names: what the graph calls them. inputs: (name, type,
    shape of one row, columns) of each input of the graph. output: the name of the one that counts.
    prepare: a fitted preprocessor, for distances between items alone. channels_first: an image is turned from
    (h, w, 3) to (3, h, w).
    """

    packages = ("onnxruntime",)

    def __init__(
        self,
        classes: Sequence[str] = (),
        names: Sequence[Any] = (),
        inputs: Sequence[tuple[str, str, Sequence[int], Sequence[str]]] = (),
        output: str = "",
        prepare: Any = None,
        channels_first: bool = False,
    ) -> None:
        self.classes, self.names, self.inputs, self.output, self.prepare = classes, names, inputs, output, prepare
        self.channels_first = channels_first
        self.native_: bytes | None = None
        self._confined: Confined | None = None
        self._most = BATCH

    def __getstate__(self) -> dict[str, Any]:
        # The process belongs to this one, as does what it can take.
        return {name: value for name, value in self.__dict__.items() if name not in ("_confined", "_most")}

    @property
    def named_steps(self) -> dict[str, Any]:
        """Scaling of the inputs, and who stands in where something has to be fitted."""
        return {"prepare": self.prepare, "model": StandIn(self.classes)}

    def write_native(self, folder: Path) -> None:
        """Write the file as it came."""
        (folder / FILE).write_bytes(self.native_ or b"")

    def read_native(self, folder: Path) -> None:
        """Read the file; it runs when something is asked of it. Raises NotInstalled."""
        require()
        self.native_ = (folder / FILE).read_bytes()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _said(self, X: Any) -> npt.NDArray[np.float64]:
        """What the graph gives for a decoded frame, (n, w). Raises ArtifactError when it fails or takes too much."""
        if getattr(self, "_confined", None) is None:
            self._confined = Confined("onnx", self.native_ or b"")
        parts, at = [], 0
        while at < len(X):
            step = min(self._most_rows(), len(X) - at)
            try:
                parts.append(self._run(X.iloc[at : at + step]))
            except TooMuch:
                if step == 1:
                    raise
                self._most = step // 4 or 1  # kept: each try may cost a minute
            else:
                at += step
        return np.concatenate(parts) if parts else np.zeros((0, max(len(self.classes), 1)))

    def _most_rows(self) -> int:
        cell: dict[str, int] = {name: np.dtype(kind).itemsize for name, kind in NUMBERS.items()}
        row = sum(len(columns) * cell.get(kind, 8) for _, kind, _, columns in self.inputs)
        most: int = getattr(self, "_most", BATCH)  # a model that was read from its file has none yet
        return min(most, max(1, BATCH_BYTES // max(1, row)))

    def _run(self, X: Any) -> npt.NDArray[np.float64]:
        assert self._confined is not None
        feeds = {name: self._fed(kind, shape, X[list(columns)]) for name, kind, shape, columns in self.inputs}
        try:
            return self._confined.ask({"output": self.output, "names": list(self.names)}, feeds)
        except ArtifactError as error:
            raise type(error)(f"The ONNX graph {error}") from error

    def _fed(self, kind: str, shape: Sequence[int], cells: Any) -> npt.NDArray[Any]:
        if kind == TEXT:
            texts = ["" if value is None or value != value else str(value) for value in cells.to_numpy().ravel()]
            return np.asarray(texts, dtype=object).reshape(len(cells), *shape)
        values = cells.to_numpy(dtype=np.float64)
        if self.channels_first:
            height, width = shape[-2:]
            values = values.reshape(len(values), height, width, -1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values, dtype=NUMBERS[kind]).reshape(len(cells), *shape)


class OnnxScoring(ClassifierMixin, _OnnxGraph):  # type: ignore[misc]
    """A classifier."""

    @property
    def classes_(self) -> npt.NDArray[np.object_]:
        return np.asarray(self.classes, dtype=object)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (n, k) of a decoded frame. Raises ArtifactError."""
        said = self._said(X)
        return summed_to_one(np.column_stack([1 - said, said]) if said.shape[1] == 1 and len(self.names) == 2 else said)

    def predict(self, X: Any) -> npt.NDArray[np.object_]:
        """The most probable label of each row."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class OnnxNumbers(RegressorMixin, _OnnxGraph):  # type: ignore[misc]
    """A model of numbers."""

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """A number for each row of a decoded frame, (n,). Raises ArtifactError."""
        said = self._said(X)
        if said.shape[1] != 1:
            raise ArtifactError(f"The ONNX graph gives {said.shape[1]} numbers a row, where one is expected.")
        return np.asarray(said[:, 0])


def require() -> None:
    """Raise NotInstalled, naming the extra, where what looks through ONNX files or scores them is missing."""
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise NotInstalled(f"An ONNX model needs {package}, which is not installed here: {EXTRA}.")
