"""Reports on disk, beside the database; each can be made again from the store at any time."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from ..store import Store
from ..types import GateReport

log = logging.getLogger(__name__)


def file_of(store: Store, report: GateReport) -> Path:
    """Where the report of a verdict lies; one file a verdict, so a version judged twice has two."""
    folder = store.artifacts.with_name(store.artifacts.name.removesuffix("_models") + "_reports")
    return folder / f"version{report.challenger_id}-report{report.id}.html"


def write(store: Store, report: GateReport, html: str) -> Path | None:
    """Put a report in its file, whole or not at all; gives the file, None when the disk refused.

    A full disk must not undo a verdict that is in the database already: it is logged, and the report is made again
    from the store whenever somebody asks for it.
    """
    path = file_of(store, report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, html.encode(errors="replace"))
    except OSError as error:
        log.warning("the report of version %s could not be written: %s", report.challenger_id, error)
        return None
    return path


def _replace(path: Path, body: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp keeps its files to their owner
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
