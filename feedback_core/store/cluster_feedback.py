"""What people say about clusterings: append-only entries, and the pairs they were asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..errors import InvalidFeedback, NotFound, Refused
from ..types import ClusterEntry, Clustering, PairDraw
from . import events
from .driver import Driver, Row, Session, noun

MOST = 20_000
"""Standing entries read at once, the newest; a person gives some hundreds an hour."""

_FIELDS = (
    "clustering_id", "kind", "item_a", "item_b", "cluster_a", "cluster_b", "name", "undoes", "draw_id", "audit",
    "reviewer", "note", "seconds", "idempotency_key", "created_at",
)  # fmt: skip

_INSERT = f"""
insert into cluster_feedback (project_id, {", ".join(_FIELDS)})
values (:project, {", ".join(f":{name}" for name in _FIELDS)}) returning *
"""

_STANDING = """
select f.* from cluster_feedback f
where f.project_id = :project and f.id <= :upto and f.kind <> 'undo' and (:reviewer is null or f.reviewer = :reviewer)
  and not exists (select 1 from cluster_feedback u where u.undoes = f.id and u.id <= :upto)
order by f.id desc limit :limit
"""

_ABOUT = """
select * from cluster_feedback f
where project_id = :project and cluster_a is not null
  and (clustering_id = :id or clustering_id = :parent and id > :upto)
  and not exists (select 1 from cluster_feedback u where u.undoes = f.id)
