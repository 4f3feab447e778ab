"""The locked rows as a whole: which are newer than what, and how a worn holdout is refreshed."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ..errors import Refused
from ..types import Project
from . import events, tallies
from .driver import Driver, Session

# An audit item counts from its first label on: later ones may have been given by somebody who had seen it judge.
_FIRST_LABEL = "(select min({what}) from feedback f where f.item_id = items.id and f.target is not null)"

# `split = 'holdout' or audit = 1` once more, though it follows: the index of the locked rows is found by these words.
_LOCKED = "project_id = :project and (split = 'holdout' or audit = 1)"

_AUDITED = f"{_LOCKED} and audit = 1 and split = 'pool' and state = 'labelled'"

# Evidence of a stream takes labels that chance alone asked for: whoever labels an item of their own choice may have
# chosen it by what the version says of it.
_LABELLED_AFTER = f"""
select id from items where {_AUDITED} and {_FIRST_LABEL.format(what="f.id")} > :entry
and exists (select 1 from feedback f join draws d on d.id = f.draw_id where d.strategy in ('audit', 'random')
            and f.id = {_FIRST_LABEL.format(what="f.id")})
order by id
"""

_LAST_LOOK = """
select max(r.created_at) as at from gate_reports r join projects p on p.id = r.project_id
where p.id = :project and r.id > p.refreshed_after and r.finding <> 'first'
"""

# An input that has been looked at once is not fresh when it comes in again, under whatever key.
_LOOKED_AT = f"""
select input_hash from items where {_LOCKED} and split = 'holdout' and created_at <= :at
union all
select input_hash from items where {_AUDITED} and {_FIRST_LABEL.format(what="f.created_at")} <= :at
"""

_FRESH = f"""
select (select count(*) from items where {_LOCKED} and split = 'holdout' and input_hash not in ({_LOOKED_AT}))
     + (select count(*) from items where {_AUDITED} and input_hash not in ({_LOOKED_AT})) as n
"""

# Found before the first of them moves: what is no longer locked would be looked at no more.
_WORN = f"select id from items where {_LOCKED} and input_hash in ({_LOOKED_AT})"

_GRADUATE_HOLDOUT = """
update items set split = 'train' where split = 'holdout' and id in (select value from json_each(:ids))
"""

_GRADUATE_AUDIT = "update items set audit = 0 where audit = 1 and id in (select value from json_each(:ids))"

_BEGIN_ANEW = """
update projects set anchor_id = (select id from versions where project_id = :project and status = 'champion'),
    refreshed_at = :now,
    refreshed_after = (select max(id) from gate_reports where project_id = :project)
where id = :project
"""

LEARNABLE = """
i.audit = 0 and (i.split = 'train' or i.split = 'pool' and exists (
    select 1 from feedback f where f.item_id = i.id and f.verdict in ('confirm', 'correct')))
"""
"""Condition of a row i that a version may have learned from: a base row, or an item that somebody has labelled,
even if the label was taken back since."""

_LEARNABLE = f"""
select distinct i.input_hash from json_each(:hashes) wanted cross join items i indexed by items_input
    on i.project_id = :project and i.input_hash = wanted.value
where {LEARNABLE}
"""

# Copies of locked rows, the rows themselves among them.
_COPIES = """
select l.id as locked, i.id as copy from json_each(:ids) wanted cross join items l on l.id = wanted.value
cross join items i indexed by items_input on i.project_id = l.project_id and i.input_hash = l.input_hash
"""

CHUNK = 5_000
"""Hashes or ids in one short transaction."""


class Holdout:
    """Rows that judge versions, taken together."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def labelled_after(self, project_id: int, entry_id: int) -> frozenset[int]:
        """Ids of the audit items whose first label came through a draw by chance, after a feedback entry."""
        with self._driver.reading() as session:
            columns = session.columns(_LABELLED_AFTER, {"project": project_id, "entry": entry_id})
        return frozenset(columns[0]) if columns else frozenset()

    def fresh(self, project_id: int) -> int:
        """Locked labelled rows whose input came in after the last look; without any look every row is fresh."""
        with self._driver.reading() as session:
            return _fresh(session, project_id, _last_look(session, project_id) or 0.0)

    def learnable(self, project_id: int, hashes: Sequence[str]) -> frozenset[str]:
        """Those of the input hashes that a version may have learned from or may learn from: 4 us of CPU each."""
        found: set[str] = set()
        for start in range(0, len(hashes), CHUNK):
            params = {"project": project_id, "hashes": orjson.dumps(list(hashes[start : start + CHUNK])).decode()}
            with self._driver.reading() as session:
                found.update(row["input_hash"] for row in session.query(_LEARNABLE, params))
        return frozenset(found)

    def copies(self, item_ids: Sequence[int]) -> list[tuple[int, int]]:
        """(item, item with an equal input) for all such pairs, each item with itself among them."""
        found: list[tuple[int, int]] = []
        for start in range(0, len(item_ids), CHUNK):
            params = {"ids": orjson.dumps(list(item_ids[start : start + CHUNK])).decode()}
            with self._driver.reading() as session:
                found += [(row["locked"], row["copy"]) for row in session.query(_COPIES, params)]
        return found

    def refresh(self, project: Project, *, least: int, by: str, reason: str, now: float) -> dict[str, int]:
        """Let every row that has been looked at and its copies graduate to training; the fresh ones judge from now on.

        The champion becomes the anchor and the looks begin anew. Versions keep what they have learned from. Gives the
        number of rows by what became of them. Raises Refused with fewer than `least` fresh rows.
        """
        params = {"project": project.id, "now": now}
        with self._driver.writing() as session:
            last = _last_look(session, project.id)
            if last is None:
                raise Refused("Nobody has looked at these locked rows since they were locked: they are fresh.")
            fresh = _fresh(session, project.id, last)
            if fresh < least:
                raise Refused(
                    f"Only {fresh:,} fresh locked rows are there, {least} are asked for: add rows with labels on "
                    "Setup, or review, so that the audit sample grows."
                )
            worn = session.columns(_WORN, params | {"at": last})
            ids = {"ids": orjson.dumps(list(worn[0]) if worn else []).decode()}
            holdout, audit = (session.execute(sql, ids) for sql in (_GRADUATE_HOLDOUT, _GRADUATE_AUDIT))
            tallies.add(session, project.id, "items", {"holdout/base": -holdout, "train/base": holdout})
            session.execute(_BEGIN_ANEW, params)
            moved = {"holdout": holdout, "audit": audit, "fresh": fresh}
            events.log(session, project.id, now, by, "holdout refreshed", moved | {"reason": reason})
        return moved


def _last_look(session: Session, project_id: int) -> float | None:
    at = session.query(_LAST_LOOK, {"project": project_id})[0]["at"]
    return None if at is None else float(at)


def _fresh(session: Session, project_id: int, last: float) -> int:
    return int(session.query(_FRESH, {"project": project_id, "at": last})[0]["n"])
