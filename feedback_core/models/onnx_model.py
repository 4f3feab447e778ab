"""ONNX: what is known of such models before one is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import CannotTrain
from ..types import Schema
from .registry import builder


@builder(
    "onnx",
    title="ONNX",
    help="a model from elsewhere that only scores",
    framework="ONNX",
    extra="onnx",
    package="onnxruntime",
    tasks=("classification", "regression"),
    weights=False,
    artifact="ONNX",
    trains=False,
    offered=False,
    trusted=("feedback_core.models.onnx_scoring.OnnxNumbers", "feedback_core.models.onnx_scoring.OnnxScoring"),
)
def onnx(_schema: Schema, _seed: int, _params: Mapping[str, Any], _task: str) -> Any:
    """Raises CannotTrain: such a file is imported."""
    raise CannotTrain("An ONNX model only scores: import the file on Setup, and choose a model that trains here.")
