"""The REST API: the same evidence and decisions as page and command line, for other programs.

Sync routes run in a thread pool, and the store keeps one connection per thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import Depends
from starlette.middleware import Middleware

from .. import __version__
from ..cache import Cache
from ..environment import api_pace, sign_in
from ..store import Store, open_store
from . import (
    access,
    decisions,
    docs,
    drift_alerts,
    evidence,
    explanations,
    feeds,
    groups,
    items,
    jobs,
    lineups,
    metrics,
    outside,
    pictures,
    projects,
    realtime,
    reviewing,
    webhooks,
)
from .buckets import Pace
from .guard import Guard
from .opening import known_query
from .people import Doorkeeper, local_user
from .permitting import Described, declared
from .problems import HANDLERS, PROBLEMS

# What is asked most comes first: routes are tried one after the other.
PARTS = (
    *(reviewing, items, jobs, projects, pictures),
    *(
        realtime,
        lineups,
        evidence,
        explanations,
        decisions,
        drift_alerts,
        feeds,
        metrics,
        docs,
        access,
        webhooks,
        groups,
        outside,
    ),
)


def create_api(url: str, team: bool | None = None) -> Described:
    """The API over the database at an address; it is opened with the first request.

    team: whether programs have to send a token; where not given, it is as the environment says.
    """
    api = Described(
        title="AI Feedback Loop",
        version=__version__,
        # Both pages load their scripts from elsewhere and are blank offline; the description itself stays.
        docs_url=None,
        redoc_url=None,
        exception_handlers=HANDLERS,
        middleware=[Middleware(Pace, *api_pace()), Middleware(Doorkeeper), Middleware(Guard)],
        responses=PROBLEMS,
        dependencies=[Depends(known_query)],
    )
    api.state.store, api.state.opened = _opener(url), None
    api.state.models, api.state.cache, api.state.user = {}, Cache(), local_user()
    api.state.team = sign_in() if team is None else team
    routers = [*(part.router for part in PARTS), decisions.rulings]
    api.state.declared = declared(routers)
    for router in routers:
        api.include_router(router)
    return api


def _opener(url: str) -> Callable[[], Store]:
    return cache(lambda: open_store(url))
