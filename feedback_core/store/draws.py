"""Draws: an item lent to one reviewer for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import Stale
from ..types import Draw
from .driver import Driver, Row, Session

# An expired lease counts as free, so a closed tab blocks nothing.
_FREE = """
not exists (select 1 from draws d where d.item_id = i.id and d.done = 0 and d.leased_until > :now
            and d.reviewer <> :reviewer)
and not exists (select 1 from feedback f where f.item_id = i.id and f.reviewer = :reviewer and f.state = 'accepted'
                and f.verdict <> 'undo')
"""

# A random start on a random circle: every open item is equally likely, and no table is shuffled.
_UNIFORM = f"""
select id, audit from (
    select * from (select * from items where project_id = :project and state = 'open' and shuffle >= :start
                   order by shuffle)
    union all
    select * from (select * from items where project_id = :project and state = 'open' and shuffle < :start
                   order by shuffle)
) i where {_FREE} limit 1
"""

_CHOICES = {
    "second opinion": f"""
        select id, audit from items i where project_id = :project and state = 'conflict' and {_FREE} limit 1""",
    "priority": f"""
        select id, audit from items i where project_id = :project and state = 'open' and priority is not null
        and {_FREE} order by priority desc, id limit 1""",
    "random": _UNIFORM,
    "audit": _UNIFORM,
}

_CHOSEN = """
select id, audit from items i where id = :wanted and project_id = :project and split = 'pool'
and not exists (select 1 from draws d where d.item_id = i.id and d.done = 0 and d.leased_until > :now
                and d.reviewer <> :reviewer)
"""

_LEASE = """
insert into draws (project_id, item_id, reviewer, strategy, propensity, audit, blind, leased_until, created_at)
values (:project, :item, :reviewer, :strategy, :propensity, :audit, :blind, :until, :now) returning *
"""

# The decided item of an old draw must not come back, nor one whose lease somebody else holds by now.
_MINE = """
select d.* from draws d join items i on i.id = d.item_id
where d.project_id = :project and d.reviewer = :reviewer and d.done = 0 and d.leased_until > :now
  and (d.strategy = 'chosen' or i.state in ('open', 'conflict')) order by d.id desc limit 1
"""


class Draws:
    """Who has which item in hand."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def current(self, project_id: int, reviewer: str, now: float) -> Draw | None:
        """The live draw of a reviewer, so that a reload shows the same card."""
        with self._driver.reading() as session:
            rows = session.query(_MINE, {"project": project_id, "reviewer": reviewer, "now": now})
        return _draw(rows[0]) if rows else None

    def take(
        self,
        project_id: int,
        reviewer: str,
        *,
        audit: bool,
        start: int,
        now: float,
        lease_s: float,
        propensity: Callable[[str, int], float],
    ) -> Draw | None:
        """Lease the next item to one reviewer; None when nothing is free.

        audit: draw uniformly over open items, if there are any, instead of by priority. start: where on the shuffle
        circle a uniform draw begins. propensity: (strategy, open items) -> probability of the choice. The choice and
        the lease are one transaction, so two callers never get the same item.
        """
        params: dict[str, Any] = {"project": project_id, "reviewer": reviewer, "now": now, "start": start}
        with self._driver.writing() as session:
            session.execute(
                "update draws set done = 1 where project_id = :project and reviewer = :reviewer and done = 0", params
            )
            for strategy in ("audit", "second opinion") if audit else ("second opinion", "priority", "random"):
                rows = session.query(_CHOICES[strategy], params)
                if rows:
                    chance = propensity(strategy, _open(session, project_id))
                    return _lease(session, rows[0], strategy, params | {"until": now + lease_s, "propensity": chance})
        return None

    def lend(self, project_id: int, reviewer: str, item_id: int, *, now: float, lease_s: float) -> Draw:
        """Lease a chosen item to one reviewer. Raises Stale when somebody else has it in hand.

        Its draw is marked as chosen: it says nothing about the items nobody chose.
        """
        params: dict[str, Any] = {"project": project_id, "reviewer": reviewer, "now": now, "wanted": item_id}
        with self._driver.writing() as session:
            rows = session.query(_CHOSEN, params)
            if not rows:
                raise Stale("Somebody else has this item in hand, or it is base data: take the next one.")
            session.execute(
                "update draws set done = 1 where project_id = :project and reviewer = :reviewer and done = 0", params
            )
            return _lease(session, rows[0], "chosen", params | {"until": now + lease_s, "propensity": 1.0})


def _lease(session: Session, item: Row, strategy: str, params: dict[str, Any]) -> Draw:
    audit = strategy == "audit"
    if audit:
        session.execute("update items set audit = 1 where id = ?", (item["id"],))
    # An item once drawn for the audit stays blind, whoever sees it next.
    marks = {"item": item["id"], "strategy": strategy, "audit": int(audit), "blind": int(audit or item["audit"])}
    return _draw(session.query(_LEASE, params | marks)[0])


def _open(session: Session, project_id: int) -> int:
    rows = session.query(
        "select n from tallies where project_id = ? and kind = 'items' and name = 'pool/open'", (project_id,)
    )
    return int(rows[0]["n"]) if rows else 0


def _draw(row: Row) -> Draw:
    return Draw(
        id=row["id"],
        item_id=row["item_id"],
        reviewer=row["reviewer"],
        strategy=row["strategy"],
        propensity=row["propensity"],
        audit=bool(row["audit"]),
        blind=bool(row["blind"]),
        leased_until=row["leased_until"],
        created_at=row["created_at"],
    )
