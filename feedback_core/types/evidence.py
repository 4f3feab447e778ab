"""Versions, and what is known about how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .feedback import Verdict

VersionStatus = Literal["candidate", "champion", "retired", "refused"]
Finding = Literal["first", "better", "not measurably different", "worse within noise", "worse"]
Action = Literal["promote", "hold", "refuse"]
FlipKind = Literal["fixed", "broken", "moved"]
LockedSample = Literal["holdout", "audit", "corrections"]
StudyKind = Literal["forecast", "dry run", "credit", "backtest", "certificate", "line-up", "effects"]

GATE = "gate"
"""Who is recorded as having decided where a verdict was carried out without a person."""


STUDIES: tuple[StudyKind, ...] = ("forecast", "dry run", "credit", "backtest", "certificate", "effects")
"""Jobs that only look: they come after all other work and give way to it, so none of it waits for them."""


ELSEWHERE = frozenset({"imported", "onnx", "http", "predictions"})
"""Estimators that were not fitted here: a file, an address, or stored predictions alone."""


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

    @property
    def counts_as_retrain(self) -> bool:
        """Whether the next retrain counts from it: fitted at once, or learned in real time and champion at some time.

        A real-time version that the gate refused has given nobody what it learned, and of one that was trained
        elsewhere nobody here knows what it has learned.
        """
        return self.lineage_known and (not self.streamed or self.promoted_at is not None)

    @property
    def elsewhere(self) -> bool:
        """Whether it was trained elsewhere, so that it cannot be fitted again here."""
        return self.estimator in ELSEWHERE

    @property
    def lineage_known(self) -> bool:
        """Whether the rows it was trained on are on record."""
        return not self.elsewhere or self.n_base + self.n_feedback > 0


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
