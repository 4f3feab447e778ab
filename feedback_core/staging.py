"""Checked rows on their way from a page to the worker: one file each, whole or not there."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import orjson

from .errors import NotFound
from .types import Rows


def folder(artifacts: Path) -> Path:
    """Where staged files wait, beside the model files."""
    return artifacts / "staged"


def write(rows: Rows, target: Path) -> str:
    """Store rows under a new name in the target folder; gives the name."""
    target.mkdir(parents=True, exist_ok=True)
    name = f"{uuid4().hex}.jsonl"
    draft = target / f".{name}"
    with draft.open("wb") as file:
        for body, key, label in zip(rows.inputs, rows.keys, rows.labels, strict=True):
            file.write(orjson.dumps([key, label, body.decode()]) + b"\n")
    draft.rename(target / name)
    return name


def read(path: Path) -> Rows:
    """The rows of a staged file. Raises NotFound when it is gone."""
    if not path.is_file():
        raise NotFound(f"The staged file {path.name} is gone: upload the data again.")
    with path.open("rb") as file:
        lines = [orjson.loads(line) for line in file]
    return Rows([body.encode() for _, _, body in lines], [key for key, _, _ in lines], [label for _, label, _ in lines])
