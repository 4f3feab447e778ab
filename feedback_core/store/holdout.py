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

_FRESH = f"""
select (select count(*) from items where {_LOCKED} and split = 'holdout' and created_at > :at)
     + (select count(*) from items where {_AUDITED} and {_FIRST_LABEL.format(what="f.created_at")} > :at) as n
"""

_GRADUATE_HOLDOUT = f"update items set split = 'train' where {_LOCKED} and split = 'holdout' and created_at <= :at"

_GRADUATE_AUDIT = f"update items set audit = 0 where {_AUDITED} and {_FIRST_LABEL.format(what='f.created_at')} <= :at"

_BEGIN_ANEW = """
update projects set anchor_id = (select id from versions where project_id = :project and status = 'champion'),
    refreshed_at = :now,
    refreshed_after = (select max(id) from gate_reports where project_id = :project)
where id = :project
"""

_LEARNABLE = """
select distinct input_hash from items
where project_id = :project and split = 'train' and input_hash in (select value from json_each(:hashes))
"""


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
        """Locked labelled rows that came in after the last look; without any look every row is fresh."""
        with self._driver.reading() as session:
            return _fresh(session, project_id, _last_look(session, project_id) or 0.0)

    def learnable(self, project_id: int, hashes: Sequence[str]) -> frozenset[str]:
        """Those of the input hashes that a base row to be trained on has already."""
        params = {"project": project_id, "hashes": orjson.dumps(list(hashes)).decode()}
        with self._driver.reading() as session:
            return frozenset(row["input_hash"] for row in session.query(_LEARNABLE, params))

    def refresh(self, project: Project, *, least: int, by: str, reason: str, now: float) -> dict[str, int]:
        """Let every row that has been looked at graduate to training; the fresh ones judge from now on.

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
            holdout = session.execute(_GRADUATE_HOLDOUT, params | {"at": last})
            audit = session.execute(_GRADUATE_AUDIT, params | {"at": last})
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
