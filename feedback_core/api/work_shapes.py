"""What goes over the wire about items, draws, feedback and jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..arrivals import MOST_ROWS
from ..review import MAX_NOTE
from ..submissions import Submission
from ..types import FeedbackState, ItemState, JobState, Ruling, Split, Verdict
from .opening import MOST
from .people import MOST_NAME
from .shapes import Estimates

MOST_ENTRIES = 1_000
"""Feedback entries of a batch: one transaction, which others wait for."""

MOST_DRAWS = 100
"""Cards in a hand: as many as nobody else can have meanwhile."""

Number = Annotated[int, Field(ge=1, le=MOST)]
Values = Annotated[
    list[Any] | dict[str, Any],
    Field(description="One input: values by column name, or a list in the order of the project's columns."),
]
Label = Annotated[str | int | float | bool, Field(description="A label of the project.", union_mode="left_to_right")]
Labels = Label | Annotated[list[str], Field(description="All labels of a row that may bear several.")]
By = Annotated[
    str | None, Field(min_length=1, max_length=MOST_NAME, description="Who is recorded; else who asks for it.")
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Act(Body):
    """A change that needs nothing but a name."""

    by: By = None


class NewItem(Body):
    input: Values
    key: str | None = Field(default=None, min_length=1, max_length=200, description="Your id; else the input's hash.")
    label: Labels | None = Field(default=None, description="With a label it is base data, some of it locked away.")


class NewItems(Act):
    items: list[NewItem] = Field(min_length=1, max_length=MOST_ROWS)


class Inputs(Act):
    inputs: list[Values] = Field(min_length=1, max_length=MOST_ROWS)
    log: bool = Field(default=True, description="Keep inputs and predictions, so that they can be reviewed.")


class Entry(Act):
    """Feedback on one item, named by `item` (its id, or its key as text) or by `input`."""

    item: Number | Annotated[str, Field(min_length=1, max_length=200)] | None = None
    input: Values | None = None
    verdict: Literal["confirm", "correct", "skip", "flag"] = "correct"
    target: Labels | None = Field(default=None, description="The right label; of a `correct`.")
    corrected_prediction: Labels | None = Field(default=None, description="Wins over `target` where both are given.")
    version: Number | None = Field(default=None, description="Id of the version whose prediction was seen.")
    draw: Number | None = Field(default=None, description="The draw that it answers.")
    note: str = Field(default="", max_length=MAX_NOTE)
    seconds: float | None = Field(default=None, ge=0, le=86_400, description="Time spent on it.")
    revises: bool = Field(default=False, description="A change of mind: replaces your earlier entry from this draw.")


class KeyedEntry(Entry):
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)


class Entries(Act):
    entries: list[KeyedEntry] = Field(min_length=1, max_length=MOST_ENTRIES)


class Wanted(Act):
    n: int = Field(default=1, ge=1, le=MOST_DRAWS, description="Cards the hand shall hold; those in it come first.")


class Released(Act):
    draws: list[Number] = Field(min_length=1, max_length=MOST_DRAWS)


class Placed(BaseModel):
    id: int
    key: str
    split: Split
    state: ItemState


class Added(BaseModel):
    added: int = Field(description="Rows that are new; the others were known by their key.")
    items: list[Placed] = Field(description="In the order given.")


class Said(BaseModel):
    label: str
    confidence: float
    proba: dict[str, float]
    low: float | None = Field(
        description="Lower end of the interval that holds 90 % of the true numbers; null for classes, and while too "
        "few answers are known to say how far off the model may be."
    )
    high: float | None = Field(description="Its upper end.")
    item: int | None = Field(description="Id of the item it was logged as.")
    key: str | None


class Predictions(BaseModel):
    version: int = Field(description="Number of the version that answered.")
    version_id: int
    warning: str = Field(description="Why it is not the champion; empty when it is.")
    predictions: list[Said] = Field(description="In the order of the inputs.")


class Card(BaseModel):
    draw: int
    item: int
    key: str
    input: dict[str, Any]
    version: int | None = Field(description="Id of the version behind the prediction: send it back with the answer.")
    blind: bool = Field(description="The prediction is withheld on purpose.")
    prediction: str | None
    confidence: float | None
    leased_until: str


class Hand(BaseModel):
    draws: list[Card]


class Freed(BaseModel):
    released: int


class Stored(BaseModel):
    """A feedback entry. Entries never change; what is taken back stays, with the state `withdrawn`."""

    id: int
    item_id: int
    version_id: int | None
    reviewer: str
    verdict: Verdict
    target: str | None
    predicted: str | None
    note: str
    seconds: float | None
    draw_id: int | None
    undoes: int | None
    state: FeedbackState
    created_at: str
    ruling: Ruling | None
    ruled_by: str | None
    ruled_at: str | None
    ruled_after: int | None
    ruling_id: int | None
    via: str = Field(description="The token that recorded it in the reviewer's name; empty where they did themselves.")
    doubt: str = Field(description="Why it waits for a second person to agree; empty where nothing stands against it.")


class StoredList(BaseModel):
    entries: list[Stored] = Field(description="In the order given.")


class StoredPage(BaseModel):
    items: list[Stored]
    next: int | None = Field(description="Give this as `after` for the next page; null on the last.")


class Job(BaseModel):
    id: int
    project_id: int
    kind: str
    state: JobState
    trigger: str
    requested_by: str
    payload: dict[str, Any]
    progress: float
    message: str
    attempts: int
    error: str | None
    result: dict[str, Any]
    heartbeat_at: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    not_before: str | None = Field(description="When it is tried again; `error` says what came in between.")
    cancelled_by: str | None = Field(description="Who asked for its end.")


class JobPage(BaseModel):
    items: list[Job]
    next: int | None = Field(description="Give this as `before` for the next page; null on the last.")


class Event(BaseModel):
    id: int
    at: str
    actor: str
    kind: str
    version_id: int | None = Field(description="The champion at that moment.")
    details: dict[str, Any]


class EventPage(BaseModel):
    items: list[Event]
    next: int | None = Field(description="Give this as `after` for the next page; null on the last.")


class Insights(BaseModel):
    """Tables are columns of equal length."""

    accuracy: Estimates
    accuracy_by_version: dict[str, list[Any]]
    volume: dict[str, list[Any]]
    forecast: dict[str, Any]
    certificate: dict[str, Any]
    credit: dict[str, Any]
    queue: dict[str, Any]


class NewProject(Act):
    name: str = Field(min_length=1, max_length=80)
    task: Literal["classification", "multilabel", "regression", "anomaly", "clustering"] = Field(
        default="classification",
        description="What is predicted: one of several labels, a number, which rows are anomalies, or nothing: groups.",
    )
    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        max_length=1_000, description="Empty unless one of several labels is predicted."
    )
    columns: list[NewColumn] = Field(min_length=1, max_length=2_000)
    settings: dict[str, Any] = Field(default={}, description="Settings that are not the default.")


class NewColumn(Body):
    name: str = Field(min_length=1, max_length=200)
    kind: Literal["number", "category", "text", "image", "timestamp"]
    shape: list[Annotated[int, Field(ge=1, le=4_096)]] = Field(
        default=[], max_length=3, description="Of an image: height and width, and 3 for colours."
    )
    files: bool = Field(
        default=False,
        description="Of an image: it comes as a PNG or JPEG file in base64, and models see it in the shape.",
    )


class Changed(Act):
    settings: dict[str, Any] = Field(default={}, description="Settings to change; the others stay.")
    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[], max_length=1_000, description="Labels to add."
    )


def submission(entry: Entry, key: str | None) -> Submission:
    """An entry as the core takes it. key: its idempotency key."""
    target = entry.target if entry.corrected_prediction is None else entry.corrected_prediction
    return Submission(
        item=entry.item,
        input=entry.input,
        verdict=entry.verdict,
        target=target,
        version_id=entry.version,
        draw_id=entry.draw,
        note=entry.note,
        seconds=entry.seconds,
        revises=entry.revises,
        key=key,
    )
