"""What goes over the wire about models that live elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from ..arrivals import MOST_ROWS
from . import shapes
from .work_shapes import Act, Body, Job, Label, Number


class Prediction(Body):
    """What is said about one item, named by its id or its key."""

    item: Number | Annotated[str, Field(min_length=1, max_length=200)]
    label: Label | None = Field(default=None, description="The label; else the most probable one.")
    probabilities: dict[str, float] | None = Field(
        default=None, description="A probability for every label. Without them the label's is assumed, and said to be."
    )
    value: float | None = Field(default=None, description="The number, of a project about numbers.")
    spread: float | None = Field(default=None, ge=0, description="Its standard deviation, in the same unit.")


class Predictions(Act):
    version: str = Field(min_length=1, max_length=100, description="Name of the version that says this.")
    predictions: list[Prediction] = Field(min_length=1, max_length=MOST_ROWS)


class Coverage(BaseModel):
    covered: int = Field(description="Rows with a prediction of this version.")
    all: int


class Brought(BaseModel):
    version: shapes.Version
    created: bool = Field(description="Whether the version is new.")
    stored: int
    without_probabilities: int = Field(description="Of numbers: without a spread, which counts as 0.")
    assumed: float | None = Field(
        description="Probability that those without one count with; null where there are none."
    )
    locked: Coverage = Field(description="Of the locked rows, which judge versions.")
    job: Job | None = Field(description="What follows: the judgement, or the champion's queue put in order.")
    says: list[str] = Field(description="The same in sentences.")


class NewEndpoint(Act):
    url: str = Field(min_length=1, max_length=2_000, description="Where it is asked about rows.")
    train_url: str = Field(default="", max_length=2_000, description="Where it is asked to learn; empty: it is not.")
    timeout_s: float = Field(default=30.0, ge=1, le=300, description="Of one request.")
    batch: int = Field(default=500, ge=1, le=5_000, description="Rows of one request.")


class Endpoint(BaseModel):
    url: str
    train_url: str
    timeout_s: float
    batch: int
    created_by: str
    created_at: float


class Connected(Endpoint):
    secret: str = Field(description="What requests to it are signed with; shown only here.")


class NewVersion(Act):
    version: str = Field(min_length=1, max_length=100, description="What the connected model calls it.")
    request: Number | None = Field(default=None, description="The training request that it has learned from.")


class Registered(BaseModel):
    version: shapes.Version
    job: Job | None = Field(description="The judgement.")
    says: list[str]
