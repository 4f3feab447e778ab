"""The table of file formats by name."""

from __future__ import annotations

from ..registry import Registry
from .record import Format

FORMATS: Registry[Format] = Registry("format")


def register(name: str, format: Format) -> Format:
    """File a format under a name."""
    return FORMATS.register(name)(format)
