"""Every route keeps what openapi.json promises, whatever is sent: schemathesis over the whole document."""

from __future__ import annotations

import contextlib
import os
import time
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from feedback_core import people
from feedback_core.api import create_api
from feedback_core.store import open_store
from tests.conftest import Clock, make_loop, rows

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "6"))
"""Requests per route, always the same ones: more finds little more, and there are ninety routes. 100 after a change of
many of them."""


def _schema(folder, team=False):
    """The document of an API over a project with a champion, a candidate, an entry, draws and a job.

    team: it asks for tokens, of which there is one that may do everything.
    """
    url, clock = f"sqlite:///{folder / 'api.db'}", Clock()
    loop = make_loop(open_store(url), clock)
    loop.add_items(rows(60)[0], "test")
    loop.add_items(rows(40, seed=1, labelled=False)[0], "test")
    loop.judge(version := loop.retrain("test"))
    loop.promote(version, "test")
    loop.predict()
    loop.judge(loop.retrain("test"))
    api = create_api(url, team)
    api.state.user = "ana"
    schema = schemathesis.openapi.from_asgi("/openapi.json", api)
    if team:
        _, secret = people.create_token(
            loop.store, people.local("ana"), None, "all", "admin", may_act_for_others=True, now=time.time()
        )
        schema.auth()(_bearer(secret))
    return schema


def _bearer(secret):
    class Bearer:
        def get(self, case, context):
            return secret

        def set(self, case, data, context):
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    return Bearer


@schemathesis.serializer("application/x-ndjson")
def _lines(_context, value):
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def _existing(_context, parameters):
    """Ids near those that exist: nearly all of 2^63 would only ever see 404."""
    return {
        name: 1 + value % 3 if name.endswith("_id") and isinstance(value, int) else value
        for name, value in (parameters or {}).items()
    }


def _hasty(_context, query):
    """No test waits a minute for another champion."""
    waits = isinstance((query or {}).get("wait_s"), (int, float))
    return query | {"wait_s": query["wait_s"] % 0.01} if waits else query


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_no_request_breaks_a_promise_of_the_document(tmp_path, mode):
    schema = _schema(tmp_path)
    if mode is GenerationMode.POSITIVE:  # elsewhere it would mend what shall be wrong
        schema.hook("map_path_parameters")(_existing)
    schema.hook("map_query")(_hasty)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 35
    for operation in operations:
        if mode is GenerationMode.POSITIVE or _takes_something(operation):
            _try(operation, mode, EXAMPLES)


@pytest.mark.slow
def test_no_request_with_a_token_breaks_a_promise_and_none_without_one_is_let_in(tmp_path):
    # Schemathesis asks again without the token, and with another, wherever the document says that it takes one.
    schema = _schema(tmp_path, team=True)
    schema.hook("map_path_parameters")(_existing)
    schema.hook("map_query")(_hasty)
    for operation in [found.ok() for found in schema.get_all_operations()]:
        if "token_id" not in operation.path:  # it would revoke its own
            _try(operation, GenerationMode.POSITIVE, 2)


def _takes_something(operation):
    """Whether a request can have more wrong than the name in the header, which every route takes.

    Looking for a wrong one where nearly every text is right takes seconds; the other routes have tried it by then.
    """
    return bool({each.name for each in operation.iter_parameters()} - {"X-Feedback-User"} or operation.body)


def _try(operation, mode, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps_its_promise(case):
        # A label may be a text and still none of the project: what only the project knows is refused with 422 too.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    with contextlib.suppress(Unsatisfiable, SkipTest):  # where nothing can be wrong, nothing forbidden can be sent
        keeps_its_promise()
