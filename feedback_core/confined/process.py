"""A model file in a process of its own, seen from outside: started, read, asked, and ended when it takes too much."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArtifactError
from . import wire

ROOT = Path(__file__).resolve().parent.parent.parent

MEMORY = 2 * 2**30
"""Bytes that a model may take beyond its libraries and six times its file, which is what reading JSON takes."""

READ_S, RUN_S = 120.0, 60.0
"""Seconds to read a file, and for one batch of rows: a graph may hold a loop that never ends."""

QUIET = ("FEEDBACK_", "AWS_", "GOOGLE_", "AZURE_")
"""Beginnings of names in the environment that a reader of model files has no business with."""


class TooMuch(ArtifactError):
    """A question took more memory or time than it may: fewer rows at a time may do."""


class Confined:
    """One model file, held by a process that is started when it is first needed, and again after it has died.

    Safe to share between threads: it answers one at a time. Raises ArtifactError in words that follow a subject, such
    as "is no ONNX model: export it anew."
    """

    def __init__(self, kind: str, data: bytes, *, memory: int = MEMORY) -> None:
        """kind: a name of confined/child.py. memory: see MEMORY."""
        self._kind, self._data, self._memory = kind, data, memory + 6 * len(data)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._about: dict[str, Any] = {}

    def about(self) -> dict[str, Any]:
        """What the file says of itself."""
        with self._lock:
            self._ready()
            return self._about

    def ask(self, head: Mapping[str, Any], arrays: wire.Arrays) -> npt.NDArray[np.float64]:
        """Numbers that the model gives for rows."""
        with self._lock:
            self._ready()
            _, given = self._exchange({"do": "score", **head}, arrays, RUN_S, "was not done")
        said: npt.NDArray[np.float64] = given.get("said", np.zeros(0))
        if said.dtype != np.float64 or not said.ndim:
            raise ArtifactError("gives no numbers.")
        return said

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _ready(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        with ExitStack() as unread:
            unread.callback(self.close)  # it holds no model, and the next question reads the file again
            self._process = _started()
            weakref.finalize(self, _end, self._process)
            file = {"file": np.frombuffer(self._data, np.uint8)}
            order = {"do": "read", "kind": self._kind, "memory": self._memory}
            self._about, _ = self._exchange(order, file, READ_S, "was not read")
            unread.pop_all()

    def _exchange(
        self, head: Mapping[str, Any], arrays: wire.Arrays, within_s: float, late: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with ExitStack() as unheard:
            unheard.callback(self.close)  # an answer left in the pipe would pass for the next question's
            try:
                for piece in wire.packed({**head, "cpu_s": within_s}, arrays):
                    process.stdin.write(piece)
                process.stdin.flush()
                reply = _Reply(process, time.monotonic() + within_s)
                said, given = wire.unpacked(reply.read)
            except TimeoutError as error:
                raise TooMuch(f"{late} within {within_s:g} s.") from error
            except (EOFError, BrokenPipeError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ArtifactError(self._died(process, error)) from error
            unheard.pop_all()
        if "refused" in said:
            raise (TooMuch if said.get("memory") else ArtifactError)(str(said["refused"])[:1_000])
        return said, given

    def _died(self, process: subprocess.Popen[bytes], error: Exception) -> str:
        if not isinstance(error, (EOFError, BrokenPipeError)):
            return "does not answer as it should: export it anew."
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        code = process.returncode
        how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        gb = self._memory / 2**30
        return f"crashed the process that opened it ({how}): it is damaged, or needs more than {gb:.1f} GB of memory."


class _Reply:
    """Bytes of a process's answer, read until a moment (monotonic)."""

    def __init__(self, process: subprocess.Popen[bytes], until: float) -> None:
        self._process, self._until = process, until

    def read(self, n: int) -> bytes:
        assert self._process.stdout is not None
        pipe, parts = self._process.stdout.fileno(), bytearray()
        while len(parts) < n:
            left = self._until - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
            piece = os.read(pipe, min(n - len(parts), 1 << 20))
            if not piece:
                raise EOFError
            parts += piece
        return bytes(parts)


def _started() -> subprocess.Popen[bytes]:
    # One thread each: two of OpenMP spin against each other on a busy machine, and reserve memory by the core.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(QUIET)}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    # A model may name files relative to the working folder: it gets one that is gone once the process runs.
    with tempfile.TemporaryDirectory() as nowhere:
        return subprocess.Popen(
            [sys.executable, "-m", "feedback_core.confined.child"],
            cwd=nowhere,
            env=kept | threads | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    # It holds nothing that would have to be kept.
    process.kill()
    process.wait(10)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was still to be written to it
            if pipe is not None:
                pipe.close()
