"""Checked rows on their way from a page to the worker: one file each, whole or not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import orjson

from .errors import NotFound
from .types import Rows


def folder(artifacts: Path) -> Path:
    """Where staged files wait, beside the model files."""
    return artifacts / "staged"


def write(rows: Rows, target: Path) -> str:
    """Store rows under a new name in the target folder; gives the name."""
    with Draft(target) as draft:
        for body, key, label in zip(rows.inputs, rows.keys, rows.labels, strict=True):
            draft.add(key, label, body)
        return draft.settle()


def put(file: BinaryIO, target: Path) -> str:
    """Store a file as it is under a new name in the target folder; gives the name."""
    with Draft(target) as draft:
        draft.copy(file)
        return draft.settle()


def named(target: Path, name: str) -> Path:
    """A staged file by its name. Raises NotFound for a name that leads anywhere else."""
    if not name or Path(name).name != name:
        raise NotFound(f"{name!r} is no name of a staged file: upload the data again.")
    return target / name


class Draft:
    """A file that grows row by row and is there as a whole or not at all; left behind unsettled, it is removed."""

    def __init__(self, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        self._name = f"{uuid4().hex}.jsonl"
        self._target, self._path = target, target / f".{self._name}"
        self._file = self._path.open("wb")

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, key: str | None, label: str | None, body: bytes) -> None:
        self._file.write(orjson.dumps([key, label, body.decode()]) + b"\n")

    def copy(self, file: BinaryIO) -> None:
        shutil.copyfileobj(file, self._file)

    def settle(self) -> str:
        """Make the file durable under its name; gives the name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.rename(self._target / self._name)
        return self._name


def read(path: Path) -> Rows:
    """The rows of a staged file. Raises NotFound when it is gone."""
    if not path.is_file():
        raise NotFound(f"The staged file {path.name} is gone: upload the data again.")
    with path.open("rb") as file:
        lines = [orjson.loads(line) for line in file]
    return Rows([body.encode() for _, _, body in lines], [key for key, _, _ in lines], [label for _, label, _ in lines])
