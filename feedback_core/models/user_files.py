"""Model files that users bring: read without running code, or refused with the way out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InvalidFile
from .artifacts import TRUSTED
from .skops_files import skops_io
from .unsafe_files import LOOK, refuse_unsafe

MAX_MODEL_BYTES = 500 * 2**20
"""Of a model file: a forest of 1,000 trees on 50,000 rows has 300 MB."""

TAKEN = ("skops", "onnx", "txt", "json", "ubj")
"""Endings of the files that are read."""

LIBRARIES = {"txt": "lightgbm", "json": "xgboost", "ubj": "xgboost"}
"""Endings of files of trees, by the library that writes and reads them."""

SAFE = tuple(name for name in TRUSTED if not name.startswith("feedback_core."))
"""Types beyond skops' own list that a model of others may hold: none of ours, which open files of frameworks."""

TO_SKOPS = "skops.io.dump(model, 'model.skops')"


def checked_kind(data: bytes, filename: str) -> str:
    """The ending of a model file, looked at by size, name and content. Raises InvalidFile with the way out."""
    if not data or len(data) > MAX_MODEL_BYTES:
        most = f"{MAX_MODEL_BYTES / 2**20:,.0f} MB"
        raise InvalidFile(f"{filename} has {len(data) / 2**20:,.0f} MB: give a model file of at most {most}.")
    refuse_unsafe(filename, data[:LOOK])
    kind = filename.lower().rpartition(".")[2]
    if kind not in TAKEN:
        raise InvalidFile(f"{filename!r:.120} is no model file that is read here: bring one of {', '.join(TAKEN)}.")
    if kind == "json" and b'"tree_info"' in data and data[:LOOK].lstrip().startswith(b'{"name":'):
        raise InvalidFile(
            f"{filename} is what LightGBM's dump_model writes, which it cannot read back: save the text file with "
            "`booster.save_model('model.txt')`."
        )
    return kind


def read_model(data: bytes, filename: str) -> Any:
    """The fitted estimator in a .skops file. Raises InvalidFile for what cannot be read safely."""
    try:
        unknown = sorted(set(skops_io().get_untrusted_types(data=data)) - set(SAFE))
        if unknown:
            raise InvalidFile(
                f"{filename} holds types that cannot be read safely ({', '.join(unknown[:5])}): bring a model of "
                "scikit-learn estimators without own functions, or write it as ONNX."
            )
        model = skops_io().loads(data, trusted=list(SAFE))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        if isinstance(error, InvalidFile):
            raise
        raise InvalidFile(
            f"{filename} cannot be read as a skops file ({str(error)[:200]}): write it anew with this version of "
            f"scikit-learn: `{TO_SKOPS}`."
        ) from error
    if any(getattr(part, "input", "content") != "content" for part in _parts(model) if hasattr(part, "build_analyzer")):
        # What a reviewer or a program sends as a text would be opened as a file of this server.
        raise InvalidFile(
            f"{filename} takes texts for names of files, which are never opened here: fit it with input='content'."
        )
    return model


def _parts(model: Any) -> Iterator[Any]:
    """Every object within a model, itself included."""
    seen, left = set[int](), [model]
    while left:
        part = left.pop()
        if isinstance(part, (str, bytes, int, float)) or part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        left += _within(part)


def _within(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return [*part, *part.values()]
    if isinstance(part, (list, tuple, set, frozenset)):
        return list(part)
    if isinstance(part, np.ndarray):
        return part.ravel().tolist() if part.dtype == object else []
    # The owner of a method, which may stand in for a function.
    return [*getattr(part, "__dict__", {}).values(), getattr(part, "__self__", None)]
