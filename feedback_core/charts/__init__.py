"""Figures: tidy columns in, one Plotly figure out. Readable on a light and a dark page."""

from .alarms import alarms_found
from .effects import contributions, patches
from .items import parts, pool_map, pool_map_by_confidence, pool_map_by_number, probabilities
from .live import live_errors
from .mistakes import calibration, confusion, recall
from .moved import effect_curve, moved
from .numbers import errors, errors_by_size, predicted_and_true
from .outlook import certificate, credit, forecast
from .queue import VERDICT_NAMES, findings, priorities, volume
from .replays import backtest
from .several import by_label
from .style import CHAMPION, OTHER, download, short
from .versions import accuracy

__all__ = [
    "CHAMPION",
    "OTHER",
    "VERDICT_NAMES",
    "accuracy",
    "alarms_found",
    "backtest",
    "by_label",
    "calibration",
    "certificate",
    "confusion",
    "contributions",
    "credit",
    "download",
    "effect_curve",
    "errors",
    "errors_by_size",
    "findings",
    "forecast",
    "live_errors",
    "moved",
    "parts",
    "patches",
    "pool_map",
    "pool_map_by_confidence",
    "pool_map_by_number",
    "predicted_and_true",
    "priorities",
    "probabilities",
    "recall",
    "short",
    "volume",
]