order by id desc limit :limit
"""

_REOPEN = """
update cluster_draws set decided_at = null where id = (select draw_id from cluster_feedback where id = ?)
"""

_DRAW = """
insert into cluster_draws (project_id, clustering_id, item_a, item_b, audit, propensity, reviewer, drawn_at)
values (:project, :clustering, :item_a, :item_b, :audit, :propensity, :reviewer, :now) returning *
"""


class ClusterFeedback:
    """The entries of a project, in the order they were given."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def record(self, project_id: int, fields: Mapping[str, Any]) -> ClusterEntry:
        """Keep one entry, durably. fields: columns by name; what is left out is empty.

        One with a known idempotency key is given back as it was stored. An answer closes its draw, and takes from it
        whether it is audited; a pair once drawn for the audit stays audited, whoever speaks of it. Raises NotFound for
        an item or draw of another project, InvalidFeedback for an answer to another pair.
        """
        values = dict.fromkeys(_FIELDS) | {"name": "", "note": "", "audit": 0} | dict(fields) | {"project": project_id}
        with self._driver.writing() as session:
            if values["idempotency_key"] is not None and (known := _known(session, values)):
                return known
            _check_items(session, values)
            if values["item_a"] is not None:
                values["audit"] = int(_drawn(session, values) or _audited(session, values))
            return _entry(session.query(_INSERT, values)[0])

    def undo(
        self, project_id: int, entry_id: int, reviewer: str, note: str, now: float, key: str | None = None
    ) -> ClusterEntry:
        """Take an entry back by another one. Raises NotFound, and Refused when that has been done already.

        Whose entry it is must have been asked before. A drawn pair goes back into the hand it was answered from.
        """
        entry = self.get(project_id, entry_id)
        values = dict.fromkeys(_FIELDS) | {
            "project": project_id, "kind": "undo", "undoes": entry.id, "reviewer": reviewer, "note": note,
            "created_at": now, "name": "", "audit": int(entry.audit), "clustering_id": entry.clustering_id,
            "idempotency_key": key,
        }  # fmt: skip
        with self._driver.writing() as session:
            if key is not None and _known(session, values):
                return entry
            if session.query("select 1 from cluster_feedback where undoes = ?", (entry.id,)):
                raise Refused(f"Entry {entry_id} is taken back already.")
            session.query(_INSERT, values)
            session.execute(_REOPEN, (entry.id,))
            if entry.reviewer != reviewer:
                details = {"entry": entry.id, "kind": entry.kind, "of": entry.reviewer}
                events.log(session, project_id, now, reviewer, "cluster feedback undone", details)
        return entry

    def keyed(self, project_id: int, key: str) -> ClusterEntry | None:
        """The entry stored under an idempotency key."""
        with self._driver.reading() as session:
            return _known(session, {"project": project_id, "idempotency_key": key})

    def get(self, project_id: int, entry_id: int) -> ClusterEntry:
        """One entry that can be taken back. Raises NotFound."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from cluster_feedback where id = ? and project_id = ? and kind <> 'undo'",
                (entry_id, project_id),
            )
        if not rows:
            raise NotFound(f"There is no entry {entry_id} on the groups of this project.")
        return _entry(rows[0])

    def standing(
        self, project_id: int, *, upto: int = 2**62, reviewer: str | None = None, limit: int = MOST
    ) -> list[ClusterEntry]:
        """Entries that were not taken back, the newest first. upto: as it was after that entry."""
        params = {"project": project_id, "upto": upto, "reviewer": reviewer, "limit": limit}
        with self._driver.reading() as session:
            return [_entry(row) for row in session.query(_STANDING, params)]

    def about(self, project_id: int, clustering: Clustering, limit: int) -> list[ClusterEntry]:
        """Merges, splits and names of a clustering that were not taken back, the newest first.

        Those given on its parent after it was made count for it, too.
        """
        params = {"project": project_id, "id": clustering.id, "parent": clustering.parent_id, "upto": clustering.upto}
        with self._driver.reading() as session:
            return [_entry(row) for row in session.query(_ABOUT, params | {"limit": limit})]

    def since(self, project_id: int, upto: int) -> int:
        """Entries after one, undos included."""
        sql = "select count(*) as n from cluster_feedback where project_id = ? and id > ?"
        with self._driver.reading() as session:
            return int(session.query(sql, (project_id, upto))[0]["n"])

    def newest(self, project_id: int) -> int:
        """Id of the newest entry, 0 before the first: nothing about the entries changes while it stays."""
        with self._driver.reading() as session:
            rows = session.query(
                "select coalesce(max(id), 0) as n from cluster_feedback where project_id = ?", (project_id,)
            )
        return int(rows[0]["n"])

    def page(self, project_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        """Every entry in the order it was given, undos included, as plain columns."""
        sql = "select * from cluster_feedback where project_id = ? and id > ? order by id limit ?"
        with self._driver.reading() as session:
            return session.query(sql, (project_id, after, limit))

    # -- pairs to ask about ------------------------------------------------------------------------------------------

    def draw(self, project_id: int, drawn: Sequence[PairDraw], now: float) -> list[PairDraw]:
        """Keep pairs that are handed to a reviewer; their ids are given here."""
        with self._driver.writing() as session:
            return [
                _pair(
                    session.query(
                        _DRAW,
                        {
                            "project": project_id,
                            "clustering": each.clustering_id,
                            "item_a": each.item_a,
                            "item_b": each.item_b,
                            "audit": int(each.audit),
                            "propensity": each.propensity,
                            "reviewer": each.reviewer,
                            "now": now,
                        },
                    )[0]
                )
                for each in drawn
            ]

    def hand(self, project_id: int, clustering_id: int, reviewer: str, limit: int = 100) -> list[PairDraw]:
        """Pairs a reviewer has been handed and not decided; audit pairs of earlier clusterings stay in hand."""
        with self._driver.reading() as session:
            rows = session.query(
                """select * from cluster_draws where project_id = ? and reviewer = ? and decided_at is null
                and (audit = 1 or clustering_id = ?) order by id limit ?""",
                (project_id, reviewer, clustering_id, limit),
            )
        return [_pair(row) for row in rows]


def _known(session: Session, values: Mapping[str, Any]) -> ClusterEntry | None:
    rows = session.query(
        "select * from cluster_feedback where project_id = :project and idempotency_key = :idempotency_key",
        {"project": values["project"], "idempotency_key": values["idempotency_key"]},
    )
    return _entry(rows[0]) if rows else None


def _check_items(session: Session, values: Mapping[str, Any]) -> None:
    wanted = [each for each in (values["item_a"], values["item_b"]) if each is not None]
    found = session.query(
        """select count(*) as n from items where id in (select value from json_each(?)) and project_id = ?
        and split <> 'holdout'""",
        (orjson.dumps(wanted).decode(), values["project"]),
    )
    if found[0]["n"] < len(wanted):
        raise NotFound(f"Items {wanted[0]} and {wanted[-1]}: not both are among those this project groups.")


def _drawn(session: Session, values: Mapping[str, Any]) -> bool:
    """Whether the draw an entry answers is audited; closes it."""
    if values["draw_id"] is None:
        return False
    rows = session.query(
        "select * from cluster_draws where id = ? and project_id = ?", (values["draw_id"], values["project"])
    )
    if not rows:
        raise NotFound(f"There is no drawn pair {values['draw_id']} in this project.")
    pair = (rows[0]["item_a"], rows[0]["item_b"])
    if pair != (values["item_a"], values["item_b"]):
        raise InvalidFeedback(f"draw={values['draw_id']} is about the items {pair[0]} and {pair[1]}: answer for those.")
    session.execute("update cluster_draws set decided_at = ? where id = ?", (values["created_at"], values["draw_id"]))
    return bool(rows[0]["audit"])


def _audited(session: Session, values: Mapping[str, Any]) -> bool:
    return bool(
        session.query(
            "select 1 from cluster_draws where item_a = ? and item_b = ? and audit = 1 and project_id = ?",
            (values["item_a"], values["item_b"], values["project"]),
        )
    )


def _entry(row: Row) -> ClusterEntry:
    return noun(ClusterEntry, row, audit=bool(row["audit"]))


def _pair(row: Row) -> PairDraw:
    return noun(PairDraw, row, audit=bool(row["audit"]))
