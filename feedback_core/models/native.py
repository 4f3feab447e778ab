"""What a model writes beside its skops file: weights and trees in the form of their own framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Native(Protocol):
    """An estimator with files of its own: the last step of a pipeline, or the model itself.

    packages: whose versions a rebuild would need. native_: what skops does not write, left out of model.skops.
    read_native runs after the hash over all files has been compared; it must not run code from them.
    """

    packages: tuple[str, ...]
    native_: Any

    def write_native(self, folder: Path) -> None:
        """Write `native_` into files of this folder."""

    def read_native(self, folder: Path) -> None:
        """Set `native_` from those files. Raises NotInstalled."""
