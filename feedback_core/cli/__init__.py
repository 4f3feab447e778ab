"""The command line: `python -m feedback_core`."""

from __future__ import annotations

import typer

from . import access, deciding, live, making, reading, studying, working  # each adds its commands
from .options import app

__all__ = ["access", "app", "deciding", "live", "main", "making", "reading", "studying", "working"]


def main() -> None:
    """Entry point: errors of the core become one line and exit code 1."""
    from ..errors import FeedbackError

    try:
        app()
    except FeedbackError as error:
        typer.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from error
