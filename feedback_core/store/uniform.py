"""Uniform choices among the items that one reviewer may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .driver import Row, Session

TRIES = 200
"""Ids tried before the items are counted off: 1 to 2 ms, where counting off a million takes over a hundred."""

# Of an open item a reviewer's standing entries can only be skips: a label or a flag would have closed it.
_TAKEN = """
select id from items where +project_id = :project and +state = 'open' and id in (
    select item_id from draws where project_id = :project and done = 0 and leased_until > :now
    union all select item_id from feedback
    where project_id = :project and reviewer = :reviewer and verdict = 'skip' and state = 'accepted')
"""

_ASKED = """
select distinct d.item_id from draws d join items i on i.id = d.item_id
where d.project_id = :project and i.split = 'train' and (d.reviewer = :reviewer or d.done = 0 and d.leased_until > :now)
"""

_ENDS = """
select (select n from tallies where project_id = :project and kind = 'items' and name = '{tally}') as n,
       (select id from items where project_id = :project and {within} order by id limit 1) as low,
       (select id from items where project_id = :project and {within} order by id desc limit 1) as high
"""

_AT = "select id, audit from items where id = :wanted and +project_id = :project and +{within}"

_NTH = """
select id, audit from items where project_id = :project and {within}
and id not in (select value from json_each(:taken)) order by id limit 1 offset :place
"""


class Urn:
    """Items of a kind without those that are taken, as one transaction sees them."""

    def __init__(
        self,
        session: Session,
        params: dict[str, Any],
        below: Callable[[int], int],
        *,
        within: str,
        tally: str,
        taken: str,
    ) -> None:
        """params: project, reviewer, now. below: n -> a uniform whole number from 0 to n - 1.

        within, tally: the condition of a row to be of this kind, and the running count of such rows. taken: their ids
        that may not be chosen.
        """
        self._session, self._params, self._below, self._within = session, params, below, within
        [ends] = session.query(_ENDS.format(tally=tally, within=within), params)
        self._low, self._high = ends["low"], ends["high"]
        self._taken: set[int] = set((session.columns(taken, params) or [()])[0])
        self.n: int = (ends["n"] or 0) - len(self._taken)

    def choose(self) -> Row | None:
        """`id` and `audit` of one of the n items, each with probability 1 / n; None when there is none."""
        if self.n <= 0:
            return None
        span = self._high - self._low + 1
        at = _AT.format(within=self._within)
        # Where ids of such items lie thin, trying would mostly be in vain.
        for _ in range(TRIES if span < self.n * TRIES else 0):
            wanted = self._low + self._below(span)
            if wanted not in self._taken and (rows := self._session.query(at, self._params | {"wanted": wanted})):
                return rows[0]
        off = {"taken": orjson.dumps(list(self._taken)).decode(), "place": self._below(self.n)}
        return self._session.query(_NTH.format(within=self._within), self._params | off)[0]

    def take(self, item_id: int) -> None:
        """Leave one item of the kind out from now on."""
        self._taken.add(item_id)
        self.n -= 1


def open_items(session: Session, params: dict[str, Any], below: Callable[[int], int]) -> Urn:
    """Open items that nobody has in hand and this reviewer has not skipped."""
    return Urn(session, params, below, within="state = 'open'", tally="pool/open", taken=_TAKEN)


def base_items(session: Session, params: dict[str, Any], below: Callable[[int], int]) -> Urn:
    """Base items, whose label is known, that this reviewer has never been asked about and nobody has in hand."""
    return Urn(session, params, below, within="split = 'train'", tally="train/base", taken=_ASKED)
