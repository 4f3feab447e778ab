"""The REST API: the same evidence and decisions as page and command line, for other programs.

Sync routes run in a thread pool, and the store keeps one connection per thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware

from .. import __version__
from ..environment import api_pace
from ..store import Store, open_store
from . import decisions, docs, evidence, feeds, items, jobs, metrics, projects, reviewing
from .buckets import Pace
from .guard import Guard
from .opening import known_query
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
        middleware=[Middleware(Pace, *api_pace()), Middleware(Guard)],
        responses=PROBLEMS,
        dependencies=[Depends(who), Depends(known_query)],
    )
    api.state.store, api.state.opened = _opener(url), None
    api.state.models, api.state.user = {}, local_user()
    # What is asked most comes first: routes are tried one after the other.
    for part in (reviewing, items, jobs, projects, evidence, decisions, feeds, metrics, docs):
        api.include_router(part.router)
    api.include_router(decisions.rulings)
    return api


def _opener(url: str) -> Callable[[], Store]:
    return cache(lambda: open_store(url))
