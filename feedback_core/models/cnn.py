"""A small convolutional network for projects with images, in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidSetting
from ..types import Column, Schema
from .factories import MODULES
from .networks import settings_of
from .preprocessing import pixel_names, preprocessor
from .registry import builder

EPOCHS = 30
"""Passes over the rows."""

_HOME = "feedback_core.models.estimators.torch"


def cnn(
    width: int, outputs: int, shapes: Sequence[Sequence[int]], filters: int = 16, hidden: int = 64, dropout: float = 0.0
) -> Any:
    """A module over rows (n, width) that begin with the pixels of images of these shapes, whatever else follows.

    shapes: (height, width) or (height, width, 3). filters: of the first convolution. hidden: neurons of the layer that
    sees all images and columns. dropout: share of them that is silent in each step.
    """
    from .estimators.images import Images

    return Images(width, outputs, shapes, filters, hidden, dropout)


MODULES.register("cnn")(cnn)


@builder(
    "cnn",
    title="Convolutional network",
    help="for pictures; other columns join in behind it",
    framework="PyTorch",
    extra="torch",
    package="torch",
    tasks=("classification", "regression"),
    increments=True,
    artifact="skops + safetensors",
    trusted=(f"{_HOME}.TorchClassifier", f"{_HOME}.TorchRegressor", "feedback_core.models.brightness.Brightness"),
    needs="image",
)
def build(schema: Schema, seed: int, params: Mapping[str, Any], task: str) -> Any:
    from sklearn.pipeline import Pipeline

    from .estimators.torch import TorchClassifier, TorchRegressor

    images = schema.of_kind("image")
    if any(column.seen_as for column in images):
        raise InvalidSetting("A convolutional network looks at pixels: leave image_features out, or set it to pixels.")
    network = TorchRegressor if task == "regression" else TorchClassifier
    settings = settings_of(cnn, seed, {"epochs": EPOCHS, **params}, "shapes")
    settings["options"] |= {"shapes": [list(column.shape) for column in images]}
    return Pipeline([("prepare", _prepared(schema, images)), ("model", network("cnn", **settings))])


def _prepared(schema: Schema, images: Sequence[Column]) -> Any:
    """The usual preparation, with the pixels first, one scale an image."""
    from .brightness import Brightness

    prepare = preprocessor(schema)
    others = [step for step in prepare.transformers if step[0] != "image"]
    pixels = [(f"image_{n}", Brightness(), pixel_names(column)) for n, column in enumerate(images)]
    return prepare.set_params(transformers=[*pixels, *others])
