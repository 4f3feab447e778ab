"""Studies: what the worker found out about versions by refitting, kept for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..types import Study, StudyKind
from .driver import Driver, Row, noun

_SAVE = """
insert into studies (project_id, kind, version_id, body, created_at)
values (:project, :kind, :version, :body, :now) returning *
"""


class Studies:
    """Forecasts, dry runs and credits, the newest last."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def save(
        self, project_id: int, kind: StudyKind, body: Mapping[str, Any], *, version_id: int | None, now: float
    ) -> Study:
        """Keep the outcome of a study. body: plain JSON values."""
        params = {
            "project": project_id,
            "kind": kind,
            "version": version_id,
            "body": orjson.dumps(dict(body), option=orjson.OPT_SERIALIZE_NUMPY).decode(),
            "now": now,
        }
        with self._driver.writing() as session:
            return _study(session.query(_SAVE, params)[0])

    def newest(self, project_id: int, kind: StudyKind, version_id: int | None = None) -> Study | None:
        """The last study of a kind, of one version or of any."""
        found = self._find(project_id, kind, version_id, 1)
        return found[0] if found else None

    def of_version(self, version_id: int, kind: StudyKind) -> list[Study]:
        """Every study of a kind about one version, oldest first."""
        sql = "select * from studies where version_id = ? and kind = ? order by id"
        with self._driver.reading() as session:
            return [_study(row) for row in session.query(sql, (version_id, kind))]

    def latest(self, project_id: int, kind: StudyKind, limit: int = 20) -> list[Study]:
        """The newest studies of a kind first."""
        return self._find(project_id, kind, None, limit)

    def _find(self, project_id: int, kind: StudyKind, version_id: int | None, limit: int) -> list[Study]:
        sql = """select * from studies where project_id = :project and kind = :kind
            and (:version is null or version_id = :version) order by id desc limit :limit"""
        params = {"project": project_id, "kind": kind, "version": version_id, "limit": limit}
        with self._driver.reading() as session:
            return [_study(row) for row in session.query(sql, params)]


def _study(row: Row) -> Study:
    return noun(Study, row, body=orjson.loads(row["body"]))
