"""The command line: `python -m feedback_core`."""

from __future__ import annotations

import sys

from . import (  # each adds its commands
    access,
    alerting,
    answering,
    bringing,
    deciding,
    ending,
    exchanging,
    following,
    founding,
    grouping,
    keeping,
    live,
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
    "alerting",
    "answering",
    "app",
    "bringing",
    "deciding",
    "exchanging",
    "following",
    "founding",
    "grouping",
    "keeping",
    "live",
    "main",
    "making",
    "reading",
    "reviewing",
    "studying",
    "telling",
    "working",
]


PANELS = {
    founding: "Rows in",
    exchanging: "Rows in",
    answering: "Predictions and rows out",
    reviewing: "Review",
    following: "What is going on",
    alerting: "What is going on",
    deciding: "Train, judge, decide",
    bringing: "Train, judge, decide",
    live: "Train, judge, decide",
    grouping: "Groups",
    studying: "How good it is",
    reading: "Versions and reports",
    keeping: "The project",
    working: "Jobs",
    access: "People and programs",
    telling: "People and programs",
    making: "Samples, simulation, worker",
}
"""Heading of each room's commands in the help, in the order of the loop."""


def _in_order() -> None:
    rooms = {room.__name__: (place, title) for place, (room, title) in enumerate(PANELS.items())}
    placed = [(*rooms[command.callback.__module__], command) for command in app.registered_commands if command.callback]
    for _, title, command in placed:
        command.rich_help_panel = title
    app.registered_commands = [command for _, _, command in sorted(placed, key=lambda each: each[0])]


_in_order()


def main() -> None:
    """Entry point: run one command and end with its exit code."""
    sys.exit(ending.run(app, sys.argv[1:]))
