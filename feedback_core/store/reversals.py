"""Reversals: entries that say something else about an item than one that had stood for a while."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Feedback
from .driver import Driver, Session
from .standing import feedback_of

APART_S = 86_400.0
"""A day: reviewers who differ within it have looked at the same world."""

SCAN = 2_000
"""Reversals one page looks through for those nobody has answered; the next page goes on from there."""

FOUND = """
select max(e.id) as n from feedback e
where e.item_id = :item and e.target <> :target and e.verdict in ('confirm', 'correct')
  and e.state in ('accepted', 'superseded')
  and (e.reviewer <> :reviewer and e.created_at <= :now - :apart
       or e.id <= (select max(feedback_upto) from versions where project_id = :project))
"""
"""The entry that a new one reverses: of another reviewer a day before, or of anybody before the newest version."""

# The last words are those of the partial index. Whoever accepted an entry of the item has answered the question.
_OPEN = """
select f.id, f.reverses from (
    select * from feedback where project_id = :project and id < :before
    and reverses is not null and state = 'accepted' and ruling is null order by id desc limit :scan) f
join feedback e on e.id = f.reverses
where e.state in ('accepted', 'superseded') and e.ruling is not 'ask'
  and not exists (select 1 from feedback r where r.item_id = f.item_id and (
      r.ruling = 'accept'
      or r.id > f.id and r.reverses is not null and r.state = 'accepted' and r.ruling is null))
order by f.id desc limit :limit
"""

_OF_ITEM = """
select f.id, f.reverses from feedback f join feedback e on e.id = f.reverses
where f.item_id = ? and f.state = 'accepted' and f.ruling is null and e.state in ('accepted', 'superseded')
  and not exists (select 1 from feedback r where r.item_id = f.item_id and r.ruling = 'accept')
order by f.id desc limit 1
"""

_WINDOW_END = """
select id from feedback where project_id = :project and id < :before
and reverses is not null and state = 'accepted' and ruling is null order by id desc limit 1 offset :scan - 1
"""

# An answer that was undone, or ruled on again, is none: its entry no longer bears the ruling.
_CHANGED = """
select f.created_at - e.created_at as apart from (
    select details from events where project_id = :project and kind = 'world changed' order by id desc limit 100) a
join feedback f on f.id = json_extract(a.details, '$.entry') and f.ruling_id = json_extract(a.details, '$.ruling')
join feedback e on e.id = f.reverses
"""

NEWEST = 2**62
"""Above every id: where the first page starts."""


class Reversals:
    """Items whose label was turned round, about which nobody has said why."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def page(
        self, project_id: int, *, before: int | None = None, limit: int = 10
    ) -> tuple[list[tuple[Feedback, Feedback]], int | None]:
        """(earlier, later) entries, the newest reversal first, one for each item; and where the next page starts.

        before: only reversals older than this entry. A page looks through at most SCAN of them, so it may be short
        with more behind it.
        """
        params = {"project": project_id, "before": before or NEWEST, "limit": limit, "scan": SCAN}
        with self._driver.reading() as session:
            rows = session.query(_OPEN, params)
            found = [(_entry(session, row["reverses"]), _entry(session, row["id"])) for row in rows]
            if len(rows) == limit:
                return found, rows[-1]["id"]
            end = session.query(_WINDOW_END, params)
        return found, end[0]["id"] if end else None

    def of_items(self, item_ids: Sequence[int]) -> dict[int, tuple[Feedback, Feedback]]:
        """Item id -> its newest (earlier, later) entries, for those of the items that wait for an answer."""
        with self._driver.reading() as session:
            rows = {item_id: session.query(_OF_ITEM, (item_id,)) for item_id in item_ids}
            return {
                item_id: (_entry(session, found[0]["reverses"]), _entry(session, found[0]["id"]))
                for item_id, found in rows.items()
                if found
            }

    def count(self, project_id: int) -> int:
        """Reversals nobody has answered among the newest SCAN."""
        params = {"project": project_id, "before": NEWEST, "limit": SCAN, "scan": SCAN}
        with self._driver.reading() as session:
            return len(session.query(_OPEN, params))

    def world_changes(self, project_id: int) -> list[float]:
        """Seconds from the older label to the newer, for those of the last hundred "the world changed" that stand."""
        with self._driver.reading() as session:
            return [row["apart"] for row in session.query(_CHANGED, {"project": project_id})]


def _entry(session: Session, entry_id: int) -> Feedback:
    return feedback_of(session.query("select * from feedback where id = ?", (entry_id,))[0])
