"""What goes over the wire about webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ..types import DeliveryState
from ..webhooks import KINDS
from ..webhooks.targets import MOST_CHARACTERS
from .work_shapes import Act, Body

Kind = Literal[
    "feedback.recorded", "version.judged", "version.live", "version.refused", "retrain.requested", "job.failed"
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=r"^https?://[!-~]+$",
        description="Where to post: https, or plain http within one network.",
    ),
]
Kinds = Annotated[list[Kind], Field(min_length=1, max_length=len(KINDS), description="What is sent.")]


class NewWebhook(Act):
    url: Url
    kinds: Kinds


class ChangedWebhook(Body):
    """What is left out stays as it is."""

    url: Url | None = None
    kinds: Kinds | None = None
    active: bool | None = Field(default=None, description="false pauses it, true resumes it.")
    catch_up: bool = Field(default=True, description="When it is resumed: send what happened meanwhile, too.")


class Webhook(BaseModel):
    id: int
    project_id: int
    url: str
    kinds: list[Kind]
    active: bool
    paused: str = Field(description="Why nothing is sent; empty while active.")
    created_by: str
    created_at: str


class MadeWebhook(Webhook):
    secret: str = Field(description="What messages are signed with. It is in this answer and nowhere else.")


class Secret(BaseModel):
    secret: str = Field(description="The new one, in this answer and nowhere else; the old one signs for a day more.")


class Delivery(BaseModel):
    """A message on its way to a webhook. status, error, seconds, response: of the last attempt."""

    id: int
    webhook_id: int
    message_id: str = Field(description="The header webhook-id: the same at every attempt.")
    kind: str
    state: DeliveryState
    attempts: int
    next_at: str | None = Field(description="When it is sent next.")
    tried_at: str | None
    status: int | None = Field(description="Of HTTP; null where no answer came.")
    error: str
    seconds: float | None
    response: str = Field(description="How the answer begins.")
    created_at: str
    delivered_at: str | None
    resends: int | None = Field(description="The delivery that it repeats.")


class FullDelivery(Delivery):
    body: str = Field(description="What is sent, to the byte.")


class DeliveryPage(BaseModel):
    items: list[Delivery]
    next: int | None = Field(description="Give this as `before` for the next page; null on the last.")
