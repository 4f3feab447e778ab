"""Validate and prioritize feedback, retrain, prove whether the new version is better, promote or refuse it.

Names are loaded on first use, so that importing the package stays quick.
"""

from __future__ import annotations

# First: a process that imports TensorFlow (Keras does) before sqlite3 gets its SQLite, which has no full-text search.
import sqlite3  # noqa: F401
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import FeedbackError
    from .feedback_loop import FeedbackLoop
    from .loop import Loop
    from .project_storage import open_storage
    from .store import open_store

__version__ = "0.1.0"
__all__ = ["FeedbackError", "FeedbackLoop", "Loop", "open_storage", "open_store"]

_HOMES = {
    "FeedbackError": "errors",
    "FeedbackLoop": "feedback_loop",
    "Loop": "loop",
    "open_storage": "project_storage",
    "open_store": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'feedback_core' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
