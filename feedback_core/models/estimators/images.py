"""The module of the convolutional network. PyTorch is imported with this file: nothing imports it but its factory."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import nn

LAYERS = 3
"""Convolutions, each with twice the filters of the one before."""

POOLED = 4
"""Patches along each side of what the last convolution gives to the layers above it, whatever the image's size."""

AT_ONCE = 256
"""Images scored together: the first layer of one of 256 x 256 pixels takes 4 MB."""

Shape = Sequence[int]


class Images(nn.Module):
    """One tower of convolutions an image, and a network of one hidden layer over what they and other columns give."""

    def __init__(
        self, width: int, outputs: int, shapes: Sequence[Shape], filters: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.planes = [(*shape, 1)[:3] for shape in shapes]
        pixels = [prod(plane) for plane in self.planes]
        self.sizes = [*pixels, width - sum(pixels)]
        self.towers = nn.ModuleList(_tower(plane, filters) for plane in self.planes)
        seen = sum((filters << (LAYERS - 1)) * prod(_pooled(plane)) for plane in self.planes)
        self.head = nn.Sequential(
            nn.Linear(seen + self.sizes[-1], hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
        )

    def forward(self, rows: Any) -> Any:
        """Outputs (n, outputs) of rows (n, width) that begin with the pixels of each image."""
        return torch.cat([self._of(some) for some in rows.split(AT_ONCE)])

    def _of(self, rows: Any) -> Any:
        *images, others = rows.split(self.sizes, dim=1)
        parts = zip(self.towers, images, self.planes, strict=True)
        # Colours vary fastest in a row, and slowest for a convolution.
        seen = [tower(image.reshape(-1, *plane).permute(0, 3, 1, 2)) for tower, image, plane in parts]
        return self.head(torch.cat([*seen, others], dim=1))


def _tower(plane: Shape, filters: int) -> Any:
    layers: list[Any] = []
    channels = plane[2]
    for doubled, halved in enumerate(_halvings(plane)):
        layers += [nn.Conv2d(channels, filters << doubled, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2, ceil_mode=True)] if halved else []  # a side of one pixel stays one
        channels = filters << doubled
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(_pooled(plane)), nn.Flatten())


def _halvings(plane: Shape) -> list[bool]:
    """After which convolutions both sides are halved: while one is longer than what the tower ends with."""
    return [max(plane[:2]) > POOLED << n for n in range(LAYERS)]


def _pooled(plane: Shape) -> tuple[int, int]:
    """Patches down and across that a tower ends with."""
    by = 1 << sum(_halvings(plane))
    high, wide = (min(POOLED, -(-length // by)) for length in plane[:2])
    return high, wide
