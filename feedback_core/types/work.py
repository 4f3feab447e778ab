"""Jobs, events, and what starts a retrain by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]

TRIGGER = "trigger"
"""Who is recorded as having asked for a retrain that started by itself."""


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    project_id: int
    kind: str
    state: JobState
    trigger: str
    requested_by: str
    payload: Mapping[str, Any]
    progress: float
    message: str
    attempts: int
    error: str | None
    result: Mapping[str, Any]
    heartbeat_at: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    not_before: float = 0.0
    """When a job that waits is tried again, 0 while it has never begun; `error` says what came in between."""
    cancelled_by: str | None = None
    """Who asked for its end; a running job stops soon after."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """One line of a job's log. level: a name of Python's logging, in lower case."""

    at: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: float
    actor: str
    kind: str
    version_id: int | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerState:
    """Where a project's triggers stand; see migration 0014.

    regret, entries, cost: accumulated regret and the decisions behind it since the last retrain, and the cost that it
    is compared with, both in wrong predictions. upto: newest entry that has been looked at. champion_id, version_id:
    champion and newest version the sums are about. shadow_s: seconds of the last fit of a shadow. armed, armed_at: the
    recipe and schedule in force, and since when. drift: the last look at the inputs, plain JSON values.
    trouble: why the last tick broke off, empty when it did not.
    """

    project_id: int
    regret: float
    entries: int
    cost: float
    upto: int
    champion_id: int | None
    version_id: int | None
    shadow_s: float | None
    armed: str
    armed_at: float
    drift: Mapping[str, Any]
    trouble: str
    fired_at: float | None
    fired_job: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """An entry as the regret sees it. strategy: how its item was drawn, None for an entry nobody asked for.

    counts: whether it still stands and gives a label.
    """

    feedback_id: int
    item_id: int
    version_id: int | None
    predicted: str | None
    target: str | None
    strategy: str | None
    counts: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class RegretRow:
    """One entry's share of the regret. total: the regret after it."""

    feedback_id: int
    champion_wrong: bool
    shadow_wrong: bool
    propensity: float
    total: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one entry teaches in real time. label: the effective one. predicted: what the reviewer was shown, by
    `version_id`. strategy: how the item was drawn, None for an entry nobody asked for."""

    feedback_id: int
    item_id: int
    label: str
    version_id: int | None
    predicted: str | None
    strategy: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class News:
    """What a champion has not learned, of one snapshot.

    mark: newest entry, event and item. items: ids looked at, None for all. fallen: ids of those reviewed items whose
    label it learned does not stand any more. lessons: in order of their entries.
    """

    mark: tuple[int, int, int]
    items: frozenset[int] | None
    fallen: frozenset[int]
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True, slots=True)
class LiveState:
    """Where a real-time challenger stands. origin_id: version it started from. lessons: learned since, of which
    `skipped` taught nothing. upto: newest entry looked at. trouble: why it cannot learn, empty while it can."""

    project_id: int
    origin_id: int | None
    estimator: str
    lessons: int
    skipped: int
    upto: int
    trouble: str
    updated_at: float


@dataclass(frozen=True, slots=True)
class LiveStep:
    """One lesson. The two errors are of answers given before it was learned; propensity is None where they say nothing.

    given_at, learned_at: when the entry was stored, and when it was learned for the first time.
    """

    feedback_id: int
    challenger_wrong: bool
    champion_wrong: bool
    propensity: float | None
    correction: bool
    given_at: float
    learned_at: float
