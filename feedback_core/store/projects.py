"""Projects: one loop each, many in one file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from ..errors import InvalidInput, NotFound
from ..settings import Settings, check_fits
from ..types import Column, Project, Schema, Task
from . import events
from .driver import Driver, Row, Session

KEPT = 64
"""Schemas, and settings, that are kept as they were read."""

_INSERT = """
insert into projects (name, task, labels, schema, settings, salt, simulated, created_at)
values (:name, :task, :labels, :schema, :settings, :salt, :simulated, :created_at) returning *
"""


class Projects:
    """Creating, finding and configuring projects."""

    def __init__(self, driver: Driver, pictures: str) -> None:
        """pictures: folder of the picture files that inputs refer to."""
        self._driver, self._pictures = driver, pictures

    def create(
        self,
        name: str,
        schema: Schema,
        labels: tuple[str, ...],
        settings: Settings,
        *,
        salt: int,
        now: float,
        actor: str,
        simulated: bool = False,
        task: Task = "classification",
    ) -> Project:
        """Add a project. Raises InvalidInput when the name is taken or empty."""
        name = name.strip()
        check_fits(settings, [column.name for column in schema.of_kind("category")], labels, task)
        values = {
            "name": name,
            "task": task,
            "labels": orjson.dumps(labels).decode(),
            "schema": orjson.dumps(_plain(schema)).decode(),
            "settings": orjson.dumps(settings.to_dict()).decode(),
            "salt": salt,
            "simulated": int(simulated),
            "created_at": now,
        }
        with self._driver.writing() as session:
            _refuse_name(session, name)
            row = session.query(_INSERT, values)[0]
            events.log(session, row["id"], now, actor, "project created", {"name": name, "labels": labels})
        return self._project(row)

    def rename(self, project: Project, name: str, *, now: float, actor: str) -> Project:
        """Give a project another name. Raises InvalidInput when it is taken or empty."""
        with self._driver.writing() as session:
            _refuse_name(session, name := name.strip())
            row = session.query("update projects set name = ? where id = ? returning *", (name, project.id))[0]
            details = {"from": project.name, "to": name}
            events.log(session, project.id, now, actor, "project renamed", details)
        return self._project(row)

    def archive(self, project: Project, *, now: float, actor: str) -> Project:
        """Hide a project from the lists; nothing in it is lost, and `restore` brings it back."""
        return self._set_archived(project, now, now, actor, "project archived")

    def restore(self, project: Project, *, now: float, actor: str) -> Project:
        """Bring an archived project back."""
        return self._set_archived(project, None, now, actor, "project restored")

    def archived(self) -> list[Project]:
        """Archived projects, the last one first."""
        with self._driver.reading() as session:
            sql = "select * from projects where archived_at is not null order by archived_at desc"
            return [self._project(row) for row in session.query(sql)]

    def get(self, project_id: int) -> Project:
        return self._one("select * from projects where id = ?", project_id)

    def named(self, name: str) -> Project:
        return self._one("select * from projects where name = ?", name)

    def all(self) -> list[Project]:
        """Every project that is not archived, oldest first."""
        with self._driver.reading() as session:
            sql = "select * from projects where archived_at is null order by id"
            return [self._project(row) for row in session.query(sql)]

    def update(
        self,
        project: Project,
        *,
        settings: Settings | None = None,
        labels: tuple[str, ...] = (),
        now: float,
        actor: str,
    ) -> Project:
        """Replace settings, or add labels at the end (the order of known labels never changes)."""
        known = project.labels + tuple(label for label in labels if label not in project.labels)
        settings = settings or project.settings
        check_fits(settings, [column.name for column in project.schema.of_kind("category")], known, project.task)
        body = orjson.dumps(settings.to_dict()).decode()
        with self._driver.writing() as session:
            before = orjson.loads(
                session.query("select settings from projects where id = ?", (project.id,))[0]["settings"]
            )
            row = session.query(
                "update projects set settings = ?, labels = ? where id = ? returning *",
                (body, orjson.dumps(known).decode(), project.id),
            )[0]
            details = {"settings": settings.to_dict(), "before": before}
            events.log(session, project.id, now, actor, "settings changed", details)
        return self._project(row)

    def _set_archived(self, project: Project, at: float | None, now: float, actor: str, kind: str) -> Project:
        with self._driver.writing() as session:
            row = session.query("update projects set archived_at = ? where id = ? returning *", (at, project.id))[0]
            events.log(session, project.id, now, actor, kind, {"name": project.name})
        return self._project(row)

    def _project(self, row: Row) -> Project:
        return _project(row, self._pictures)

    def _one(self, sql: str, wanted: int | str) -> Project:
        with self._driver.reading() as session:
            rows = session.query(sql, (wanted,))
        if not rows:
            raise NotFound(f"There is no project {wanted!r}: create it on the Setup page.")
        return self._project(rows[0])


def _refuse_name(session: Session, name: str) -> None:
    if not 1 <= len(name) <= 80:
        raise InvalidInput(f"The project name {name[:80]!r} has {len(name)} characters: give 1 to 80.")
    # What cannot be seen, or turns round what follows, makes a name look like another.
    if not name.isprintable():
        raise InvalidInput(f"The project name {name!a} has characters that are not shown: leave them out.")
    taken = session.query("select archived_at from projects where name = ?", (name,))
    if taken and taken[0]["archived_at"] is not None:
        raise InvalidInput(f"A project named {name!r} is archived: restore it on Setup, or choose another name.")
    if taken:
        raise InvalidInput(f"A project named {name!r} exists already: choose another name.")


def _plain(schema: Schema) -> list[dict[str, Any]]:
    return [
        {"name": column.name, "kind": column.kind, "shape": column.shape, "sources": column.sources}
        | ({"files": True} if column.files else {})
        for column in schema.columns
    ]


# Every request reads its project; of 120 us these two texts took 90. What they become is never changed.
@lru_cache(KEPT)
def _schema(text: str, pictures: str) -> Schema:
    return Schema(
        tuple(
            Column(
                entry["name"], entry["kind"], tuple(entry["shape"]), tuple(entry["sources"]), entry.get("files", False)
            )
            for entry in orjson.loads(text)
        ),
        pictures,
    )


@lru_cache(KEPT)
def _settings(text: str) -> Settings:
    return Settings.from_dict(orjson.loads(text))


def _project(row: Row, pictures: str) -> Project:
    return Project(
        id=row["id"],
        name=row["name"],
        task=row["task"],
        labels=tuple(orjson.loads(row["labels"])),
        schema=_schema(row["schema"], pictures),
        settings=_settings(row["settings"]),
        salt=row["salt"],
        simulated=bool(row["simulated"]),
        created_at=row["created_at"],
        anchor_id=row["anchor_id"],
        archived_at=row["archived_at"],
        refreshed_at=row["refreshed_at"],
        refreshed_after=row["refreshed_after"],
    )
