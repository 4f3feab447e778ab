"""The only place that reads environment variables."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

from .errors import InvalidSetting

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


def api_pace() -> tuple[float, float]:
    """Requests a second that one address may make of the API, and how many at once: FEEDBACK_API_RATE (200; 0 = no
    limit) and FEEDBACK_API_BURST (twice the rate). Raises InvalidSetting."""
    rate = _number("FEEDBACK_API_RATE", 200.0)
    return rate, max(1.0, _number("FEEDBACK_API_BURST", 2 * rate))


def webhook_hosts() -> tuple[str, ...]:
    """Names, addresses and networks that webhooks may lead to although they are private: FEEDBACK_WEBHOOK_HOSTS."""
    given = os.environ.get("FEEDBACK_WEBHOOK_HOSTS", "").split(",")
    return tuple(host.strip().lower() for host in given if host.strip())


def webhooks_stay_public() -> bool:
    """Whether webhooks reach the public network alone: where people sign in, one of them could else look around."""
    return os.environ.get("FEEDBACK_AUTH") == "required" or bool(webhook_hosts())


def _number(name: str, otherwise: float) -> float:
    given = os.environ.get(name) or str(otherwise)
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InvalidSetting(f"{name}={given!r} is not a number of requests: give 0 or more, such as 200.")
    return value


def process_name() -> str:
    """What this process signs its leases with; unique among the processes that share a database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def user_name() -> str:
    """Who sits at this machine: the reviewer's name until they give another; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in some containers
        return ""
