"""What other programs are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DeliveryState = Literal["waiting", "delivered", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where news of a project is sent. Its secret is no field, so nothing that shows a webhook can show it.

    kinds: what is sent (see webhooks/kinds.py). paused: why nothing is sent, empty while active. event_upto,
    feedback_upto: newest event and entry that deliveries were made from.
    """

    id: int
    project_id: int
    url: str
    kinds: tuple[str, ...]
    active: bool
    paused: str
    event_upto: int
    feedback_upto: int
    created_by: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. id: the same at every attempt, so that a receiver can leave out what it knows. body: JSON."""

    id: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one webhook, with the last attempt. resends: the delivery it repeats by hand.

    status, error, seconds, response: of the last attempt; error is empty after a good one, response is an excerpt.
    """

    id: int
    webhook_id: int
    message_id: str
    kind: str
    state: DeliveryState
    attempts: int
    next_at: float
    tried_at: float | None
    status: int | None
    error: str
    seconds: float | None
    response: str
    created_at: float
    delivered_at: float | None
    resends: int | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one attempt needs. secrets: the present one first, and for a while the one before."""

    delivery: Delivery
    url: str
    body: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went, and what follows. pause: why the webhook is paused after it, empty when it is not."""

    state: DeliveryState
    next_at: float
    status: int | None
    error: str
    seconds: float
    response: str
    pause: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model of a project lives. Its secret is no field, so nothing that shows an endpoint can show it.

    train_url: where it is asked to learn, empty where it is not. batch: rows of one request.
    """

    project_id: int
    url: str
    train_url: str
    timeout_s: float
    batch: int
    created_by: str
    created_at: float


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """Rows that a model elsewhere was asked to learn from. version_id: what it led to. failed: why to nothing."""

    id: int
    project_id: int
    job_id: int | None
    n_base: int
    n_feedback: int
    feedback_upto: int
    asked_by: str
    asked_at: float
    version_id: int | None
    failed: str
