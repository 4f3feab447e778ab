"""The process that opens one model file of others and answers about rows, under limits it sets itself.

Started as `python -m feedback_core.confined.child`. The limits are the kernel's: memory beyond what the libraries take,
seconds of CPU for each order, no file written.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import wire

READERS = {"onnx": "onnx_graph", "lightgbm": "lightgbm_trees", "xgboost": "xgboost_trees"}
"""Kind of file -> the module beside this one that reads it, with `failures()`, which imports its
library, and `load(data)` -> (about, score)."""

SPARED = ("sklearn", "pandas", "pyarrow", "matplotlib")
"""Not needed for numbers; boosting libraries import them where they are there, which takes 1.4 s of CPU."""


def main() -> None:
    """Do what is ordered until the input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    for name in SPARED:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to make an import fail
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    holding = _Holding()
    while True:
        try:
            order, arrays = wire.unpacked(_exactly)
        except EOFError:
            return
        _limit_cpu(order["cpu_s"])
        try:
            _reply(replies, *holding.carry_out(order, arrays))
        except MemoryError:
            _reply(replies, {"refused": "needs more memory than a model may take here.", "memory": True}, {})
        except holding.failures as error:
            _reply(replies, {"refused": " ".join(str(error).split())}, {})


class _Holding:
    """The one model file, once it has been read. failures: what its library raises of files and rows."""

    def __init__(self) -> None:
        self.failures: tuple[type[Exception], ...] = ()
        self._score: Any = None

    def carry_out(self, order: dict[str, Any], arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a file, or score rows; gives the head and the arrays of the reply."""
        if order["do"] == "score":
            return {}, {"said": np.asarray(self._score(order, arrays), dtype=np.float64)}
        reader = importlib.import_module(f"feedback_core.confined.{READERS[order['kind']]}")
        self.failures = reader.failures()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        _limit_memory(order["memory"])
        about, self._score = reader.load(arrays["file"].tobytes())
        return about, {}


def _limit_memory(beyond: int) -> None:
    """Allow so many bytes beyond what is reserved by now; only Linux says how much that is."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        most = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + beyond
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_cpu(seconds: float) -> None:
    # The parent ends it on time; this is for a parent that was killed meanwhile.
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 10
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _exactly(n: int) -> bytes:
    read: BinaryIO = sys.stdin.buffer
    data = read.read(n)
    if len(data) < n:
        raise EOFError
    return data


def _reply(replies: BinaryIO, head: dict[str, Any], arrays: dict[str, Any]) -> None:
    for piece in wire.packed(head, arrays):
        replies.write(piece)
    replies.flush()


if __name__ == "__main__":
    main()
