"""skops, imported without the frameworks that happen to be installed beside it."""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Lock
from typing import Any

FOR_TORCH = "sklearn.externals.array_api_compat.torch"
"""The package in which scikit-learn meets PyTorch. To list the estimators it trusts, skops imports every package of
scikit-learn, and by this one all of PyTorch, where that is installed: 3.9 CPU seconds and 405 MB in every process that
loads any model, instead of 2.2 and 207."""

_importing = Lock()


def skops_io() -> Any:
    """The module skops.io. Whoever hands a tensor to scikit-learn while it is imported is told it is missing."""
    with _importing:
        if "skops.io" not in sys.modules and FOR_TORCH not in sys.modules:
            _import_without(FOR_TORCH)
    return import_module("skops.io")


def _import_without(package: str) -> None:
    sys.modules[package] = None  # type: ignore[assignment]  # what Python's import takes for "is not there"
    try:
        import_module("skops.io")
    finally:
        del sys.modules[package]
