"""Reads for estimates: what is known of the pool since a moment, and how it became known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from .driver import Driver

# An item is known from its first standing label; if there was one before, versions may have learned from it. Without
# one it is known to have been asked: put aside, disputed, or in somebody's hand at this moment.
# An answer without a draw left the urn when it was given, one with a draw when it was drawn.
_ANSWERED = """
with told as (
    select i.id as item_id, min(f.id) as entry, coalesce(d.created_at, f.created_at) as at, d.id as draw_id, d.strategy,
           iif(i.state = 'labelled', i.label, null) as label, d.created_at >= :since as after
    from feedback f join items i on i.id = f.item_id left join draws d on d.id = f.draw_id
    where f.project_id = :project and f.id > :after and f.state = 'accepted' and i.split = 'pool'
      and f.verdict in ('confirm', 'correct', 'skip', 'flag')
      and (i.state <> 'labelled' or f.verdict in ('confirm', 'correct'))
      and not exists (select 1 from feedback old where old.item_id = f.item_id and old.id <= :after
                      and old.verdict in ('confirm', 'correct'))
    group by i.id),
held as (
    select i.id as item_id, 0 as entry, d.created_at as at, d.id as draw_id, d.strategy, null as label,
           d.created_at >= :since as after
    from draws d join items i on i.id = d.item_id
    where d.project_id = :project and d.done = 0 and d.leased_until > :now and i.state = 'open'
      and i.id not in (select item_id from told))
select item_id, coalesce(strategy in ('audit', 'random') and after, 0),
       coalesce(strategy in ('priority', 'second opinion'), 0), label
from (select * from told union all select * from held) order by at, coalesce(draw_id, 0), entry
"""

# Newest first, so that a champion of long ago costs no more than the window.
_WINDOW = """
select min(id) as first, min(created_at) as since, count(*) as n from (
    select id, created_at from feedback where project_id = :project order by id desc limit :limit)
where created_at >= :since and id > :learned
"""

_SAID = """
select p.item_id, p.label, p.confidence from json_each(:ids) wanted
join predictions p on p.item_id = wanted.value and p.version_id = :version
"""

_CONFIDENCE = """
select count(*) as n, coalesce(sum(confidence), 0) as total from items indexed by items_confidence
where project_id = :project and state in ('open', 'conflict', 'flagged') and confidence is not null
"""

_OPEN_CONFIDENCES = """
select confidence from items indexed by items_confidence
where project_id = :project and state = 'open' and confidence is not null order by confidence
"""

_UNKNOWN_FROM = """
select count(*) as n from items
where project_id = :project and state in ('open', 'conflict', 'flagged') and id >= :first
"""

# By state, because no index has the items of a project in the order of their ids alone.
_NEXT = """
select id, created_at from items where id = (
    select min((
        select id from items where project_id = :project and state = s.value and id >= :from order by id limit 1))
    from json_each('["open", "labelled", "conflict", "flagged"]') s)
"""

# Both read small indexes alone: of the audit's draws, and of the items it has drawn.
_AUDITED = """
select count(*) as asked,
       coalesce(sum(i.state = 'labelled'), 0) as answered,
       coalesce(sum(i.state = 'labelled' and i.version_id = :version), 0) as scored,
       coalesce(sum(i.state = 'labelled' and i.version_id = :version and i.label = i.predicted), 0) as right
from (select distinct item_id from (
          select item_id from draws indexed by draws_audit
          where project_id = :project and audit = 1 and created_at >= :since order by created_at desc limit :most)) d
cross join items i indexed by items_audit on i.id = d.item_id and i.audit = 1
"""

_IN_HAND = """
select count(distinct d.item_id) as n from draws d join items i on i.id = d.item_id
where d.project_id = :project and d.done = 0 and d.leased_until > :now and d.audit = 1 and d.created_at >= :since
  and i.state <> 'labelled'
