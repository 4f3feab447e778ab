"""The route that says why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from ..explaining import as_json, explained, item_of
from .opening import Id, OpenStore, Prepared, of_project
from .permitting import may

router = APIRouter()

Key = Annotated[str, Path(min_length=1, max_length=200, description="The item's key, as it came in or was given.")]


Label = Annotated[
    str,
    Query(
        max_length=200,
        description="The label to explain; without one the predicted one, and of several the least certain.",
    ),
]


class Effect(BaseModel):
    column: str
    value: Any = Field(description="What the item holds there; null where it is missing, and for images.")
    amount: float = Field(description="What it added to the output; above zero speaks for the label.")


class Word(BaseModel):
    text: str
    start: int
    end: int
    amount: float


class Detail(BaseModel):
    """What moved the output within a text or an image."""

    column: str
    words: list[Word]
    heat: list[list[float]] = Field(description="A grid of patches over the image, row by row from the top.")
    rest: float = Field(description="What no word or patch holds, such as usual words that this text lacks.")


class Alike(BaseModel):
    key: str
    label: str
    distance: float


class Pull(BaseModel):
    """An answered row that moves the alarm of rows like it."""

    key: str
    label: str
    amount: float


class Explanation(BaseModel):
    """base + the sum of the effects + answers = output."""

    key: str
    version: int = Field(description="Number of the version that is explained: the one that serves.")
    label: str = Field(description="What is explained: what it predicts, one label, or anomaly, however likely.")
    sentence: str
    way: str = Field(description="linear, tree and distance are exact; sampled is estimated.")
    unit: str = Field(description="Of all amounts: log-odds, probability, number, or the score of an alarm.")
    measure: str = Field(description="What numbers are measured in, such as mg/dl; empty for others.")
    exact: bool
    samples: int = Field(description="Mixtures of rows the model was asked about; 0 where it is exact.")
    base: float = Field(description="What it says on average of rows it has learned from.")
    answers: float = Field(description="What people's answers about rows like it add to an alarm; 0 for others.")
    output: float
    effects: list[Effect] = Field(description="One for each column, the largest first.")
    details: list[Detail]
    nearest: list[Alike] = Field(description="The most similar rows it has learned from, with their labels.")
    pulls: list[Pull] = Field(description="The answers that move an alarm most; empty for others.")


@router.get(
    "/projects/{project_id}/items/{key:path}/explanation", response_model=Explanation, dependencies=[may("see")]
)
def explain(project_id: Id, key: Key, store: OpenStore, prepared: Prepared, label: Label = "") -> dict[str, Any]:
    """Why the serving version says what it says about an item: what each column adds, in words and numbers.

    Refused (409) while the prediction is hidden for the audit.
    """
    loop = of_project(store, project_id, prepared.models, prepared.cache)
    item = item_of(loop, key)
    return as_json(loop, item, explained(loop, item, label))
