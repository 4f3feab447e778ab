"""Decisions beside the draws they came from: the evidence about the queue itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from ..types import Drawn
from .driver import Driver, Row
from .predictions import floats

# Before there was a model every label counts as a correction: that says nothing about the queue.
# A scoring after the draw has overwritten the parts it was drawn by: better none than those of another day.
# An item once drawn for the audit stays blind for ever; only where chance decides is blind comparable with shown.
_NEWEST = """
select f.verdict, f.seconds, d.strategy, d.blind, p.parts, r.part_names
from feedback f
join draws d on d.id = f.draw_id
join items i on i.id = f.item_id
left join prediction_runs r on r.version_id = f.version_id and r.created_at <= d.created_at and d.strategy = 'priority'
left join predictions p on p.item_id = f.item_id and p.version_id = r.version_id
where f.project_id = :project and f.state = 'accepted' and f.verdict <> 'undo' and f.predicted is not null
  and not (d.strategy = 'priority' and i.audit = 1)
  and f.draw_id is not null
  and f.created_at >= :since and f.created_at < :until
order by f.created_at desc, f.id desc limit :limit
"""

_FAR = 1e12
"""Seconds; later than any entry."""


_GIVEN = """
select f.id, f.item_id, f.reviewer, f.target as label, f.state = 'accepted' as standing, d.strategy
from feedback f left join draws d on d.id = f.draw_id
where f.item_id in (select value from json_each(?)) and f.id <= ? and f.verdict in ('confirm', 'correct')
  and f.target is not null
order by f.id
"""

CHUNK = 5_000
"""Items asked about in one short transaction."""


@dataclass(frozen=True, slots=True)
class Given:
    """An entry that gave an item a label. standing: it still counts. strategy: of its draw, None without one."""

    id: int
    reviewer: str
    label: str
    standing: bool
    strategy: str | None


class DrawnDecisions:
    """What reviewers said, with how the item had reached them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def newest(
        self, project_id: int, limit: int, *, since: float | None = None, until: float | None = None
    ) -> Sequence[Drawn]:
        """The newest standing decisions that came from a draw, newest first. until: seconds, excluded."""
        # Bounds that are always there let the index begin and end at them; coalesce() with a column would not.
        params = {"project": project_id, "limit": limit, "since": since or 0.0, "until": until or _FAR}
        with self._driver.reading() as session:
            return [_drawn(row) for row in session.query(_NEWEST, params)]

    def given(self, item_ids: Sequence[int], upto: int) -> dict[int, list[Given]]:
        """Item id -> the entries up to one that gave it a label, oldest first; items without one are left out."""
        found: dict[int, list[Given]] = {}
        for start in range(0, len(item_ids), CHUNK):
            wanted = orjson.dumps(list(item_ids[start : start + CHUNK])).decode()
            with self._driver.reading() as session:
                rows = session.query(_GIVEN, (wanted, upto))
            for row in rows:
                entry = Given(row["id"], row["reviewer"], row["label"], bool(row["standing"]), row["strategy"])
                found.setdefault(row["item_id"], []).append(entry)
        return found


def _drawn(row: Row) -> Drawn:
    # Most decisions come from draws whose parts are known no more.
    names = orjson.loads(row["part_names"]) if row["part_names"] and row["parts"] else []
    parts = dict(zip(names, floats(row["parts"]), strict=False)) if names else {}
    return Drawn(row["strategy"], bool(row["blind"]), row["verdict"], row["seconds"], parts)
