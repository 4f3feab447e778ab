"""Model builders by name: (schema, seed, params) -> an unfitted scikit-learn pipeline whose last step is `model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..registry import Registry
from ..types import Schema

Builder = Callable[[Schema, int, Mapping[str, Any]], Any]

BUILDERS: Registry[Builder] = Registry("model")
builder = BUILDERS.register
