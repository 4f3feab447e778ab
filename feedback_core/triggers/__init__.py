"""When to retrain: triggers and brakes as pure rules, and the worker's tick that acts on them."""

from __future__ import annotations

from .gather import why
from .shadow import Shadows
from .tick import tick

__all__ = ["Shadows", "tick", "why"]
