"""Maps: where the items of a sample lie in two dimensions, the newest by each slow method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..types import PoolMap
from .driver import Driver


class Maps:
    """Maps that took too long to be drawn at once."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def save(self, project_id: int, drawn: PoolMap, points: npt.NDArray[np.floating]) -> None:
        """Keep a map in place of the last one by its method. points: (n, 2)."""
        with self._driver.writing() as session:
            session.execute(
                """insert or replace into maps (project_id, method, version_id, ids, points, pool, created_at)
                values (?, ?, ?, ?, ?, ?, ?)""",
                (
                    project_id,
                    drawn.method,
                    drawn.version_id,
                    np.asarray(drawn.ids, dtype="<i8").tobytes(),
                    np.asarray(points, dtype="<f4").tobytes(),
                    drawn.pool,
                    drawn.created_at,
                ),
            )

    def newest(self, project_id: int, method: str) -> tuple[PoolMap, npt.NDArray[np.float32]] | None:
        """The last map by a method with its points (n, 2); None when there is none."""
        with self._driver.reading() as session:
            rows = session.query("select * from maps where project_id = ? and method = ?", (project_id, method))
        if not rows:
            return None
        row = rows[0]
        ids = tuple(np.frombuffer(row["ids"], dtype="<i8").tolist())
        points = np.frombuffer(row["points"], dtype="<f4").reshape(-1, 2)
        return PoolMap(row["method"], row["version_id"], ids, row["pool"], row["created_at"]), points
