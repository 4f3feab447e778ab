"""What reviewers contributed between two versions, counted."""

from __future__ import annotations

from ..types import Contribution
from .driver import Driver, noun

_BETWEEN = """
select f.reviewer, d.strategy, f.verdict, f.predicted, f.target,
    f.state = 'accepted' and coalesce(f.ruling, '') <> 'reject' as standing, count(*) as n
from feedback f left join draws d on d.id = f.draw_id
where f.project_id = :project and f.id > :after and f.id <= :upto and f.verdict <> 'undo'
group by f.reviewer, d.strategy, f.verdict, f.predicted, f.target, standing
order by n desc, f.reviewer, d.strategy, f.verdict, f.predicted, f.target, standing
"""


class Contributions:
    """Counts of entries, for the account of what a version has learned."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def between(self, project_id: int, after: int, upto: int) -> list[Contribution]:
        """Entries with after < id <= upto, equal ones counted together, most frequent first; undos are left out."""
        params = {"project": project_id, "after": after, "upto": upto}
        with self._driver.reading() as session:
            rows = session.query(_BETWEEN, params)
        return [noun(Contribution, row, standing=bool(row["standing"])) for row in rows]
