"""From what has happened to what is to be sent: the audit trail and the entries, read on from where a webhook stands.

Ids come in the order of commits, because writers come one after the other: so nothing is skipped, and what was rolled
back is never seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..store import Store
from ..types import Event, Feedback, Message, Project, Version, Webhook
from .kinds import FEEDBACK, OF_EVENT
from .signing import new_id
from .telling import of_entries, of_event

MOST_EVENTS = 100
"""Read at one time."""

MOST_ENTRIES = 50
"""Feedback entries of one message: about 18 kB; the specification recommends to stay below 20."""

GATHER_S = 5.0
"""An entry waits this long for others to go with it."""

MOST_WAITING = 20
"""Deliveries that wait for one receiver; what happens beyond is taken up when they are gone."""


def take_up(store: Store, webhook: Webhook, now: float) -> int:
    """Make deliveries of what a webhook was not told yet; gives their number."""
    new_events, new_entries = store.deliveries.news(webhook)
    if not (new_events or (new_entries and FEEDBACK in webhook.kinds)):
        return 0
    if store.deliveries.waiting(webhook.id) >= MOST_WAITING:
        return 0
    events = store.listings.events(webhook.project_id, webhook.event_upto, MOST_EVENTS) if new_events else []
    entries = _ripe_entries(store, webhook, now) if FEEDBACK in webhook.kinds and new_entries else []
    if not events and not entries:
        return 0
    messages = _messages(store, webhook, events, entries)
    event_upto = events[-1].id if events else webhook.event_upto
    feedback_upto = entries[-1].id if entries else webhook.feedback_upto
    taken = store.deliveries.take_up(webhook, messages, event_upto=event_upto, feedback_upto=feedback_upto, now=now)
    return len(messages) if taken else 0


def ripe(entries: Sequence[Feedback], now: float) -> bool:
    """Whether entries are enough for a message, or have waited long enough for more."""
    return len(entries) >= MOST_ENTRIES or (bool(entries) and now - entries[0].created_at >= GATHER_S)


def _ripe_entries(store: Store, webhook: Webhook, now: float) -> list[Feedback]:
    found = store.listings.feedback(webhook.project_id, webhook.feedback_upto, MOST_ENTRIES)
    return found if ripe(found, now) else []


def _messages(store: Store, webhook: Webhook, events: Sequence[Event], entries: Sequence[Feedback]) -> list[Message]:
    project = store.projects.get(webhook.project_id)
    wanted = [event for event in events if OF_EVENT.get(event.kind) in webhook.kinds]
    told = [of_event(event, project, _about(store, project, event), new_id()) for event in wanted]
    if entries:
        told.insert(
            place([event.at for event in wanted], entries[-1].created_at), of_entries(entries, project, new_id())
        )
    return told


def place(times: Sequence[float], at: float) -> int:
    """Where news of `at` goes among events, which keep the order of their ids: before the first that is later.

    Not sorted by time: whoever waited for the lock has taken an earlier time and committed later.
    """
    return next((n for n, each in enumerate(times) if each > at), len(times))


def _about(store: Store, project: Project, event: Event) -> Version | None:
    if "number" in event.details:
        return store.versions.numbered(project.id, int(event.details["number"]))
    return store.versions.get(int(event.details["version_id"])) if "version_id" in event.details else None
