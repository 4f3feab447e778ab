"""Adding and changing webhooks: what is given is checked here, and a secret is given out once."""

from __future__ import annotations

from collections.abc import Sequence

from ..environment import sign_in, webhook_hosts
from ..store import Store
from ..types import Delivery, Project, Webhook
from .kinds import checked_kinds
from .signing import new_id, new_secret
from .targets import Reach, checked_url
from .telling import of_ping

OLD_SECRET_S = 86_400.0
"""Seconds in which messages bear a signature by the old secret too."""


def reach_here(team: bool | None = None) -> Reach:
    """What webhooks of this server may reach. team: whether people sign in; where not given, as the environment says.

    Alone on a machine everybody may reach all of it anyway; where people sign in, not by way of a webhook.
    """
    return Reach(private=not (sign_in() if team is None else team), hosts=webhook_hosts())


def add(
    store: Store, project: Project, url: str, kinds: Sequence[str], reach: Reach, *, by: str, now: float
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is never shown again. Raises InvalidInput or Refused."""
    url, kinds, secret = checked_url(url, reach), checked_kinds(kinds), new_secret()
    return store.webhooks.add(project.id, url, kinds, secret, by=by, now=now), secret


def change(
    store: Store, webhook: Webhook, url: str | None, kinds: Sequence[str] | None, reach: Reach, *, by: str, now: float
) -> Webhook:
    """Another address or other kinds; None leaves them as they are."""
    url = webhook.url if url is None else checked_url(url, reach)
    wanted = webhook.kinds if kinds is None else checked_kinds(kinds)
    if (url, wanted) == (webhook.url, webhook.kinds):
        return webhook
    return store.webhooks.change(webhook, url, wanted, by=by, now=now)


def rotate(store: Store, webhook: Webhook, *, by: str, now: float) -> str:
    """A new secret; the old one signs beside it for a day."""
    secret = new_secret()
    store.webhooks.rotate(webhook, secret, by=by, now=now, keep_s=OLD_SECRET_S)
    return secret


def ping(store: Store, project: Project, webhook: Webhook, *, by: str, now: float) -> Delivery:
    """A test message, which the worker sends at once and only once, also where the webhook is paused."""
    return store.deliveries.add(webhook, of_ping(project, by, now, new_id()), now)
