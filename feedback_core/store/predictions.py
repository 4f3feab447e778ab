"""Predictions: one row per item and version, and the champion's copied onto the item for the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import orjson

from ..scored import Scored
from ..types import Prediction
from .driver import Driver, Row

BATCH = 5_000

_UPSERT = """
insert or replace into predictions (item_id, version_id, label, proba, confidence, priority, parts)
values (?, ?, ?, ?, ?, ?, ?)
"""

_HISTORY = """
select p.*, v.number, r.part_names from predictions p
join versions v on v.id = p.version_id
left join prediction_runs r on r.version_id = p.version_id
where p.item_id = ? order by v.number desc
"""

_SHOWN = """
select p.*, v.number, r.part_names from items i
join predictions p on p.item_id = i.id and p.version_id = i.version_id
join versions v on v.id = p.version_id
left join prediction_runs r on r.version_id = p.version_id
where i.id in (select value from json_each(?))
"""


# A cross join, which keeps SQLite from reading the whole project for a few inputs.
_BY_INPUT = """
select wanted.value as hash, p.proba from json_each(:hashes) wanted
cross join items i indexed by items_input on i.project_id = :project and i.input_hash = wanted.value
join predictions p on p.item_id = i.id and p.version_id = :version order by i.id desc
"""


class Predictions:
    """What each version said about each item."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def save_current(self, version_id: int, scored: Scored) -> None:
        """Store predictions of the champion and put them on their items, in short transactions."""
        rows = list(scored.rows(version_id))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            current = [(version_id, row[2], row[4], row[5], row[0]) for row in batch]
            with self._driver.writing() as session:
                session.many(_UPSERT, batch)
                session.many(
                    """update items set was = iif(version_id <> ?1, predicted, was), version_id = ?1, predicted = ?2,
                    confidence = ?3, priority = ?4 where id = ?5""",
                    current,
                )

    def save(self, version_id: int, scored: Scored) -> None:
        """Store predictions of any version without touching the queue."""
        rows = list(scored.rows(version_id))
        for start in range(0, len(rows), BATCH):
            with self._driver.writing() as session:
                session.many(_UPSERT, rows[start : start + BATCH])

    def save_run(
        self,
        version_id: int,
        rows: int,
        part_names: Sequence[str],
        histogram: Mapping[str, Sequence[float]],
        *,
        project_id: int,
        now: float,
    ) -> None:
        """Remember how the priorities of one scoring of the pool were distributed."""
        with self._driver.writing() as session:
            session.execute(
                "insert or replace into prediction_runs values (?, ?, ?, ?, ?, ?)",
                (
                    version_id,
                    project_id,
                    rows,
                    orjson.dumps(list(part_names)).decode(),
                    orjson.dumps(dict(histogram)).decode(),
                    now,
                ),
            )

    def run(self, version_id: int) -> dict[str, list[float]]:
        """Histogram of a scoring by part name, empty when the version never scored the pool."""
        with self._driver.reading() as session:
            rows = session.query("select histogram from prediction_runs where version_id = ?", (version_id,))
        histogram: dict[str, list[float]] = orjson.loads(rows[0]["histogram"]) if rows else {}
        return histogram

    def run_facts(self, version_id: int) -> tuple[int, float] | None:
        """Items and time of a version's last scoring of the pool."""
        with self._driver.reading() as session:
            rows = session.query("select rows, created_at from prediction_runs where version_id = ?", (version_id,))
        return (rows[0]["rows"], rows[0]["created_at"]) if rows else None

    def history(self, item_id: int) -> list[Prediction]:
        """Every version's prediction of one item, newest version first."""
        with self._driver.reading() as session:
            rows = session.query(_HISTORY, (item_id,))
        return [_prediction(row) for row in rows]

    def shown(self, item_ids: Sequence[int]) -> dict[int, Prediction]:
        """Item id -> the prediction a reviewer sees now, for the items that have one."""
        with self._driver.reading() as session:
            rows = session.query(_SHOWN, (orjson.dumps(list(item_ids)).decode(),))
        return {row["item_id"]: _prediction(row) for row in rows}

    def proba_of(self, version_id: int, ids: Sequence[int]) -> tuple[tuple[int, ...], npt.NDArray[np.float32]]:
        """Those of the ids that a version has predicted, in the order asked for, and their probabilities (n, k)."""
        with self._driver.reading() as session:
            columns = session.columns(
                """select item_id, proba from json_each(?) wanted
                join predictions on item_id = wanted.value and version_id = ? order by wanted.key""",
                (orjson.dumps(list(ids)).decode(), version_id),
            )
        if not columns:
            return (), np.zeros((0, 0), dtype=np.float32)
        return columns[0], np.stack([np.frombuffer(blob, dtype="<f4") for blob in columns[1]])

    def proba_by_item(self, version_id: int, ids: Sequence[int]) -> dict[int, bytes]:
        """Item id -> stored probabilities of one version (float32), for the items it has predicted."""
        with self._driver.reading() as session:
            columns = session.columns(
                """select p.item_id, p.proba from json_each(?) wanted
                cross join predictions p on p.item_id = wanted.value and p.version_id = ?""",
                (orjson.dumps(list(ids)).decode(), version_id),
            )
        return dict(zip(*columns, strict=True)) if columns else {}

    def proba_by_input(self, project_id: int, version_id: int, hashes: Sequence[str]) -> dict[str, bytes]:
        """Input hash -> stored probabilities (float32); of several items with one input those of the oldest."""
        params = {"hashes": orjson.dumps(list(hashes)).decode(), "project": project_id, "version": version_id}
        with self._driver.reading() as session:
            columns = session.columns(_BY_INPUT, params)
        return dict(zip(*columns, strict=True)) if columns else {}

    def labels_of(self, version_id: int, ids: Sequence[int]) -> dict[int, tuple[str, float]]:
        """Item id -> (label, confidence) of one version, for the items it has predicted."""
        with self._driver.reading() as session:
            rows = session.query(
                """select item_id, label, confidence from predictions
                where version_id = ? and item_id in (select value from json_each(?))""",
                (version_id, orjson.dumps(list(ids)).decode()),
            )
        return {row["item_id"]: (row["label"], row["confidence"]) for row in rows}


def _prediction(row: Row) -> Prediction:
    return Prediction(
        item_id=row["item_id"],
        version_id=row["version_id"],
        version_number=row["number"],
        label=row["label"],
        proba=floats(row["proba"]),
        confidence=row["confidence"],
        priority=row["priority"],
        parts=dict(zip(orjson.loads(row["part_names"] or "[]"), floats(row["parts"]), strict=False)),
    )


def floats(blob: bytes | None) -> tuple[float, ...]:
    """The numbers of a stored array; none for a missing one."""
    return tuple(np.frombuffer(blob or b"", dtype="<f4").astype(float).tolist())
