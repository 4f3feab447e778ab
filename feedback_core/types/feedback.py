"""What reviewers are handed and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["confirm", "correct", "skip", "flag", "undo"]
FeedbackState = Literal["accepted", "quarantined", "superseded", "withdrawn"]
Ruling = Literal["accept", "reject", "ask"]

VERDICTS: tuple[Verdict, ...] = ("confirm", "correct", "skip", "flag")
"""What a reviewer can say; `undo` is written by the loop only."""


RULINGS: tuple[Ruling, ...] = ("accept", "reject", "ask")
"""What a maintainer can say about an entry: it counts, it does not, or somebody else shall look."""


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
    via: str = ""
    """The token that recorded it in the reviewer's name; empty where they did so themselves."""
    doubt: str = ""
    """Why it was not to count before a second person agreed, in words; empty where nothing stood against it."""


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
    via: str = ""
    """The token that records it in the reviewer's name."""
    doubt: str = ""
    """Why it is not to count before a second person agrees; given by the loop, never by who decides."""
