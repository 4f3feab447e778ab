"""What a version said about rows whose truth is known and which it never learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from .driver import Driver

MOST = 2_000
"""Newest rows that are read: with so many an interval's coverage is good to a point."""

_ROWS = """
select i.id, {truth} as truth, p.label, p.proba from items i
join predictions p on p.item_id = i.id and p.version_id = :version
where i.project_id = :project and {truth} is not null and {sample}
order by i.id desc limit :limit
"""

# In the words of the indexes, one for each sample.
_SAMPLES = {
    "holdout": {"truth": "i.base_label", "sample": "i.split = 'holdout'"},
    "audit": {"truth": "i.label", "sample": "i.audit = 1"},
}


class Residuals:
    """Predictions beside the truth, on the locked rows."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def of(self, project_id: int, version_id: int, sample: str, limit: int = MOST) -> dict[str, Any]:
        """Columns `ids`, `truth`, `said` and `numbers` (n, c) of the newest rows of a sample, holdout or audit."""
        given = {"project": project_id, "version": version_id, "limit": limit}
        with self._driver.reading() as session:
            columns = session.columns(_ROWS.format(**_SAMPLES[sample]), given)
        ids, truth, said, blobs = columns or [(), (), (), ()]
        numbers = np.stack([np.frombuffer(blob, dtype="<f4") for blob in blobs]) if blobs else np.zeros((0, 2))
        return {"ids": ids, "truth": truth, "said": said, "numbers": numbers}
