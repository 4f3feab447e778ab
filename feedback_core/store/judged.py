"""Locked rows beside what one version says about them: the rows behind a number."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import JudgedRow
from .driver import Driver, noun

_ROWS = """
select i.id as item_id, :truth as truth, p.label as said, p.confidence, q.label as before
from items i
join predictions p on p.item_id = i.id and p.version_id = :version
left join predictions q on q.item_id = i.id and q.version_id = :before
where i.project_id = :project and {sample} = :truth
  and (:said is null and p.label <> :truth or p.label = :said)
order by i.id limit :limit
"""

# Each in the words of its index, which begins with the label: a page of rows is read without looking at the others.
_SAMPLES = {False: "i.split = 'holdout' and i.base_label", True: "i.audit = 1 and i.label"}


class JudgedRows:
    """Holdout and audit rows with what versions said about them when they were judged."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def of(
        self,
        project_id: int,
        version_id: int,
        *,
        audit: bool,
        truth: str,
        said: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[JudgedRow]:
        """Rows of a true label that the version calls `said`, or with None anything else; by id."""
        params = {
            "project": project_id,
            "version": version_id,
            "before": before,
            "truth": truth,
            "said": said,
            "limit": limit,
        }
        with self._driver.reading() as session:
            return [noun(JudgedRow, row) for row in session.query(_ROWS.format(sample=_SAMPLES[audit]), params)]
