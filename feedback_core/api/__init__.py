"""The REST API: the same evidence and decisions as page and command line, for other programs.

Sync routes run in a thread pool, and the store keeps one connection per thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import FastAPI
from starlette.middleware import Middleware

from .. import __version__
from ..store import Store, open_store
from . import decisions, evidence, projects
from .guard import Guard
from .problems import HANDLERS, PROBLEMS


def create_api(url: str) -> FastAPI:
    """The API over the database at an address; it is opened with the first request."""
    api = FastAPI(
        title="AI Feedback Loop",
        version=__version__,
        # Both pages load their scripts from elsewhere and are blank offline; the description itself stays.
        docs_url=None,
        redoc_url=None,
        exception_handlers=HANDLERS,
        middleware=[Middleware(Guard)],
        responses=PROBLEMS,
    )
    api.state.store = _opener(url)
    for part in (projects, evidence, decisions):
        api.include_router(part.router)
    api.include_router(decisions.rulings)
    return api


def _opener(url: str) -> Callable[[], Store]:
    return cache(lambda: open_store(url))
