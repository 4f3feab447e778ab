"""Files that commands read and write; - is standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

Source = Annotated[Path, typer.Argument(metavar="FILE", help="File to read; - is standard input.")]
Ending = Annotated[
    str, typer.Option("--format", help="What FILE or standard input holds, where no name tells: csv, jsonl, parquet.")
]
STDIN = Path("-")


def content(source: Path) -> bytes:
    """Everything in a file or on standard input. Raises InvalidFile when it cannot be read."""
    from ..errors import InvalidFile
    from ..tables import MAX_BYTES

    try:
        if source != STDIN:
            # Measured first: a larger one is refused by its size, and need not fill the memory for that.
            with source.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidFile(f"{source} cannot be read ({error.strerror or error}): name another file.") from error


def table(source: Path, format: str) -> pd.DataFrame:
    """The table in a file. Raises InvalidFile for one that cannot be read as such."""
    from ..tables import read_table

    name = f"standard input.{format or 'csv'}" if source == STDIN else source.name
    return read_table(content(source), f"{name}.{format}" if format and source != STDIN else name)


def written(out: Path, pieces: Iterable[bytes]) -> None:
    """Write a file as a whole or not at all. Raises StoreError when that fails."""
    from ..errors import StoreError

    # A pipe or a device is written as it is: there is nothing to put in its place.
    draft = out if out.exists() and not out.is_file() else out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
        if draft != out:
            draft.replace(out)
    except OSError as error:
        raise StoreError(f"{out} cannot be written ({error}): name another file.") from error
    finally:
        if draft != out:
            draft.unlink(missing_ok=True)


def streamed(pieces: Iterable[bytes], out: Path | None) -> None:
    """To a file, or to standard output piece by piece."""
    if out is not None:
        written(out, pieces)
        typer.echo(f"Written to {out}.", err=True)
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece)
