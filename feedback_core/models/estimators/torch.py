"""PyTorch modules as classifiers and regressors, written as safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..registry import BUILDERS
from ..torch import MODULES
from .base import Array, FrameworkClassifier, FrameworkRegressor
from .network import Network

FILE = "network.safetensors"

DECAY = 1e-4
"""Weight decay of AdamW."""


class _Torch(Network):
    """native_: the module and its optimizer, which belong together in copies too."""

    packages = ("torch", "safetensors")

    def _begin(self, width: int, outputs: int) -> None:
        BUILDERS[self.network].require()
        import torch

        with _seeded(self.random_state):
            module = MODULES[self.network](width, max(1, outputs), **(self.options or {}))
        self.native_ = (module, torch.optim.AdamW(module.parameters(), lr=self.learning_rate, weight_decay=DECAY))

    def _learn(self, X: Any, target: Array, weights: Array, further: bool) -> None:
        self.native_[0].train()
        with _seeded(self.random_state):
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
        from safetensors.torch import save_file

        module, optimizer = self.native_
        learned = {f"module.{name}": tensor.contiguous() for name, tensor in module.state_dict().items()}
        steps = {
            f"optimizer.{place}.{name}": tensor
            for place, state in optimizer.state_dict()["state"].items()
            for name, tensor in state.items()
        }
        save_file(learned | steps, folder / FILE)

    def read_native(self, folder: Path) -> None:
        self._begin(self.n_features_in_, self.outputs_)
        from safetensors.torch import load_file

        module, optimizer = self.native_
        tensors = load_file(folder / FILE)
        module.load_state_dict({name[7:]: tensor for name, tensor in tensors.items() if name.startswith("module.")})
        states: dict[int, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, place, what = name.split(".")
                states.setdefault(int(place), {})[what] = tensor
        optimizer.load_state_dict(optimizer.state_dict() | {"state": states})
        module.eval()


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
def _seeded(seed: int) -> Iterator[None]:
    """PyTorch's random numbers from a seed, and afterwards as they would have been."""
    import torch

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        yield
