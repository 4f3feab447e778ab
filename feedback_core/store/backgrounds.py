"""Rows without a label that versions learn from: which there are, and which a version has learned from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import orjson

from .driver import Driver, Session

_IDS = "select id from items where project_id = ? and split <> 'holdout' and audit = 0 order by id"

_INPUTS = """
select i.id, i.input from items i where i.id in (select value from json_each(:ids))
  and not exists (select 1 from items h where h.project_id = i.project_id and h.input_hash = i.input_hash
                  and (h.split = 'holdout' or h.audit = 1))
order by i.id
"""


@dataclass(frozen=True, slots=True)
class Background:
    """ids: of the rows, ascending. among: rows there were to choose from."""

    ids: tuple[int, ...] = ()
    among: int = 0


NONE = Background()


def keep(session: Session, version_id: int, background: Background) -> None:
    """Store what a version has learned from beside its labelled rows, in the transaction that stores it."""
    gaps = np.diff(np.asarray(background.ids, dtype=np.int64), prepend=0)
    session.execute(
        "insert into backgrounds (version_id, ids, among) values (?, ?, ?)",
        (version_id, zlib.compress(gaps.astype("<i8").tobytes()), background.among),
    )


class Backgrounds:
    """Rows that need no label to be learned from."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def of(self, version_id: int) -> Background:
        """What a version has learned from; nothing where it needs none."""
        with self._driver.reading() as session:
            rows = session.query("select ids, among from backgrounds where version_id = ?", (version_id,))
        if not rows:
            return NONE
        ids = np.frombuffer(zlib.decompress(rows[0]["ids"]), dtype="<i8").cumsum()
        return Background(tuple(ids.tolist()), rows[0]["among"])

    def spread(self, project_id: int, most: int) -> Background:
        """At most so many rows of a project, spread evenly: none that is locked or audited, or equal to such a one."""
        with self._driver.reading() as session:
            columns = session.columns(_IDS, (project_id,))
            ids = np.asarray(columns[0] if columns else (), dtype=np.int64)
            places = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
            found = session.columns(_INPUTS, {"ids": orjson.dumps(ids[places].tolist()).decode()})
        return Background(tuple(found[0]) if found else (), len(ids))

    def inputs(self, background: Background) -> list[str]:
        """Inputs of its rows, in their order; those that are gone are left out."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select input from items where id in (select value from json_each(?)) order by id",
                (orjson.dumps(list(background.ids)).decode(),),
            )
        return list(columns[0]) if columns else []