"""

WINDOW = 5_000
"""Newest entries that an estimate looks through, in about 50 ms of CPU: with a tenth of them drawn by the audit the
interval is 2 to 3 points to either side, and more would only tell how it was long ago."""

MOST_AUDITED = 20_000
"""Newest draws of the audit that are counted, in about 50 ms: an interval of half a point to either side."""


@dataclass(frozen=True, slots=True)
class Known:
    """Pool items asked about since a moment, in the order in which they left what could be drawn; columns of a length.

    since: the moment, or that of the oldest entry in the window. uniform: chance alone drew it after that moment.
    queued: it came up by its priority. labels: None while there is none.
    """

    since: float
    ids: tuple[int, ...]
    uniform: tuple[bool, ...]
    queued: tuple[bool, ...]
    labels: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """Items that the audit has drawn since a moment. asked: without those in somebody's hand.

    answered: have a label. scored: and the version's prediction. right: and it is the label.
    """

    asked: int
    answered: int
    scored: int
    right: int


class Answers:
    """What is known of the pool, and by which draws."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def known(self, project_id: int, since: float, learned: int, now: float, window: int = WINDOW) -> Known:
        """The items asked about after a moment, looked for among the newest `window` entries.

        learned: newest entry that the version in question may have learned from.
        """
        params: dict[str, Any] = {"project": project_id, "limit": window, "now": now, "learned": learned}
        with self._driver.reading() as session:
            [found] = session.query(_WINDOW, params | {"since": since})
            if not found["n"]:
                return Known(since, (), (), (), ())
            cut = found["n"] == window
            since = found["since"] if cut else since
            # Of a window that is cut, the oldest entry is only the moment it begins.
            params |= {"since": since, "after": found["first"] - (not cut)}
            columns = session.columns(_ANSWERED, params)
        ids, uniform, queued, labels = columns or [(), (), (), ()]
        return Known(since, ids, tuple(map(bool, uniform)), tuple(map(bool, queued)), labels)

    def said(self, version_id: int, ids: Sequence[int]) -> dict[int, tuple[str, float]]:
        """Item id -> (label, confidence) of a version, for those of the items that it has predicted."""
        with self._driver.reading() as session:
            columns = session.columns(_SAID, {"ids": orjson.dumps(list(ids)).decode(), "version": version_id})
        return {item: (label, sure) for item, label, sure in zip(*columns, strict=True)} if columns else {}

    def confidence(self, project_id: int) -> tuple[int, float]:
        """Scored pool items that have no label, and the sum of the confidence in them.

        Of a million in 0.15 to 0.18 s of CPU, 0.7 s when the index has to be read from disk first.
        """
        with self._driver.reading() as session:
            [row] = session.query(_CONFIDENCE, {"project": project_id})
        return row["n"], row["total"]

    def open_confidences(self, project_id: int) -> npt.NDArray[np.float64]:
        """The confidence in every scored open item, ascending; 8 bytes each."""
        with self._driver.reading() as session:
            columns = session.columns(_OPEN_CONFIDENCES, {"project": project_id})
        return np.asarray(columns[0] if columns else (), dtype=float)

    def arrived(self, project_id: int, since: float) -> tuple[int, int] | None:
        """First id of the pool items added after a moment, and how many of them have no label; None without any.

        Ids grow with time, so the first one is found by halving.
        """
        with self._driver.reading() as session:
            params: dict[str, Any] = {"project": project_id}
            low, high = 1, session.query("select coalesce(max(id), 0) + 1 as n from items")[0]["n"]
            end = high
            while low < high:
                middle = (low + high) // 2
                [row] = session.query(_NEXT, params | {"from": middle}) or [{"id": end, "created_at": math.inf}]
                low, high = (low, middle) if row["created_at"] > since else (row["id"] + 1, high)
            if not (first := session.query(_NEXT, params | {"from": low})):
                return None
            [row] = session.query(_UNKNOWN_FROM, params | {"first": first[0]["id"]})
        return first[0]["id"], row["n"]

    def audited(self, project_id: int, version_id: int, since: float, now: float) -> AuditCounts:
        """What became of the audit's draws since a moment, of the newest MOST_AUDITED if there are more."""
        params = {"project": project_id, "version": version_id, "since": since, "now": now, "most": MOST_AUDITED}
        with self._driver.reading() as session:
            [row] = session.query(_AUDITED, params)
            [held] = session.query(_IN_HAND, params)
        return AuditCounts(row["asked"] - held["n"], row["answered"], row["scored"], row["right"])
