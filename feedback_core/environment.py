"""The only place that reads environment variables."""

from __future__ import annotations

import os

DEFAULT_URL = "sqlite:///data/feedback.db"


def database_url() -> str:
    """Where everything is stored: FEEDBACK_DATABASE, or a file in data/."""
    return os.environ.get("FEEDBACK_DATABASE") or DEFAULT_URL


def allowed_hosts() -> list[str]:
    """Host names the server answers to; others are refused, which stops DNS rebinding."""
    extra = os.environ.get("FEEDBACK_ALLOWED_HOSTS", "")
    return ["localhost", "127.0.0.1", "[::1]", "testserver", *(host for host in extra.split(",") if host)]


def user_name() -> str:
    """Who sits at this machine: the reviewer's name until they give another."""
    return os.environ.get("USER") or os.environ.get("USERNAME") or "reviewer"
