"""Routes about webhooks. None of them sends: that is the worker's, so no request waits for a foreign server."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from .. import exchange, webhooks
from ..store import Store
from ..types import Webhook
from ..webhooks import Reach
from . import webhook_shapes as shapes
from .jobs import Before
from .opening import MOST, Id, OpenStore
from .people import Who, acting
from .permitting import may
from .reviewing import Limit, page
from .work_shapes import Act

router = APIRouter(prefix="/projects/{project_id}/webhooks")

_WEBHOOKS = [may("webhooks")]


@router.get("", response_model=list[shapes.Webhook], dependencies=_WEBHOOKS)
def list_webhooks(project_id: Id, store: OpenStore) -> list[dict[str, Any]]:
    """Where news of a project is sent, oldest first; never a secret."""
    return [exchange.webhook(each) for each in store.webhooks.of(store.projects.get(project_id).id)]


@router.post("", response_model=shapes.MadeWebhook, status_code=201, dependencies=_WEBHOOKS)
def add_webhook(
    project_id: Id, given: shapes.NewWebhook, store: OpenStore, who: Who, request: Request
) -> dict[str, Any]:
    """Have what happens from now on sent somewhere. The secret is in this answer and nowhere else."""
    project, by = store.projects.get(project_id), acting(given.by, who)
    found, secret = webhooks.add(store, project, given.url, given.kinds, _reach(request), by=by, now=time.time())
    return exchange.webhook(found) | {"secret": secret}


@router.patch("/{webhook_id}", response_model=shapes.Webhook, dependencies=_WEBHOOKS)
def change_webhook(
    project_id: Id, webhook_id: Id, given: shapes.ChangedWebhook, store: OpenStore, who: Who, request: Request
) -> dict[str, Any]:
    """Another address or other kinds; pause and resume."""
    found = store.webhooks.get(project_id, webhook_id)
    at: dict[str, Any] = {"by": who.name, "now": time.time()}
    found = webhooks.change(store, found, given.url, given.kinds, _reach(request), **at)
    if given.active is False and found.active:
        found = store.webhooks.pause(found, f"Paused by {who.name}.", **at)
    elif given.active and not found.active:
        found = store.webhooks.resume(found, given.catch_up, **at)
    return exchange.webhook(found)


@router.delete("/{webhook_id}", status_code=204, response_class=Response, dependencies=_WEBHOOKS)
def remove_webhook(project_id: Id, webhook_id: Id, store: OpenStore, who: Who) -> Response:
    """Send nothing more there, and forget the secret."""
    store.webhooks.remove(store.webhooks.get(project_id, webhook_id), by=who.name, now=time.time())
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate", response_model=shapes.Secret, dependencies=_WEBHOOKS)
def rotate_secret(project_id: Id, webhook_id: Id, act: Act, store: OpenStore, who: Who) -> dict[str, str]:
    """A new secret, given out once; for a day messages bear a signature by either."""
    found, by = store.webhooks.get(project_id, webhook_id), acting(act.by, who)
    return {"secret": webhooks.rotate(store, found, by=by, now=time.time())}


@router.post("/{webhook_id}/ping", response_model=shapes.Delivery, status_code=202, dependencies=_WEBHOOKS)
def ping_webhook(project_id: Id, webhook_id: Id, act: Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Have the worker send a test message at once, and once; the delivery tells how it went."""
    project, found = store.projects.get(project_id), store.webhooks.get(project_id, webhook_id)
    return exchange.delivery(webhooks.ping(store, project, found, by=acting(act.by, who), now=time.time()))


@router.get("/{webhook_id}/deliveries", response_model=shapes.DeliveryPage, dependencies=_WEBHOOKS)
def list_deliveries(project_id: Id, webhook_id: Id, store: OpenStore, before: Before = MOST, limit: Limit = 50) -> Any:
    """What was sent and how it went, the newest first, a page at a time."""
    found = store.deliveries.page(_one(store, project_id, webhook_id).id, limit + 1, before)
    return page([exchange.delivery(each) for each in found], limit)


@router.get("/{webhook_id}/deliveries/{delivery_id}", response_model=shapes.FullDelivery, dependencies=_WEBHOOKS)
def get_delivery(project_id: Id, webhook_id: Id, delivery_id: Id, store: OpenStore) -> dict[str, Any]:
    """One delivery with what it tells."""
    found, body = store.deliveries.get(_one(store, project_id, webhook_id), delivery_id)
    return exchange.delivery(found) | {"body": body}


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    response_model=shapes.Delivery,
    status_code=202,
    dependencies=_WEBHOOKS,
)
def redeliver(project_id: Id, webhook_id: Id, delivery_id: Id, _act: Act, store: OpenStore) -> dict[str, Any]:
    """Send at once what waits for its next attempt; repeat what is over, with the same message id."""
    found = _one(store, project_id, webhook_id)
    return exchange.delivery(store.deliveries.send_again(found, delivery_id, time.time()))


def _one(store: Store, project_id: int, webhook_id: int) -> Webhook:
    return store.webhooks.get(project_id, webhook_id)


def _reach(request: Request) -> Reach:
    return webhooks.reach_here(request.app.state.team)
