"""The REST API: the same evidence and decisions as page and command line, for other programs.

Sync routes run in a thread pool, and the store keeps one connection per thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware

from .. import __version__
from ..store import Store, open_store
from . import decisions, evidence, items, jobs, projects, reviewing
from .guard import Guard
from .people import local_user, who
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
        dependencies=[Depends(who)],
    )
    api.state.store, api.state.opened = _opener(url), None
    api.state.models, api.state.user = {}, local_user()
    for part in (projects, items, reviewing, jobs, evidence, decisions):
        api.include_router(part.router)
    return api


def _opener(url: str) -> Callable[[], Store]:
    return cache(lambda: open_store(url))
