"""Which picture files a project's items refer to; the files themselves lie beside the model files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import orjson

from ..types import Project
from .driver import Driver, Session

_REFERENCE = re.compile(rb"sha256:([0-9a-f]{64})")


class Pictures:
    """References to picture files, by project."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def knows(self, project_id: int, digest: str) -> bool:
        """Whether an item of the project refers to the file with this SHA-256, in hex."""
        with self._driver.reading() as session:
            sql = "select 1 from pictures where project_id = ? and digest = ?"
            return bool(session.query(sql, (project_id, digest)))

    def of(self, project_id: int) -> Iterator[str]:
        """Every reference of a project, in pages of 5,000."""
        after = ""
        while found := self._page(project_id, after):
            yield from (f"sha256:{digest}" for digest in found)
            after = found[-1]

    def unknown(self, digests: Sequence[str]) -> set[str]:
        """Those of some files that no item of any project refers to."""
        with self._driver.reading() as session:
            sql = "select distinct digest from pictures where digest in (select value from json_each(?))"
            known = {row["digest"] for row in session.query(sql, (orjson.dumps(list(digests)).decode(),))}
        return set(digests) - known

    def any(self) -> bool:
        """Whether an item of any project refers to a picture."""
        with self._driver.reading() as session:
            return bool(session.query("select 1 from pictures limit 1"))

    def _page(self, project_id: int, after: str) -> list[str]:
        sql = "select digest from pictures where project_id = ? and digest > ? order by digest limit 5000"
        with self._driver.reading() as session:
            return [row["digest"] for row in session.query(sql, (project_id, after))]


def refer(session: Session, project: Project, inputs: Iterable[bytes]) -> None:
    """Note the pictures of new items inside the transaction that adds them."""
    if not any(column.files for column in project.schema.columns):
        return
    found = {digest.decode() for body in inputs for digest in _REFERENCE.findall(body)}
    rows = [(project.id, digest) for digest in sorted(found)]
    session.many("insert or ignore into pictures (project_id, digest) values (?, ?)", rows)
