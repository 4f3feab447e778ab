"""The nouns of the loop: frozen, without behaviour beyond lookups, without I/O.

Times are seconds since the epoch (UTC). Labels are strings everywhere inside the core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .settings import Settings

Kind = Literal["number", "category", "text", "image"]
Task = Literal["classification"]
Split = Literal["train", "holdout", "pool"]
ItemState = Literal["base", "open", "labelled", "conflict", "flagged"]
Verdict = Literal["confirm", "correct", "skip", "flag", "undo"]
FeedbackState = Literal["accepted", "quarantined", "superseded", "withdrawn"]
Ruling = Literal["accept", "reject", "ask"]
VersionStatus = Literal["candidate", "champion", "retired", "refused"]
Finding = Literal["first", "better", "not measurably different", "worse within noise", "worse"]
Action = Literal["promote", "hold", "refuse"]
FlipKind = Literal["fixed", "broken", "moved"]
LockedSample = Literal["holdout", "audit", "corrections"]
StudyKind = Literal["forecast", "dry run", "credit", "backtest"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
DeliveryState = Literal["waiting", "delivered", "failed", "skipped"]
Role = Literal["viewer", "reviewer", "maintainer", "admin"]
SignedIn = Literal["local", "oidc", "token"]

Progress = Callable[[float, str], None]
"""Called with how far the work is (0-1) and what is happening."""

TRIGGER = "trigger"
"""Who is recorded as having asked for a retrain that started by itself."""

GATE = "gate"
"""Who is recorded as having decided where a verdict was carried out without a person."""

VERDICTS: tuple[Verdict, ...] = ("confirm", "correct", "skip", "flag")
"""What a reviewer can say; `undo` is written by the loop only."""

STUDIES: tuple[StudyKind, ...] = ("forecast", "dry run", "credit", "backtest")
"""Jobs that only look: they come after all other work and give way to it, so none of it waits for them."""

ROLES: tuple[Role, ...] = ("viewer", "reviewer", "maintainer", "admin")
"""Each may do what those before it may."""

RULINGS: tuple[Ruling, ...] = ("accept", "reject", "ask")
"""What a maintainer can say about an entry: it counts, it does not, or somebody else shall look."""


@dataclass(frozen=True, slots=True)
class Column:
    """One feature of the input. `shape` is set for images: (height, width) or (height, width, 3)."""

    name: str
    kind: Kind
    shape: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    """File columns an image is assembled from, in pixel order; empty when the cell holds the list itself."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The input of a project; an item's values stand in this order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def of_kind(self, kind: Kind) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.kind == kind)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with uploaded rows. `row` counts data rows from 1, None = the whole column or file."""

    row: int | None
    column: str | None
    value: str
    what: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows, ready to become items: three lists of one length.

    inputs: JSON arrays in schema order, canonical, so equal inputs are equal bytes.
    keys: the caller's ids, or None for the hash of the input. labels: None where unlabelled.
    """

    inputs: list[bytes]
    keys: list[str | None]
    labels: list[str | None]


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    task: Task
    labels: tuple[str, ...]
    schema: Schema
    settings: Settings
    salt: int
    simulated: bool
    created_at: float
    anchor_id: int | None = None
    """Version that was champion at the last holdout refresh."""
    archived_at: float | None = None
    refreshed_at: float | None = None
    """Time of the last holdout refresh, None while the first holdout is in use."""
    refreshed_after: int = 0
    """Newest gate report at that refresh; only looks after it wear the present holdout."""


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    key: str
    values: tuple[Any, ...]
    split: Split
    state: ItemState
    audit: bool
    base_label: str | None
    label: str | None
    """The effective label of its feedback, None while nobody decided."""
    version_id: int | None
    """Version behind the prediction shown; None before the first version."""
    predicted: str | None
    confidence: float | None
    priority: float | None
    created_at: float
    was: str | None = None
    """What the champion before said; None when only one version has predicted it."""

    @property
    def hidden(self) -> bool:
        """Whether its prediction must not be shown yet: somebody is still to decide it blind, for the audit."""
        return self.audit and self.state in ("open", "conflict")


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known about an item, without its input. blind: its prediction must not be shown yet."""

    id: int
    key: str
    state: ItemState
    label: str | None
    predicted: str | None
    confidence: float | None
    priority: float | None
    blind: bool


