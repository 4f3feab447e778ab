"""A classifier in an ONNX file: it scores, and is never trained here."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from ..errors import ArtifactError, NotInstalled
from .stand_in import StandIn, summed_to_one

FILE = "model.onnx"

BATCH = 5_000
"""Rows of one run."""

RUN_S = 60.0
"""Seconds after which a run is broken off: a graph may hold a loop that never ends."""

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


class OnnxScoring(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A whole model over decoded frames. native_: the bytes of the file, which skops leaves out.

    classes: labels of the project in the order of the outputs. names: what the graph calls them. inputs: (name, type,
    shape of one row, columns) of each input of the graph. output: the name of the one that holds probabilities.
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
        self._session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # What a graph was made ready to run with belongs to this process.
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    @property
    def classes_(self) -> npt.NDArray[np.object_]:
        return np.asarray(self.classes, dtype=object)

    @property
    def named_steps(self) -> dict[str, Any]:
        """Scaling of the inputs, and who stands in where something has to be fitted."""
        return {"prepare": self.prepare, "model": StandIn(self.classes)}

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (n, k) of a decoded frame. Raises ArtifactError when the graph fails or takes too long."""
        if getattr(self, "_session", None) is None:
            self._session = session(self.native_ or b"")
        parts = [self._run(self._session, X.iloc[start : start + BATCH]) for start in range(0, len(X), BATCH)]
        return summed_to_one(np.concatenate(parts)) if parts else np.zeros((0, len(self.classes)))

    def predict(self, X: Any) -> npt.NDArray[np.object_]:
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def write_native(self, folder: Path) -> None:
        """Write the file as it came."""
        (folder / FILE).write_bytes(self.native_ or b"")

    def read_native(self, folder: Path) -> None:
        """Read the file; it runs when something is asked of it. Raises NotInstalled."""
        runtime()
        self.native_ = (folder / FILE).read_bytes()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _run(self, running: Any, X: Any) -> npt.NDArray[np.float64]:
        feeds = {name: self._fed(kind, shape, X[list(columns)]) for name, kind, shape, columns in self.inputs}
        return probabilities(run(running, [self.output], feeds)[0], self.names)

    def _fed(self, kind: str, shape: Sequence[int], cells: Any) -> npt.NDArray[Any]:
        if kind == TEXT:
            texts = ["" if value is None or value != value else str(value) for value in cells.to_numpy().ravel()]
            return np.asarray(texts, dtype=object).reshape(len(cells), *shape)
        values = cells.to_numpy(dtype=np.float64)
        if self.channels_first:
            height, width = shape[-2:]
            values = values.reshape(len(values), height, width, -1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values, dtype=NUMBERS[kind]).reshape(len(cells), *shape)


def runtime() -> Any:
    """ONNX Runtime. Raises NotInstalled, naming the extra."""
    try:
        import onnxruntime
    except ImportError:
        raise NotInstalled(f"An ONNX model needs onnxruntime, which is not installed here: {EXTRA}.") from None
    return onnxruntime


def session(data: bytes) -> Any:
    """A graph ready to run on the processor, on one thread. Raises ArtifactError for one that the runtime refuses."""
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    # Two threads spin against each other on a busy machine, and jobs run side by side already.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except failures() as error:
        raise ArtifactError(f"The ONNX graph cannot be run: {_short(error)}.") from error


def run(running: Any, outputs: Sequence[str], feeds: Mapping[str, Any]) -> list[Any]:
    """What a graph gives. Raises ArtifactError when it fails, or is not done in RUN_S."""
    options = runtime().RunOptions()
    options.log_severity_level = 4
    late = threading.Timer(RUN_S, setattr, (options, "terminate", True))
    late.daemon = True
    late.start()
    try:
        given: list[Any] = running.run(list(outputs), dict(feeds), options)
    except failures() as error:
        why = f"it was not done within {RUN_S:.0f} s" if options.terminate else _short(error)
        raise ArtifactError(f"The ONNX graph failed on these rows: {why}.") from error
    finally:
        late.cancel()
    return given


def probabilities(given: Any, names: Sequence[Any]) -> npt.NDArray[np.float64]:
    """(n, k) of what a graph gives: a matrix, a column of the second class's probability, or a list of maps.

    names: of the k classes in the order wanted, by which maps are read.
    """
    if isinstance(given, list):
        rows = [[row.get(name, np.nan) for name in names] for row in given]
        return np.asarray(rows, dtype=np.float64).reshape(len(given), len(names))
    found = np.asarray(given, dtype=np.float64)
    found = found.reshape(len(found), prod(found.shape[1:]) if found.ndim > 1 else 1)
    return np.column_stack([1 - found[:, 0], found[:, 0]]) if found.shape[1] == 1 and len(names) == 2 else found


def failures() -> tuple[type[Exception], ...]:
    """What the runtime raises."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
    )
    return (*(getattr(state, name) for name in names if hasattr(state, name)), ValueError, TypeError, RuntimeError)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
