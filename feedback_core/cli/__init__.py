"""The command line: `python -m feedback_core`."""

from __future__ import annotations

import sys

from . import (  # each adds its commands
    access,
    answering,
    deciding,
    ending,
    following,
    founding,
    keeping,
    making,
    reading,
    reviewing,
    studying,
    telling,
    working,
)
from .options import app

__all__ = [
    "access",
    "answering",
    "app",
    "deciding",
    "following",
    "founding",
    "keeping",
    "main",
    "making",
    "reading",
    "reviewing",
    "studying",
    "telling",
    "working",
]


def main() -> None:
    """Entry point: run one command and end with its exit code."""
    sys.exit(ending.run(app, sys.argv[1:]))