@dataclass(frozen=True, slots=True)
class FeatureFilter:
    """What one feature of an item must be: within low and high, both included, or equal to a category.

    place: position of the column in the schema.
    """

    place: int
    low: float | None = None
    high: float | None = None
    equals: str | None = None


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items a page shows. Empty fields do not filter."""

    states: tuple[ItemState, ...] = ("open",)
    predicted: str | None = None
    max_confidence: float | None = None
    search: str = ""
    """Words that start like this in the texts, or a key that starts like this."""
    wrong: bool = False
    """Only items whose reviewed label is not what the model says today."""
    flipped: bool = False
    """Only items about which the version before said something else."""
    features: tuple[FeatureFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page starts: after this sort value and id."""

    value: float
    item_id: int


@dataclass(frozen=True, slots=True)
class Prediction:
    item_id: int
    version_id: int
    version_number: int
    label: str
    proba: tuple[float, ...]
    confidence: float
    priority: float | None
    parts: Mapping[str, float]
    """Named contributions that sum to the priority."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled row that is like another item. distance: Euclidean, in the model's standardised features."""

    item_id: int
    label: str
    distance: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What the next draw should be: the top of the queue, a uniform one for the audit, or a known answer (gold)."""

    kind: Literal["priority", "audit", "gold"] = "priority"
    blind: bool = False
    """Hide the prediction of a draw by priority; the other two kinds are blind anyway."""


@dataclass(frozen=True, slots=True)
class Draw:
    id: int
    item_id: int
    reviewer: str
    strategy: str
    propensity: float
    """Probability with which this step chose this item, in (0, 1]."""
    audit: bool
    blind: bool
    leased_until: float
    created_at: float
    session_id: int | None = None
    """The review session it came from."""


@dataclass(frozen=True, slots=True)
class ReviewSession:
    """Items that somebody put together for review. size: items in it. left: items nobody has decided since."""

    id: int
    name: str
    size: int
    left: int
    created_by: str
    created_at: float
    closed_at: float | None


@dataclass(frozen=True, slots=True)
class PoolMap:
    """Which items a two-dimensional map shows. pool: items it was drawn from, so len(ids) < pool means a sample."""

    method: str
    version_id: int
    ids: tuple[int, ...]
    pool: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Feedback:
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
    created_at: float
    ruling: Ruling | None = None
    """What a maintainer decided about the entry, None while nobody has."""
    ruled_by: str | None = None
    ruled_at: float | None = None
    ruled_after: int | None = None
    """Newest entry about the item when it was ruled on; whoever spoke later knew nothing of the ruling before."""
    ruling_id: int | None = None
    """Event that the ruling came with, by which it is undone."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """Outcome of one press. id: what undoes it, None when nothing had to change. entries: those that changed."""

    id: int | None
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Entries that entered a version, oldest first. total: how many there are, of which `entries` are the newest."""

    number: int
    """Of the version."""
    entries: tuple[int, ...]
    total: int


