"""A module and its optimizer in one safetensors file, which holds numbers and names and nothing that could run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = "network.safetensors"

_MODULE, _OPTIMIZER = "module.", "optimizer."


def write(folder: Path, module: Any, optimizer: Any) -> None:
    """Write what a module has learned, and how far its optimizer is."""
    import torch
    from safetensors.torch import save_file

    tensors = {_MODULE + name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    for place, state in optimizer.state_dict()["state"].items():
        numbers = {name: tensor for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}
        tensors |= {f"{_OPTIMIZER}{place}.{name}": tensor.contiguous() for name, tensor in numbers.items()}
    save_file(tensors, folder / FILE)


def read(folder: Path, module: Any, optimizer: Any) -> None:
    """Read it into a module and an optimizer made the same way."""
    from safetensors.torch import load_file

    tensors = load_file(folder / FILE)
    learned = {name: tensor for name, tensor in tensors.items() if name.startswith(_MODULE)}
    module.load_state_dict({name.removeprefix(_MODULE): tensor for name, tensor in learned.items()})
    states: dict[int, dict[str, Any]] = {}
    for name in tensors.keys() - learned.keys():
        place, _, what = name.removeprefix(_OPTIMIZER).partition(".")
        states.setdefault(int(place), {})[what] = tensors[name]
    optimizer.load_state_dict(optimizer.state_dict() | {"state": states})
    module.eval()
