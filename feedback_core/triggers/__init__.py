"""When to retrain: triggers and brakes as pure rules, and the worker's tick that acts on them."""

from __future__ import annotations

from .acting import tick
from .backtesting import backtest
from .gather import why
from .shadow import Shadows

__all__ = ["Shadows", "backtest", "tick", "why"]
