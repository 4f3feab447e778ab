"""Files that commands read and write; - is standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import nullcontext
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
    """Everything in a file or on standard input. Raises InvalidFile when it cannot be read, or is too large."""
    from ..errors import InvalidFile
    from ..tables import check_size, limits

    name = "standard input" if source == STDIN else source.name
    try:
        with nullcontext(sys.stdin.buffer) if source == STDIN else source.open("rb") as file:
            # A pipe has no size, and a file may grow: of neither is more read than it takes to refuse it.
            size = source.stat().st_size if source != STDIN and source.is_file() else 0
            text = b"" if size > limits.MAX_BYTES else file.read(limits.MAX_BYTES + 1)
    except OSError as error:
        raise InvalidFile(f"{source} cannot be read ({error.strerror or error}): name another file.") from error
    if size := max(size, len(text)):  # what an empty one lacks is for its reader to say
        check_size(size, name)
    return text


def table(source: Path, format: str, database: str = "") -> pd.DataFrame:
    """The table in a file, or one of the pictures in a folder or a ZIP archive, which are stored on the way.

    Raises InvalidFile for one that cannot be read as such.
    """
    from ..tables import read_folder, read_table, read_zip

    if source.is_dir() or source.suffix.lower() == ".zip":
        from ..environment import database_url
        from ..store import open_store

        shelf = open_store(database or database_url()).shelf
        return read_folder(source, shelf) if source.is_dir() else read_zip(content(source), source.name, shelf)
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
