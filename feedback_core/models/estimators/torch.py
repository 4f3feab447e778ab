"""PyTorch modules as classifiers and regressors, written as safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..factories import MODULES
from ..registry import BUILDERS
from . import tensors
from .base import Array, FrameworkClassifier, FrameworkRegressor
from .network import Network

DECAY = 1e-4
"""Weight decay of AdamW."""


class _Torch(Network):
    """native_: the module and its optimizer, which belong together in copies too."""

    packages = ("torch", "safetensors")

    def _begin(self, width: int, outputs: int) -> None:
        BUILDERS[self.network].require()
        import torch

        with seeded(self.random_state):
            module = MODULES[self.network](width, max(1, outputs), **(self.options or {}))
        self.native_ = (module, torch.optim.AdamW(module.parameters(), lr=self.learning_rate, weight_decay=DECAY))

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        self.native_[0].train()
        with seeded(self.random_state):
            super()._learn(X, target, weights, further)
        self.native_[0].eval()

    def _step(self, X: Array, target: Array, weights: Array) -> None:
        import torch
        from torch.nn import functional

        module, optimizer = self.native_
        said = module(torch.from_numpy(X))
        if self.outputs_:
            losses = functional.cross_entropy(said, torch.from_numpy(target.astype(np.int64)), reduction="none")
        else:
            losses = (said.reshape(-1) - torch.from_numpy(target.astype(np.float32))) ** 2
        optimizer.zero_grad()
        (losses * torch.from_numpy(weights)).mean().backward()
        optimizer.step()

    def _scored(self, X: Array) -> Array:
        import torch

        with torch.inference_mode():
            said = self.native_[0](torch.from_numpy(X))
            found: Array = (said.softmax(dim=1) if self.outputs_ else said.reshape(-1)).numpy()
        return found

    def write_native(self, folder: Path) -> None:
        tensors.write(folder, *self.native_)

    def read_native(self, folder: Path) -> None:
        self._begin(self.n_features_in_, self.outputs_)
        tensors.read(folder, *self.native_)


class TorchClassifier(_Torch, FrameworkClassifier):
    """A module that gives one logit a class."""

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Array | None = None) -> Any:
        """Go on with these rows: one pass. classes: all labels, at the first call."""
        return self._further(X, y, classes, sample_weight)


class TorchRegressor(_Torch, FrameworkRegressor):
    """A module that gives one number."""

    def partial_fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> Any:
        """Go on with these rows: one pass."""
        return self._further(X, y, sample_weight)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's random numbers from a seed, and afterwards as they would have been."""
    import torch

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        yield
