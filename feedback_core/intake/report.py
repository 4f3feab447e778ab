"""What is wrong with the rows of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import Problem
from .cells import Array, Mask, shortened

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class _Finding:
    """Rows (positions from 0, ascending) with one kind of problem in one column, and the first of their values."""

    rows: Array
    column: str | None
    values: Sequence[Any]
    what: str
    blocking: bool


class Report:
    """Collects what is wrong; `bad` marks the rows to leave out, shape (n,)."""

    def __init__(self, n: int, limit: int) -> None:
        self.bad: Mask = np.zeros(n, bool)
        self._limit = limit
        self._general: list[Problem] = []
        self._findings: list[_Finding] = []

    def note(self, column: str | None, value: str, what: str, *, blocking: bool = False) -> None:
        """Something about a whole column or file."""
        self._general.append(Problem(None, column, value, what, blocking))

    def block(self, mask: Mask, column: str, cells: pd.Series[Any], what: str) -> None:
        """Leave out the rows of a mask (n,), each listed with its cell."""
        if mask.any():
            self.bad |= mask
            rows = np.flatnonzero(mask)
            self._findings.append(_Finding(rows, column, cells.iloc[rows[: self._limit]].tolist(), what, True))

    def list_rows(self, found: Mapping[int, str], column: str | None, what: str, *, blocking: bool) -> None:
        """Values by row position; which rows stay in is up to the caller."""
        if found:
            rows = np.array(sorted(found))
            values = [found[row] for row in rows[: self._limit].tolist()]
            self._findings.append(_Finding(rows, column, values, what, blocking))

    def problems(self) -> list[Problem]:
        """At most `limit` problems, whole columns first, then by row; one more says how many are not listed."""
        places = [
            (row, f, i) for f, found in enumerate(self._findings) for i, row in enumerate(found.rows[: self._limit])
        ]
        listed = self._general[: self._limit]
        for row, f, i in sorted(places)[: self._limit - len(listed)]:
            found = self._findings[f]
            listed.append(Problem(int(row) + 1, found.column, shortened(found.values[i]), found.what, found.blocking))
        total = len(self._general) + sum(len(found.rows) for found in self._findings)
        if total > len(listed):
            blocking = any(found.blocking for found in self._findings)
            listed.append(Problem(None, None, "", f"{total - len(listed):,} more problems are not listed.", blocking))
        return listed
