"""Flips: the rows about which two versions say different things, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Flip, FlipKind, LockedSample
from .driver import Driver, Session, noun

_SAVE = """
insert or replace into flips (report_id, item_id, kind, sample, truth, before, after) values (?, ?, ?, ?, ?, ?, ?)
"""

_PAGE = """
select * from flips where report_id = :report and item_id > :after
    and (:kind is null or kind = :kind) and (:sample is null or sample = :sample)
order by item_id limit :limit
"""

_MOST = """
select item_id, kind, sample, truth, before, after from flips
where report_id = :report and (:kind is null or kind = :kind) and (:sample is null or sample = :sample)
order by abs(abs(before - truth) - abs(after - truth)) desc, item_id limit :limit offset :after
"""

_CELLS = """
select truth, said, sum(n) as n from (
    select truth, after as said, 1 as n from flips where report_id = :report and sample = :sample
    union all
    select truth, before, -1 from flips where report_id = :report and sample = :sample
) group by truth, said
"""


def keep(session: Session, report_id: int, flips: Sequence[Flip]) -> None:
    """Store the flips of a report inside the transaction that stores the report."""
    session.many(_SAVE, [(report_id, f.item_id, f.kind, f.sample, f.truth, f.before, f.after) for f in flips])


class Flips:
    """What each gate report saw change."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def save(self, report_id: int, flips: Sequence[Flip]) -> None:
        """Keep the flips of a report.

        sample: `holdout` and `audit` are the locked rows by which it judged, `corrections` the earlier corrections the
        champion has learned, on which both versions were compared beside them.
        """
        with self._driver.writing() as session:
            session.many(_SAVE, [(report_id, f.item_id, f.kind, f.sample, f.truth, f.before, f.after) for f in flips])

    def page(
        self,
        report_id: int,
        kind: FlipKind | None = None,
        sample: LockedSample | None = None,
        *,
        after: int = 0,
        limit: int = 100,
    ) -> list[Flip]:
        """Flips of a report in the order of their items. after: item id at which the page before ended."""
        params = {"report": report_id, "kind": kind, "sample": sample, "after": after, "limit": limit}
        with self._driver.reading() as session:
            return [noun(Flip, row) for row in session.query(_PAGE, params)]

    def most(
        self,
        report_id: int,
        kind: FlipKind | None = None,
        sample: LockedSample | None = None,
        *,
        after: int = 0,
        limit: int = 100,
    ) -> list[Flip]:
        """Flips of predicted numbers, those whose error changed most first. after: how many to leave out."""
        params = {"report": report_id, "kind": kind, "sample": sample, "after": after, "limit": limit}
        with self._driver.reading() as session:
            return [noun(Flip, row) for row in session.query(_MOST, params)]

    def counts(self, report_id: int) -> dict[tuple[LockedSample, FlipKind], int]:
        """Flips of a report by sample and kind."""
        with self._driver.reading() as session:
            rows = session.query(
                "select sample, kind, count(*) as n from flips where report_id = ? group by sample, kind", (report_id,)
            )
        return {(row["sample"], row["kind"]): row["n"] for row in rows}

    def cells(self, report_id: int, sample: LockedSample) -> dict[tuple[str, str], int]:
        """(truth, prediction) -> rows of a sample that came there with the challenger, less those that left."""
        with self._driver.reading() as session:
            rows = session.query(_CELLS, {"report": report_id, "sample": sample})
        return {(row["truth"], row["said"]): row["n"] for row in rows if row["n"]}
