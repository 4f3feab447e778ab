"""What stands: an item's entries, what they add up to, and the running counts of those that count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ..types import Feedback, ItemState
from . import tallies
from .driver import Row, Session, noun

Resolve = Callable[[Sequence[Feedback], int], tuple[str | None, ItemState]]
"""The rule that turns the entries of one item into its effective label and state; see `alone_until` for the number."""

NOBODY = 2**63 - 1
"""Later than any entry."""

_FIRST = "select id, reviewer from feedback where project_id = :project and target is not null order by id limit 1"

# What is learned in real time is learned twice when it is refused: it served nobody, and a retrain has to bring it. A
# version from elsewhere whose rows are not known has learned nothing that could be counted.
_LEARNED_UPTO = """
select coalesce(max(feedback_upto), 0) as n from versions
where project_id = ? and (streamed = 0 or promoted_at is not null)
  and (estimator not in ('imported', 'onnx', 'http', 'predictions') or n_base + n_feedback > 0)
"""

_FIRST_OF = """
select id from feedback where project_id = :project and reviewer = :reviewer and target is not null order by id limit 1
"""


def account(session: Session, project_id: int, item: Row, resolve: Resolve, changes: Sequence[tuple[Row, int]]) -> None:
    """Bring an item and the counts in line with entries that count from now on (1) or no longer (-1)."""
    if item["split"] != "pool":
        # The answer to a question with a known answer is about the reviewer: it labels nothing.
        for row, change in changes:
            if row["target"] is not None:
                right = "right" if row["target"] == item["base_label"] else "wrong"
                _count_reviewer(session, project_id, "gold", row, right, change)
        return
    settle(session, project_id, item, resolve)
    upto = learned_upto(session, project_id)
    for row, change in changes:
        count(session, project_id, row, change, upto)


def settle(session: Session, project_id: int, item: Row, resolve: Resolve) -> None:
    """Write the label and state that an item's entries add up to now, and move its count. item: as it was before."""
    entries = entries_of(session, item["id"])
    asked = any(entry.ruling == "ask" for entry in entries)
    label, state = resolve(entries, alone_until(session, project_id) if asked else 0)
    session.execute("update items set label = ?, state = ? where id = ?", (label, state, item["id"]))
    if state != item["state"]:
        tallies.add(session, project_id, "items", {f"pool/{item['state']}": -1, f"pool/{state}": 1})


def alone_until(session: Session, project_id: int) -> int:
    """The first entry that gives a label and is not by the person who gave the first one; NOBODY without such.

    It never changes again, so what counted while one person worked alone goes on counting.
    """
    first = session.query(_FIRST, {"project": project_id})
    names = session.query("select name from tallies where project_id = ? and kind = 'reviewer'", (project_id,))
    others = {row["name"].rpartition("/")[0] for row in names} - {row["reviewer"] for row in first}
    found = [session.query(_FIRST_OF, {"project": project_id, "reviewer": each}) for each in sorted(others)]
    return min((int(rows[0]["id"]) for rows in found if rows), default=NOBODY)


def learned_upto(session: Session, project_id: int) -> int:
    """Newest entry that a version which counts as a retrain may have learned from; entries after it are pending."""
    return int(session.query(_LEARNED_UPTO, (project_id,))[0]["n"])


def count(session: Session, project_id: int, row: Row, change: int, upto: int) -> None:
    """Add an entry to the counts of standing entries, or with change = -1 take it out. upto: see `learned_upto`."""
    tallies.add(session, project_id, "total", {row["verdict"]: change})
    _count_reviewer(session, project_id, "reviewer", row, row["verdict"], change)
    if row["id"] > upto:
        tallies.add(session, project_id, "pending", {row["verdict"]: change})


def _count_reviewer(session: Session, project_id: int, kind: str, row: Row, what: str, change: int) -> None:
    """Once for all time, once for the day the entry was given."""
    name = f"{row['reviewer']}/{what}"
    tallies.add(session, project_id, kind, {name: change})
    tallies.add(session, project_id, f"{kind} day", {f"{day_of(row['created_at'])}/{name}": change})


def day_of(then: float) -> str:
    """The day (UTC) of a time, 2026-01-31."""
    return datetime.fromtimestamp(then, UTC).date().isoformat()


def entries_of(session: Session, item_id: int) -> list[Feedback]:
    """Every entry about one item, oldest first."""
    return [
        feedback_of(row) for row in session.query("select * from feedback where item_id = ? order by id", (item_id,))
    ]


def feedback_of(row: Row) -> Feedback:
    """An entry from its table row."""
    return noun(Feedback, row)
