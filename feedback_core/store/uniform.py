"""Uniform choices among the items that one reviewer may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .driver import Row, Session

TRIES = 200
"""Ids tried before the open items are counted off: 1 to 2 ms, where counting off a million takes over a hundred."""

# Of an open item a reviewer's standing entries can only be skips: a label or a flag would have closed it.
_TAKEN = """
select id from items where +project_id = :project and +state = 'open' and id in (
    select item_id from draws where project_id = :project and done = 0 and leased_until > :now
    union all select item_id from feedback
    where project_id = :project and reviewer = :reviewer and verdict = 'skip' and state = 'accepted')
"""

_ENDS = """
select (select n from tallies where project_id = :project and kind = 'items' and name = 'pool/open') as n,
       (select id from items where project_id = :project and state = 'open' order by id limit 1) as low,
       (select id from items where project_id = :project and state = 'open' order by id desc limit 1) as high
"""

_AT = "select id, audit from items where id = :wanted and +project_id = :project and +state = 'open'"

_NTH = """
select id, audit from items where project_id = :project and state = 'open'
and id not in (select value from json_each(:taken)) order by id limit 1 offset :place
"""


class OpenItems:
    """Open items that nobody has in hand and this reviewer has not skipped, as one transaction sees them."""

    def __init__(self, session: Session, params: dict[str, Any], below: Callable[[int], int]) -> None:
        """params: project, reviewer, now. below: n -> a uniform whole number from 0 to n - 1."""
        self._session, self._params, self._below = session, params, below
        [ends] = session.query(_ENDS, params)
        self._low, self._high = ends["low"], ends["high"]
        self._taken: set[int] = set((session.columns(_TAKEN, params) or [()])[0])
        self.n: int = (ends["n"] or 0) - len(self._taken)

    def choose(self) -> Row | None:
        """`id` and `audit` of one of the n items, each with probability 1 / n; None when there is none."""
        if self.n <= 0:
            return None
        span = self._high - self._low + 1
        # Where ids of open items lie thin, trying would mostly be in vain.
        for _ in range(TRIES if span < self.n * TRIES else 0):
            wanted = self._low + self._below(span)
            if wanted not in self._taken and (rows := self._session.query(_AT, self._params | {"wanted": wanted})):
                return rows[0]
        off = {"taken": orjson.dumps(list(self._taken)).decode(), "place": self._below(self.n)}
        return self._session.query(_NTH, self._params | off)[0]

    def take(self, item_id: int, *, was_open: bool) -> None:
        """Leave one item out from now on."""
        self._taken.add(item_id)
        self.n -= was_open


_BASE = """
select (select n from tallies where project_id = :project and kind = 'items' and name = 'train/base') as n,
       (select id from items where project_id = :project and split = 'train' order by id limit 1) as low,
       (select id from items where project_id = :project and split = 'train' order by id desc limit 1) as high
"""

_ASKED = """
select distinct d.item_id from draws d join items i on i.id = d.item_id
where d.project_id = :project and i.split = 'train' and (d.reviewer = :reviewer or d.done = 0 and d.leased_until > :now)
"""

_BASE_AT = "select id, audit from items where id = :wanted and +project_id = :project and +split = 'train'"

_BASE_NTH = """
select id, audit from items where project_id = :project and split = 'train'
and id not in (select value from json_each(:taken)) order by id limit 1 offset :place
"""


class BaseItems:
    """Base items, whose label is known, that this reviewer has never been asked about and nobody has in hand."""

    def __init__(self, session: Session, params: dict[str, Any], below: Callable[[int], int]) -> None:
        """params, below: as for OpenItems."""
        self._session, self._params, self._below = session, params, below
        self.n: int = 0
        """Items the last choice could have fallen on."""

    def choose(self) -> Row | None:
        """`id` and `audit` of one of the n items, each with probability 1 / n; None when there is none."""
        [ends] = self._session.query(_BASE, self._params)
        taken = set((self._session.columns(_ASKED, self._params) or [()])[0])
        self.n = (ends["n"] or 0) - len(taken)
        if self.n <= 0:
            return None
        span = ends["high"] - ends["low"] + 1
        for _ in range(TRIES if span < self.n * TRIES else 0):
            wanted = ends["low"] + self._below(span)
            if wanted not in taken and (rows := self._session.query(_BASE_AT, self._params | {"wanted": wanted})):
                return rows[0]
        off = {"taken": orjson.dumps(list(taken)).decode(), "place": self._below(self.n)}
        return self._session.query(_BASE_NTH, self._params | off)[0]
