"""Clusterings: versions with every item's group, what a page shows of them, and what was decided about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ..errors import NotFound, Refused
from ..types import Assignment, Borderline, Cluster, Clustering, ClusterMap, ClusterReport, NewClustering
from . import events
from .driver import Driver, Row, Session, noun

CHUNK = 20_000
"""Items in one row of the assignment, and read at a time."""

_INSERT = """
insert into clusterings (project_id, number, parent_id, method, k, seed, status, upto, items, sample, metrics, borders,
    heeded, job_id, created_by, created_at)
select :project, coalesce(max(number), 0) + 1, :parent, :method, :k, :seed, 'candidate', :upto, :items, :sample,
    :metrics, :borders, :heeded, :job, :by, :now
from clusterings where project_id = :project returning *
"""

_REPORT = """
insert into cluster_reports (project_id, challenger_id, champion_id, finding, action, reasons, numbers, created_at)
values (:project, :challenger, :champion, :finding, :action, :reasons, :numbers, :now) returning *
"""

_DECIDE = """
update cluster_reports set decision = :decision, decided_by = :by, decided_reason = :reason, decided_at = :now
where id = :id
"""


class Clusterings:
    """Every clustering ever made of a project's items."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(
        self, project_id: int, made: NewClustering, *, parent: int | None, job_id: int | None, by: str, now: float
    ) -> Clustering:
        """Store a clustering with all that belongs to it, as a candidate.

        Of a job that has stored one already, that one is returned instead: a retried job never makes two.
        """
        values = {
            "project": project_id,
            "parent": parent,
            "method": made.method,
            "k": len(made.clusters),
            "seed": made.seed,
            "upto": made.upto,
            "items": len(made.assignment.ids),
            "sample": made.sample,
            "metrics": _text(made.metrics),
            "borders": _text([[each.item_id, each.own, each.rival] for each in made.borders]),
            "heeded": _text(made.heeded),
            "job": job_id,
            "by": by,
            "now": now,
        }
        with self._driver.writing() as session:
            known = session.query("select * from clusterings where job_id = ?", (job_id,))
            if known:
                return _clustering(known[0])
            row = session.query(_INSERT, values)[0]
            _keep_parts(session, row["id"], made)
            events.log(session, project_id, now, by, "clustering made", {"number": row["number"]})
        return _clustering(row)

    def of_job(self, job_id: int) -> Clustering | None:
        """The clustering a job has stored already."""
        found = self._find("select * from clusterings where job_id = ?", (job_id,))
        return found[0] if found else None

    def get(self, clustering_id: int) -> Clustering:
        """A clustering by id. Raises NotFound."""
        found = self._find("select * from clusterings where id = ?", (clustering_id,))
        if not found:
            raise NotFound(f"There is no clustering with id {clustering_id}.")
        return found[0]

    def numbered(self, project_id: int, number: int) -> Clustering:
        """A clustering by its number in its project. Raises NotFound, saying how many there are."""
        found = self._find("select * from clusterings where project_id = ? and number = ?", (project_id, number))
        if not found:
            last = self.latest(project_id, 1)
            there = f"1 to {last[0].number} are there" if last else "the project has none yet"
            raise NotFound(f"There is no clustering {number} in this project: {there}.")
        return found[0]

    def latest(self, project_id: int, limit: int = 20) -> list[Clustering]:
        """The newest clusterings first."""
        sql = "select * from clusterings where project_id = ? order by number desc limit ?"
        return self._find(sql, (project_id, limit))

    def champion(self, project_id: int) -> Clustering | None:
        """The clustering in use, None before the first."""
        found = self._find("select * from clusterings where project_id = ? and status = 'champion'", (project_id,))
        return found[0] if found else None

    def clusters(self, clustering_id: int) -> list[Cluster]:
        """The groups of a clustering by number."""
        with self._driver.reading() as session:
            rows = session.query("select * from clusters where clustering_id = ? order by number", (clustering_id,))
        return [_cluster(row) for row in rows]

    def borders(self, clustering_id: int) -> list[Borderline]:
        """Items near the border of two groups, the nearest first."""
        return [Borderline(*each) for each in self._json(clustering_id, "borders")]

    def heeded(self, clustering_id: int) -> list[tuple[int, int, bool, bool]]:
        """Pairs it was fitted with: (item, item, together, satisfied while it was left out)."""
        return [tuple(each) for each in self._json(clustering_id, "heeded")]

    def map_of(self, clustering_id: int) -> ClusterMap | None:
        """Where a sample of the items lies on a plane."""
        with self._driver.reading() as session:
            rows = session.query("select * from cluster_maps where clustering_id = ?", (clustering_id,))
        return _map(rows[0]) if rows else None

    def assignment(self, clustering_id: int) -> Assignment:
        """The prototype of every item; 10 bytes an item."""
        ids, prototypes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for each in self.chunks(clustering_id):
            ids.append(each.ids)
            prototypes.append(each.prototypes)
        return Assignment(np.concatenate(ids), np.concatenate(prototypes))

    def chunks(self, clustering_id: int) -> Iterator[Assignment]:
        """The same piece by piece, in the order of the ids."""
        last = -1
        while True:
            with self._driver.reading() as session:
                rows = session.query(
                    """select first_id, ids, prototypes from cluster_items
                    where clustering_id = ? and first_id > ? order by first_id limit 1""",
                    (clustering_id, last),
                )
            if not rows:
                return
            yield _piece(rows[0])
            last = rows[0]["first_id"]

    def prototypes_of(self, clustering_id: int, item_ids: Sequence[int]) -> dict[int, int]:
        """Item id -> its prototype, for those of the items the clustering holds. Reads the pieces that hold them."""
        found: dict[int, int] = {}
        wanted = np.unique(np.asarray(list(item_ids), dtype=np.int64))
        with self._driver.reading() as session:
            while len(wanted):
                rows = session.query(
                    """select first_id, ids, prototypes from cluster_items
                    where clustering_id = ? and first_id <= ? order by first_id desc limit 1""",
                    (clustering_id, int(wanted[-1])),
                )
                if not rows:
                    break
                piece = _piece(rows[0])
                here = wanted[wanted >= rows[0]["first_id"]]
                at = np.minimum(np.searchsorted(piece.ids, here), len(piece.ids) - 1)
                there = piece.ids[at] == here
                found |= dict(zip(here[there].tolist(), piece.prototypes[at[there]].tolist(), strict=True))
                wanted = wanted[wanted < rows[0]["first_id"]]
        return found

    def item_ids(self, project_id: int) -> tuple[int, ...]:
        """Ids of everything that is clustered: all items but those locked away to judge versions."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id from items where +project_id = ? and split <> 'holdout' order by id", (project_id,)
            )
        return columns[0] if columns else ()

    # -- verdicts ----------------------------------------------------------------------------------------------------

    def add_report(self, project_id: int, fields: Mapping[str, Any], now: float) -> ClusterReport:
        """Store what a comparison found; only the decision is added later."""
        values = {name: _text(value) if name in ("reasons", "numbers") else value for name, value in fields.items()}
        with self._driver.writing() as session:
            return _report(session.query(_REPORT, values | {"project": project_id, "now": now})[0])

    def looks(self, project_id: int) -> int:
        """How often clusterings of a project were compared."""
        with self._driver.reading() as session:
            rows = session.query(
                "select count(*) as n from cluster_reports where project_id = ? and champion_id is not null",
                (project_id,),
            )
        return int(rows[0]["n"])

    def report_on(self, clustering_id: int) -> ClusterReport | None:
        """The newest report on a clustering."""
        sql = "select * from cluster_reports where challenger_id = ? order by id desc limit 1"
        with self._driver.reading() as session:
            rows = session.query(sql, (clustering_id,))
        return _report(rows[0]) if rows else None

    def decide(
        self, made: Clustering, report: ClusterReport, decision: str, *, by: str, reason: str, now: float
    ) -> None:
        """Promote or refuse a clustering, with the decision on its report, in one transaction.

        Raises Refused when it is in use already, or another one has been put into use since the comparison.
        """
        with self._driver.writing() as session:
            (row,) = session.query("select * from clusterings where id = ?", (made.id,))
            if row["status"] == "champion":
                raise Refused(f"Clustering {made.number} is in use already.")
            if decision == "promote":
                _promote(session, made, report, now)
            else:
                session.execute("update clusterings set status = 'refused' where id = ?", (made.id,))
            session.execute(_DECIDE, {"decision": decision, "by": by, "reason": reason, "now": now, "id": report.id})
            kind = "clustering promoted" if decision == "promote" else "clustering refused"
            details = {"number": made.number, "reason": reason}
            events.log(session, made.project_id, now, by, kind, details)

    # -- shared ------------------------------------------------------------------------------------------------------

    def _find(self, sql: str, params: Sequence[Any]) -> list[Clustering]:
        with self._driver.reading() as session:
            return [_clustering(row) for row in session.query(sql, params)]

    def _json(self, clustering_id: int, column: str) -> list[Any]:
        with self._driver.reading() as session:
            rows = session.query(f"select {column} as found from clusterings where id = ?", (clustering_id,))
        parsed: list[Any] = orjson.loads(rows[0]["found"]) if rows else []
        return parsed


def _promote(session: Session, made: Clustering, report: ClusterReport, now: float) -> None:
    champion = session.query(
        "select id, number from clusterings where project_id = ? and status = 'champion'", (made.project_id,)
    )
    now_in_use = champion[0]["id"] if champion else None
    if report.champion_id != now_in_use:
        raise Refused(
            f"Clustering {made.number} was compared with another one than is in use now: compare it once more."
        )
    session.execute("update clusterings set status = 'retired' where id = ?", (now_in_use,))
    session.execute(
        "update clusterings set status = 'champion', promoted_at = coalesce(promoted_at, ?) where id = ?",
        (now, made.id),
    )


def _keep_parts(session: Session, clustering_id: int, made: NewClustering) -> None:
    session.many(
        "insert into clusters values (?, ?, ?, ?, ?, ?, ?)",
        (
            (clustering_id, c.number, c.name, c.size, _text(c.prototypes), _text(c.representatives), _text(c.odd))
            for c in made.clusters
        ),
    )
    ids, prototypes = made.assignment.ids, made.assignment.prototypes
    session.many(
        "insert into cluster_items values (?, ?, ?, ?)",
        (
            (
                clustering_id,
                int(ids[start]),
                ids[start : start + CHUNK].astype("<i8").tobytes(),
                prototypes[start : start + CHUNK].astype("<i2").tobytes(),
            )
            for start in range(0, len(ids), CHUNK)
        ),
    )
    drawn = made.map
    session.execute(
        "insert into cluster_maps values (?, ?, ?, ?)",
        (
            clustering_id,
            drawn.ids.astype("<i8").tobytes(),
            drawn.points.astype("<f4").tobytes(),
            drawn.clusters.astype("<i2").tobytes(),
        ),
    )


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _clustering(row: Row) -> Clustering:
    return noun(Clustering, row, metrics=orjson.loads(row["metrics"]))


def _cluster(row: Row) -> Cluster:
    listed = {name: tuple(orjson.loads(row[name])) for name in ("prototypes", "representatives", "odd")}
    return noun(Cluster, row, **listed)


def _report(row: Row) -> ClusterReport:
    reasons, numbers = tuple(orjson.loads(row["reasons"])), orjson.loads(row["numbers"])
    return noun(ClusterReport, row, reasons=reasons, numbers=numbers)


def _piece(row: Row) -> Assignment:
    return Assignment(
        np.frombuffer(row["ids"], dtype="<i8"), np.frombuffer(row["prototypes"], dtype="<i2").astype(np.int64)
    )


def _map(row: Row) -> ClusterMap:
    return ClusterMap(
        np.frombuffer(row["ids"], dtype="<i8"),
        np.frombuffer(row["points"], dtype="<f4").reshape(-1, 2),
        np.frombuffer(row["clusters"], dtype="<i2").astype(np.int64),
    )