EntryState = Literal["waiting", "accept", "reject", "ask", "any"]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which ranked entries a page shows.

    waiting: standing, not outvoted, and not ruled on. accept, reject, ask: ruled so.
    """

    state: EntryState = "waiting"
    person: str | None = None
    verdict: Verdict | None = None
    above: tuple[tuple[str, float], ...] = ()
    """(part, least value): all of them have to hold."""
    search: str = ""
    """Words that start like this in the note."""


@dataclass(frozen=True, slots=True)
class RankCursor:
    """Where the next page of ranked entries starts: after this score and entry."""

    score: float
    feedback_id: int


@dataclass(frozen=True, slots=True)
class RankedEntry:
    """score: None while the entry is newer than the last ranking. parts: in [0, 1], None where it cannot be told."""

    entry: Feedback
    score: float | None
    parts: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class RankRun:
    """One ranking of a project's entries. without_model: entries no model could judge without having seen them."""

    run: int
    entries: int
    without_model: int
    feedback_upto: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A standing decision with how its item was drawn."""

    strategy: str
    blind: bool
    verdict: Verdict
    seconds: float | None
    parts: Mapping[str, float]
    """Parts of the priority the item was drawn by; empty when it was not, or when they have been overwritten."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer says about one item, before it is stored.

    version_id: the version whose prediction was shown; a decision on an item that has moved on is refused.
    """

    item_id: int
    reviewer: str
    verdict: Verdict
    target: str | None = None
    version_id: int | None = None
    note: str = ""
    seconds: float | None = None
    draw_id: int | None = None
    idempotency_key: str | None = None
    revises: bool = False
    """A change of mind: the draw was decided by the same reviewer before, and that entry is superseded."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Rows no version is ever trained on, in id order: the labelled holdout and the labelled audit sample."""

    ids: tuple[int, ...]
    inputs: tuple[str, ...]
    truth: tuple[str, ...]
    audit: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Everything a version may learn from, in id order, with the newest feedback entry it includes."""

    ids: tuple[int, ...]
    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    from_feedback: tuple[bool, ...]
    feedback_upto: int
    dated: tuple[float, ...] = ()
    """When each label was given: of a base row when it came in, else when the newest entry that says so was made.

    Empty where nobody asked for it.
    """


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    number: int
    parent_id: int | None
    estimator: str
    params: Mapping[str, Any]
    seed: int
    status: VersionStatus
    artifact: str
    sha256: str
    size: int
    environment: Mapping[str, str]
    n_base: int
    n_feedback: int
    feedback_upto: int
    metrics: Mapping[str, Any]
    created_by: str
    created_at: float
    promoted_at: float | None
    half_life_days: float = 0.0
    """Age at which a label counted half when it was trained; 0 where labels did not fade."""
    streamed: int = 0
    """Entries it was taught one by one, in real time; 0 for a version fitted at once."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Outcome of a roll-back. version: the champion again. number: of the version that was champion till then.

    presses: rulings by which second opinions are asked on `entries`, which entered that version; their undo takes all
    of it back. left: further entries of it that are not asked about, because there are too many for one roll-back.
    """

    version: Version
    number: int
    presses: tuple[int, ...]
    entries: tuple[int, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class GateReport:
    """Evidence of one look at the holdout. Fractions are 0-1; `difference` is challenger minus champion."""

    id: int
    challenger_id: int
    champion_id: int | None
    finding: Finding
    action: Action
    reasons: tuple[str, ...]
    numbers: Mapping[str, Any]
    policy: str
    decision: str | None
    decided_by: str | None
    decision_reason: str | None
    created_at: float
    decided_at: float | None


@dataclass(frozen=True, slots=True)
class Flip:
    """One row about which challenger and champion of a report say different things.

    fixed: only the challenger is right. broken: only the champion is. moved: both are wrong, in different ways.
    """

    item_id: int
    kind: FlipKind
    sample: LockedSample
    truth: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A locked row with what one version said about it. before: what an earlier version said, None when unknown."""

    item_id: int
    truth: str
    said: str
    confidence: float
    before: str | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """n equal entries: the same reviewer, way of drawing, verdict, prediction seen and label given.

    strategy: of the draw, None for an entry without one. standing: whether they still count.
    """

    reviewer: str
    strategy: str | None
    verdict: Verdict
    predicted: str | None
    target: str | None
    standing: bool
    n: int


@dataclass(frozen=True, slots=True)
class Study:
    """What the worker found out about a version, or with version_id None about the project; plain JSON values."""

    id: int
    kind: StudyKind
    version_id: int | None
    body: Mapping[str, Any]
    created_at: float


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
class Person:
    """Who asks. name: what stands in the audit trail, unique to them where they signed in."""

    name: str
    subject: str
    """E-mail or other identifier from the sign-in; the number of a token; empty without sign-in."""
    signed_in: SignedIn
    everywhere: Role | None = None
    """Role in every project, and for what concerns none."""
    roles: Mapping[int, Role] = field(default_factory=dict)
    """Roles in single projects, by id; the higher of the two counts."""
    may_act_for_others: bool = False
    """Whether it may record what it does under other names."""


@dataclass(frozen=True, slots=True)
class Member:
    """A role that somebody was given. project_id: None is all projects. name: for people to read, may be empty."""

    id: int
    project_id: int | None
    subject: str
    name: str
    role: Role
    added_at: float
    added_by: str


@dataclass(frozen=True, slots=True)
class Token:
    """A secret for a program, of which only the hash is kept. project_id: None is all projects."""

    id: int
    project_id: int | None
    name: str
    prefix: str
    """How the secret begins, to tell tokens apart."""
    role: Role
    may_act_for_others: bool
    created_by: str
    created_at: float
    expires_at: float
    revoked_at: float | None
    revoked_by: str | None
    last_used_at: float | None
    """To the minute."""


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
