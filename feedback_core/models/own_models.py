"""Models that the operator of this installation brings: modules that register builders when they are imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ..errors import InvalidSetting


def load_own(modules: Sequence[str]) -> None:
    """Import modules by name. Raises InvalidSetting for one that cannot be imported.

    The names come from the environment of the process, never from the database: importing runs code.
    """
    for name in modules:
        try:
            import_module(name)
        except ImportError as error:
            raise InvalidSetting(
                f"FEEDBACK_MODELS names {name!r}, which cannot be imported ({error}): install it, put its folder into "
                "PYTHONPATH, or take the name out."
            ) from error
