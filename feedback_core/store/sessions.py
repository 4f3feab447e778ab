"""Review sessions: items that somebody put together, in an order of their own."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ..errors import InvalidInput, NotFound
from ..types import ReviewSession
from .driver import Driver, Session, noun

MOST = 2_000
"""Items in a session: hours of work, and few enough to count what is left of it at every look."""

SHOWN = 20
"""Sessions offered at a time, the newest first."""

_OPEN = """
insert into review_sessions (project_id, name, size, after_feedback, created_by, created_at)
values (:project, :name, 0, (select coalesce(max(id), 0) from feedback), :by, :now) returning id
"""

_ITEMS = """
insert into session_items (session_id, position, item_id)
select :session, row_number() over (order by first), id from (
    select min(wanted.key) as first, i.id from json_each(:ids) wanted join items i on i.id = wanted.value
    where i.project_id = :project and i.split = 'pool' and i.audit = 0 group by i.id order by first limit :most)
"""


def decided_in_session(item: str) -> str:
    """SQL: somebody has decided this item since session `s` was opened. A skip decides nothing."""
    return f"""exists (select 1 from feedback f where f.item_id = {item} and f.id > s.after_feedback
                       and f.state = 'accepted' and f.verdict in ('confirm', 'correct', 'flag'))"""


_WITH_LEFT = f"""
select s.*, (select count(*) from session_items si
             where si.session_id = s.id and not {decided_in_session("si.item_id")}) as left
from review_sessions s
"""


class ReviewSessions:
    """Which items were put together for review, and how far it has come."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def open(self, project_id: int, ids: Sequence[int], *, name: str, by: str, now: float) -> ReviewSession:
        """Put pool items together for review, in the order given; at most MOST, the rest is left out.

        Raises InvalidInput when none of them is a pool item of this project.
        """
        params = {"project": project_id, "name": name, "by": by, "now": now, "most": MOST}
        with self._driver.writing() as session:
            session_id = session.query(_OPEN, params)[0]["id"]
            size = session.execute(_ITEMS, params | {"session": session_id, "ids": orjson.dumps(list(ids)).decode()})
            if not size:
                raise InvalidInput(
                    "None of these can be reviewed together: base data has its labels, audit items come by chance."
                )
            session.execute("update review_sessions set size = ? where id = ?", (size, session_id))
            return _found(session, "s.id = ?", (session_id,))[0]

    def get(self, project_id: int, session_id: int) -> ReviewSession:
        """One session with what is left of it. Raises NotFound when the project has no such session."""
        with self._driver.reading() as session:
            found = _found(session, "s.id = ? and s.project_id = ?", (session_id, project_id))
        if not found:
            raise NotFound(f"There is no review session {session_id} in this project: choose one on Review.")
        return found[0]

    def live(self, project_id: int) -> list[ReviewSession]:
        """The newest sessions that nobody has closed, with what is left of each."""
        where = "s.project_id = ? and s.closed_at is null order by s.id desc limit ?"
        with self._driver.reading() as session:
            return _found(session, where, (project_id, SHOWN))

    def close(self, project_id: int, session_id: int, now: float) -> None:
        """Offer a session no more; its cards are free for the other queues. Closing twice changes nothing."""
        with self._driver.writing() as session:
            closed = session.execute(
                "update review_sessions set closed_at = ? where id = ? and project_id = ? and closed_at is null",
                (now, session_id, project_id),
            )
            if closed:
                session.execute(
                    "update draws set leased_until = min(leased_until, ?) where session_id = ? and done = 0",
                    (now, session_id),
                )


def _found(session: Session, where: str, params: Sequence[int]) -> list[ReviewSession]:
    return [noun(ReviewSession, row) for row in session.query(f"{_WITH_LEFT} where {where}", params)]
