"""Alerts that the inputs have drifted, and what people answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DriftDirection = Literal["", "higher", "lower", "more", "missing", "present"]
"""Which way a column has moved: numbers higher or lower, one category more often, more or fewer missing values."""

DriftAnswer = Literal["accept", "dismiss"]


@dataclass(frozen=True, slots=True)
class DriftAlert:
    """A column of the newest items that no longer looks as in what a version could know.

    measure, effect, p, level: of the newest look that found it; p is corrected for all columns, level what it was held
    against. place, share_before, share_now: where the gap is widest; place is a number as text, or a category.
    after, upto: the newest items compared lie between these ids. answer, answered_by, answered_at, note: what stands;
    None and empty while nobody has answered, or the answer was taken back.
    """

    id: int
    project_id: int
    version_id: int
    column_name: str
    direction: DriftDirection
    place: str | None
    measure: str
    effect: float
    p: float
    level: float
    share_before: float
    share_now: float
    look: int
    after: int
    upto: int
    created_at: float
    seen_at: float
    answer: DriftAnswer | None = None
    answered_by: str = ""
    answered_at: float | None = None
    note: str = ""
