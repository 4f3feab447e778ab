"""The only place that reads environment variables."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "data" / "feedback.db"


def database_url() -> str:
    """Where everything is stored: FEEDBACK_DATABASE, or a file in data/. Absolute, so every process means the same."""
    given = os.environ.get("FEEDBACK_DATABASE") or f"sqlite:///{DEFAULT_FILE}"
    prefix = "sqlite:///"
    return f"{prefix}{Path(given.removeprefix(prefix)).absolute()}" if given.startswith(prefix) else given


def allowed_hosts() -> list[str]:
    """Host names the server answers to; others are refused, which stops DNS rebinding."""
    extra = os.environ.get("FEEDBACK_ALLOWED_HOSTS", "")
    return ["localhost", "127.0.0.1", "[::1]", "testserver", *(host for host in extra.split(",") if host)]


def process_name() -> str:
    """What this process signs its leases with; unique among the processes that share a database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def user_name() -> str:
    """Who sits at this machine: the reviewer's name until they give another; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in some containers
        return ""
