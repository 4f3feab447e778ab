"""Sending, beside the jobs: a thread that looks for news, and one for each receiver that is being told.

Threads, not one request after the other: a receiver that hangs for ten seconds holds up nobody else. One that fails is
left in peace until its next attempt is due, so at most a few of them are ever busy.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from .. import __version__
from ..errors import StoreBusy
from ..store import Store
from ..trouble import trouble_with
from ..types import Parcel, Webhook
from .retrying import outcome
from .sending import TIMEOUT_S, post
from .signing import signed
from .taking_up import take_up
from .targets import Reach

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""Between two looks for news and for what is due: an index look-up a webhook."""

SIDE_BY_SIDE = 16
"""Receivers told at one time."""

OF_ONE_PROJECT = 8
"""Of these, so that a project whose receivers are all slow leaves room for others."""

LEASE_S = 30.0
"""What a dead worker was sending is sent again after so many seconds; an attempt takes ten, all in all."""

GIVE_WAY_S = 15.0
"""A receiver is told one message after the other for so long; then those that have waited longer come first."""

HELD_S = 60.0
"""A webhook whose news cannot be made is tried again after this time: not at each look, with a traceback each."""

LEAVE_S = 3.0
"""What is being sent when the worker stops may end within this time; else the next worker sends it again."""


class Dispatcher:
    """All webhooks of one store."""

    def __init__(
        self,
        store: Store,
        reach: Reach,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """chance: uniform in [0, 1), for the jitter. timeout_s: of one attempt."""
        self._store, self._reach, self._clock, self._chance, self._timeout_s = store, reach, clock, chance, timeout_s
        self._stop = threading.Event()
        self._looking: threading.Thread | None = None
        self._sending: dict[threading.Thread, int] = {}
        """Each with the webhook that it tells."""
        self._held: dict[int, float] = {}
        """Webhooks whose news could not be made, and until when they are left alone."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Send in the background."""
        self.keep_up()
        try:
            yield
        finally:
            self._stop.set()
            until = time.monotonic() + LEAVE_S
            for thread in [*([self._looking] if self._looking else []), *self._sending]:
                thread.join(max(0.0, until - time.monotonic()))

    def keep_up(self) -> None:
        """Begin to look for news, or again after a mistake of ours has ended that; its traceback is in the log."""
        if self._looking is None or not self._looking.is_alive():
            self._looking = threading.Thread(target=self._look_on, daemon=True, name="webhooks")
            self._looking.start()

    def turn(self) -> None:
        """One look: make deliveries of what has happened, and begin to send what is due."""
        now = self._clock()
        for webhook in self._store.webhooks.active():
            if self._held.get(webhook.id, now) <= now:
                self._take_up(webhook, now)
        self._sending = {thread: told for thread, told in self._sending.items() if thread.is_alive()}
        for parcel in self._due(now):
            thread = threading.Thread(target=self._send_on, args=(parcel,), daemon=True, name="webhook")
            self._sending[thread] = parcel.delivery.webhook_id
            thread.start()

    def _take_up(self, webhook: Webhook, now: float) -> None:
        """What goes wrong leaves its cursors where they are, and holds up no other webhook."""
        work = partial(take_up, self._store, webhook, now)
        if trouble_with(f"news for webhook {webhook.id}", work, but=(StoreBusy,)):
            self._held[webhook.id] = now + HELD_S

    def _due(self, now: float) -> list[Parcel]:
        # Without those that a thread of ours is telling: a clock that jumps would end their leases under them.
        busy = list(self._sending.values())
        free = SIDE_BY_SIDE - len(busy)
        return self._store.deliveries.claim(now, LEASE_S, free, busy=busy, share=OF_ONE_PROJECT) if free else []

    def _look_on(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.turn()
            except StoreBusy as error:
                log.warning("%s Webhooks are tried again.", error)

    def _send_on(self, parcel: Parcel) -> None:
        """Send one delivery, and what has waited behind it."""
        until = time.monotonic() + GIVE_WAY_S
        while True:
            try:
                self._attempt(parcel)
                over = self._stop.is_set() or time.monotonic() >= until
                due = [] if over else self._next(parcel.delivery.webhook_id)
            except StoreBusy as error:
                log.warning("%s Delivery %s will be sent once more.", error, parcel.delivery.id)
                return
            if not due:
                return
            parcel = due[0]

    def _attempt(self, parcel: Parcel) -> None:
        """Send, then note: who dies in between has it sent once more, with the same id."""
        delivery, body = parcel.delivery, parcel.body.encode()
        headers = signed(delivery.message_id, int(self._clock()), body, parcel.secrets) | {
            "Content-Type": "application/json",
            "User-Agent": f"ai-feedback-loop/{__version__}",
        }
        answer = post(parcel.url, headers, body, self._reach, timeout_s=self._timeout_s)
        now = self._clock()
        went = outcome(answer, delivery.kind, delivery.attempts, now, self._chance())
        self._store.deliveries.note(delivery, went, now)
        if answer.error:
            log.warning("webhook %s, delivery %s: %s", delivery.webhook_id, delivery.id, answer.error)

    def _next(self, webhook_id: int) -> list[Parcel]:
        return self._store.deliveries.claim(self._clock(), LEASE_S, 1, only=webhook_id)
