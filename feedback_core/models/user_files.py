"""Model files that users bring: read without running code, or refused with the way out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidFile
from .artifacts import trusted
from .unsafe_files import LOOK, refuse_unsafe

MAX_MODEL_BYTES = 500 * 2**20
"""Of a model file: a forest of 1,000 trees on 50,000 rows has 300 MB."""

TO_SKOPS = "skops.io.dump(model, 'model.skops')"


def read_model(data: bytes, filename: str) -> Any:
    """The fitted estimator in a .skops file. Raises InvalidFile for anything that is not safe to read."""
    check(data, filename, (*_READERS,))
    return _READERS[ending(filename)](data, filename)


def check(data: bytes, filename: str, taken: tuple[str, ...]) -> None:
    """Refuse a file by its size, its name, or how it begins. Raises InvalidFile."""
    if not data or len(data) > MAX_MODEL_BYTES:
        most = f"{MAX_MODEL_BYTES / 2**20:,.0f} MB"
        raise InvalidFile(f"{filename} has {len(data) / 2**20:,.0f} MB: give a model file of at most {most}.")
    refuse_unsafe(filename, data[:LOOK])
    if ending(filename) not in taken:
        raise InvalidFile(f"{filename!r:.120} is no model file that is read here: bring one of {', '.join(taken)}.")


def ending(filename: str) -> str:
    """What follows the last dot, in small letters."""
    return filename.lower().rpartition(".")[2]


def _skops(data: bytes, filename: str) -> Any:
    import skops.io

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted()))
        if unknown:
            raise InvalidFile(
                f"{filename} holds types that cannot be read safely ({', '.join(unknown[:5])}): bring a model of "
                "scikit-learn estimators without own functions, or write it as ONNX."
            )
        return skops.io.loads(data, trusted=list(trusted()))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        if isinstance(error, InvalidFile):
            raise
        raise InvalidFile(
            f"{filename} cannot be read as a skops file ({str(error)[:200]}): write it anew with this version of "
            f"scikit-learn: `{TO_SKOPS}`."
        ) from error


_READERS: Mapping[str, Callable[[bytes, str], Any]] = {"skops": _skops}
"""Reader by the ending of a file's name."""
