"""What goes over the wire: request bodies are checked against these, answers are described by them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..types import Action, Finding, FlipKind, LockedSample, VersionStatus
from .opening import MOST


class Decision(BaseModel):
    """Who decides, and why."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(default=None, min_length=1, max_length=80, description="Who decides; else who asks for it.")
    reason: str = Field(default="", description="Why; required for a roll-back and against the gate's advice.")


class Rollback(Decision):
    """Who goes back, why, and what becomes of the feedback that entered the version left."""

    suspect: bool | None = Field(
        default=None,
        description="Ask for second opinions on that feedback; when left out, where somebody is there to answer.",
    )


class Undo(BaseModel):
    """Who takes which rulings back."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(default=None, min_length=1, max_length=80, description="Who decides; else who asks for it.")
    presses: list[Annotated[int, Field(ge=1, le=MOST)]] = Field(
        min_length=1, max_length=100, description="The rulings, as a roll-back gave them."
    )


class Undone(BaseModel):
    entries: list[int] = Field(description="Feedback entries that changed.")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="In words, with the way out.")
    code: str = Field(description="The kind of error, for programs.")


class Score(BaseModel):
    """An estimate with its 95 % interval and the rows behind it."""

    value: float | None
    low: float
    high: float | None
    n: int


class Health(BaseModel):
    status: str
    version: str


class Column(BaseModel):
    name: str
    kind: str


class Project(BaseModel):
    id: int
    name: str
    task: str
    labels: list[str]
    columns: list[Column]
    settings: dict[str, Any]
    simulated: bool
    created_at: str
    versions: int
    champion: int | None = Field(description="Number of the version that serves.")
    accuracy: dict[str, Score] = Field(description="The champion's, by the sample it is from.")


class Estimate(BaseModel):
    name: str
    title: str
    accuracy: Score
    sample: str = Field(description="The rows it is from.")
    says: str = Field(description="What it says, and what it does not.")


class MeanError(BaseModel):
    name: str
    error: Score = Field(description="Mean absolute error in the project's unit; value is null without rows.")
    sample: str = Field(description="The rows it is from.")


class Estimates(BaseModel):
    version: int | None = Field(description="Number of the champion.")
    estimates: list[Estimate] = Field(description="Shares of right answers; empty where numbers are predicted.")
    response: dict[str, Any] | None = Field(description="How much of what the audit drew has been answered.")
    unit: str = Field(description="Of the predicted numbers; empty for other projects.")
    errors: list[MeanError] = Field(description="How far off predicted numbers are; empty for other projects.")


class Version(BaseModel):
    id: int
    number: int
    parent_id: int | None
    estimator: str
    params: dict[str, Any]
    seed: int
    status: VersionStatus
    sha256: str
    size: int
    environment: dict[str, str]
    n_base: int
    n_feedback: int
    feedback_upto: int
    metrics: dict[str, Any] = Field(description="Scores by sample, each with interval and n.")
    created_by: str
    created_at: str
    promoted_at: str | None
    half_life_days: float = Field(description="Age at which a label counted half in training; 0 = labels never fade.")
    streamed: int = Field(description="Entries it was taught one by one in real time; 0 where it was fitted at once.")


class RolledBack(Version):
    left_version: int = Field(description="Number of the version that was champion till then.")
    presses: list[int] = Field(description="Rulings that ask for second opinions; undo takes them back.")
    entries: list[int] = Field(description="Feedback entries they are about.")
    not_asked: int = Field(description="Further entries that entered the version left.")


class Report(BaseModel):
    id: int
    challenger_id: int
    champion_id: int | None
    challenger: int = Field(description="Number of the version judged.")
    champion: int | None = Field(description="Number of the version it was compared with.")
    finding: Finding
    action: Action
    advice: str
    reasons: list[str]
    numbers: dict[str, Any]
    policy: str
    decision: str | None
    decided_by: str | None
    decision_reason: str | None
    created_at: str
    decided_at: str | None


class WhatMoved(BaseModel):
    """A version beside the one before it, on the same rows."""

    version_id: int
    version: int
    parent: int = Field(description="Number of the version before it.")
    sentences: list[str]
    notes: list[str] = Field(description="How it was measured.")
    unit: str = Field(description="Of what columns add: log-odds, probability, number, or the score of an alarm.")
    rows: int = Field(description="Rows whose predictions were taken apart.")
    looked_at: int = Field(description="Rows both versions were asked about.")
    moved: list[dict[str, Any]] = Field(
        description="One a column, the largest change first: how much it counts before and after, and the change."
    )
    changed: dict[str, Any] = Field(description="Which rows the two say different things about.")
    pulled: dict[str, Any] = Field(description="The new labels that pulled them; `why_not` where that cannot be told.")
    created_at: str


class Flip(BaseModel):
    key: str
    item_id: int
    kind: FlipKind
    sample: LockedSample
    truth: str
    before: str
    after: str


class FlipPage(BaseModel):
    items: list[Flip]
    next: int | None = Field(description="Give this as `after` for the next page; null on the last.")
