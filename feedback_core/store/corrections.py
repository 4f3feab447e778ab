"""Earlier corrections: labels by which reviewers contradicted the model, as a suite a new version is run against."""

from __future__ import annotations

from .driver import Driver

MOST = 20_000
"""Newest corrections in the suite: of 20,000 a loss of half a point is found, and two models say them in seconds."""

# An input equal to a locked one is no correction anybody could have learned from.
_NEWEST = """
select i.id, i.input, i.label from feedback f join items i on i.id = f.item_id
where f.project_id = :project and f.id <= :upto and f.verdict = 'correct' and f.state = 'accepted'
  and f.predicted is not null and f.target <> f.predicted and f.target = i.label
  and i.split = 'pool' and i.state = 'labelled' and i.audit = 0
  and not exists (
      select 1 from items h where h.project_id = :project and h.input_hash = i.input_hash
         and (h.split = 'holdout' or h.audit = 1))
order by f.id desc limit :most
"""


class Corrections:
    """Standing decisions that contradicted the model."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def newest(self, project_id: int, upto: int, limit: int = MOST) -> dict[int, tuple[str, str]]:
        """Item id -> (input, effective label) of the newest corrections up to a feedback entry; never a locked row."""
        with self._driver.reading() as session:
            rows = session.query(_NEWEST, {"project": project_id, "upto": upto, "most": limit})
        return {row["id"]: (row["input"], row["label"]) for row in rows}
