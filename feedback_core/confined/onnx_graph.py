"""An ONNX graph, looked through before it runs, and run on the processor. Imported by the child process alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Score = Callable[[Mapping[str, Any], Mapping[str, Any]], npt.NDArray[np.float64]]


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


def load(data: bytes) -> tuple[dict[str, Any], Score]:
    """Inputs, outputs and classes of a graph, and what scores rows with it; it is looked through before it runs."""
    classes = _classes(_looked_through(data))
    running = _session(data)
    about = {"inputs": _sides(running.get_inputs()), "outputs": _sides(running.get_outputs()), "classes": classes}
    return about, lambda order, feeds: _run(running, order, feeds)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Two threads spin against each other on a busy machine, and jobs run side by side already.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except failures() as error:
        raise ValueError(f"cannot be run: {_short(error)}. Export it with a lower opset.") from error


def _sides(given: Any) -> list[dict[str, Any]]:
    # A side without a number is free: its name, or nothing.
    return [
        {
            "name": each.name,
            "type": each.type,
            "shape": [side if isinstance(side, int) else None for side in each.shape]
            if isinstance(each.shape, list)
            else None,
        }
        for each in given
    ]


def _run(running: Any, order: Mapping[str, Any], feeds: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """(n, k) of what a graph gives: a matrix, a column of the second class's probability, or a list of maps."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    try:
        given = running.run([order["output"]], dict(feeds), options)[0]
    except failures() as error:
        if _wants_memory(error):
            raise MemoryError from error
        raise ValueError(f"failed on these rows: {_short(error)}.") from error
    names = order["names"]
    if isinstance(given, list):
        rows = [[row.get(name, np.nan) for name in names] for row in given]
        return np.asarray(rows, dtype=np.float64).reshape(len(given), len(names))
    found = np.asarray(given, dtype=np.float64)
    return found.reshape(len(found), prod(found.shape[1:]) if found.ndim > 1 else 1)


def _looked_through(data: bytes) -> Any:
    """The graph as read, not run. Raises ValueError for one that is none, or wants files beside it."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise ValueError("is no ONNX model: export it anew.") from None
    if not model.graph.node:
        raise ValueError("is no ONNX model, or an empty one: export it anew.")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model)):
        raise ValueError(
            "keeps weights in other files, which are not read here: save it as one file, "
            "`onnx.save(model, 'model.onnx', save_as_external_data=False)`."
        )
    return model


def _tensors(model: Any) -> Iterator[Any]:
    yield from _tensors_of(model.graph)
    for function in model.functions:
        yield from _tensors_in(function.node)
    for training in model.training_info:
        yield from _tensors_of(training.initialization)
        yield from _tensors_of(training.algorithm)


def _tensors_of(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_in(graph.node)


def _tensors_in(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors_of(graph)


def _classes(model: Any) -> list[Any] | None:
    """What the model calls its classes, in the order of its outputs; None where the file does not say."""
    for node in reversed(model.graph.node):
        for attribute in node.attribute:
            if attribute.name in ("classlabels_strings", "cats_strings") and attribute.strings:
                return [name.decode() for name in attribute.strings]
            if attribute.name in ("classlabels_int64s", "classlabels_ints", "cats_int64s") and attribute.ints:
                return list(attribute.ints)
    return None


def _wants_memory(error: Exception) -> bool:
    return "alloc" in str(error).lower()


def _short(error: Exception) -> str:
    if _wants_memory(error):
        return "it needs more memory than a model may take here"
    return " ".join(str(error).split())[:300]
