"""Versions and the evidence about them; a promotion without a stored report cannot be written."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from ..errors import NotFound, Refused, Stale
from ..types import ELSEWHERE, GATE, TRIGGER, Flip, GateReport, Project, TrainingRows, Version
from . import events, flips, jobs, realtime, standing
from .backgrounds import NONE, Background, keep
from .driver import Driver, Row, Session, noun

LESSONS = 12
"""Versions whose lessons are kept at hand."""

_INSERT = """
insert into versions (project_id, number, parent_id, job_id, estimator, params, seed, status, artifact, sha256, size,
                      environment, n_base, n_feedback, feedback_upto, metrics, created_by, created_at,
                      half_life_days, streamed)
values (:project_id, :number, :parent_id, :job_id, :estimator, :params, :seed, 'candidate', :artifact, :sha256, :size,
        :environment, :n_base, :n_feedback, :feedback_upto, '{}', :created_by, :created_at, :half_life_days,
        :streamed)
returning *
"""

# Entries that came in while the version was training are still pending after it; answers to questions with a known
# answer never are, and nothing learns from them.
_RECOUNT_PENDING = """
insert into tallies (project_id, kind, name, n)
select f.project_id, 'pending', f.verdict, count(*) from feedback f join items i on i.id = f.item_id
where f.project_id = :project and f.state = 'accepted' and f.verdict <> 'undo' and i.split = 'pool'
  and f.id > :upto
group by f.verdict
"""

# In the words of its index.
_NAMED = """
select * from versions where project_id = :project and estimator in ('http', 'predictions')
and json_extract(params, '$.name') = :name
"""

_REPORT = """
insert into gate_reports (project_id, challenger_id, champion_id, finding, action, reasons, numbers, policy, created_at)
values (:project_id, :challenger_id, :champion_id, :finding, :action, :reasons, :numbers, :policy, :created_at)
returning *
"""

_NEWEST_REPORT = "select coalesce(max(id), 0) as id from gate_reports where project_id = :project"

# The newest word on a version that nobody asked for, which its policy still carries out and nothing has overtaken; not
# while the job runs that does so itself.
_LEFT_OPEN = """
select r.*, coalesce((select trigger from jobs where id = v.job_id), '') as cause
from gate_reports r join versions v on v.id = r.challenger_id join projects p on p.id = r.project_id
where r.project_id = :project and r.decision is null and r.action in ('promote', 'refuse')
  and r.policy = json_extract(p.settings, '$.policy') and v.created_by = :own and v.status = 'candidate'
  and not exists (select 1 from gate_reports later where later.challenger_id = v.id and later.id > r.id)
  and not exists (select 1 from jobs j where j.id = v.job_id and j.state in ('waiting', 'running'))
  and (r.action = 'refuse' or r.id > p.refreshed_after and r.champion_id =
       (select id from versions c where c.project_id = p.id and c.status = 'champion'))
order by r.id desc limit 1
"""

# A report was judged under the policy and on the locked rows of its time; what these are now decides if it advises.
_PRESENT = """
select p.refreshed_after, json_extract(p.settings, '$.policy') as policy,
    v.number, v.status
from projects p join versions v on v.project_id = p.id where p.id = :project and v.id = :version
"""


class Versions:
    """Every model ever fitted for a project, and what was decided about it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        # What a version has learned never changes; 12 bytes a row instead of unpacking it for every entry looked at.
        self._lessons: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], list[str]]] = {}

    def create(
        self,
        project: Project,
        fields: Mapping[str, Any],
        rows: TrainingRows,
        weights: Sequence[float],
        taught: tuple[int, Sequence[tuple[int, int, str]]] | None = None,
        background: Background = NONE,
    ) -> Version:
        """Store a fitted version with the exact rows it was trained on, and restart the pending counts after them.

        The version of a job that already stored one is returned instead, and of those that live elsewhere the one of
        this name: a retried job never makes two, nor do two senders at once. taught: the
        version it started from, and the lessons (entry, item, label) in the order it learned them one by one.
        background: rows without a label that it has learned from too.
        """
        with self._driver.writing() as session:
            if known := _made_before(session, project.id, fields):
                return _version(known[0])
            number = session.query(
                "select coalesce(max(number), 0) + 1 as n from versions where project_id = ?", (project.id,)
            )[0]["n"]
            values = {"half_life_days": 0.0, "streamed": len(taught[1]) if taught else 0} | {
                name: _text(value) for name, value in fields.items()
            }
            row = session.query(_INSERT, values | {"project_id": project.id, "number": number})[0]
            session.execute("insert into lineage values (?, ?)", (row["id"], _pack(rows, weights)))
            if background.ids:
                keep(session, row["id"], background)
            if taught is not None:
                realtime.remember(session, row["id"], *taught)
            _recount_pending(session, project.id)
            done = "version imported" if row["estimator"] in ELSEWHERE else "version trained"
            events.log(session, project.id, row["created_at"], row["created_by"], done, {"number": number})
        return _version(row)

    def of_job(self, job_id: int) -> Version | None:
        """The version a job has stored already."""
        found = self._versions("select * from versions where job_id = ?", (job_id,))
        return found[0] if found else None

    def get(self, version_id: int) -> Version:
        found = self._versions("select * from versions where id = ?", (version_id,))
        if not found:
            raise NotFound(f"There is no version with id {version_id}.")
        return found[0]

    def project_of(self, version_id: int) -> int:
        """Id of the project a version belongs to. Raises NotFound."""
        with self._driver.reading() as session:
            rows = session.query("select project_id from versions where id = ?", (version_id,))
        if not rows:
            raise NotFound(f"There is no version with id {version_id}.")
        return int(rows[0]["project_id"])

    def numbered(self, project_id: int, number: int) -> Version:
        """A version by its number in its project. Raises NotFound, saying which numbers there are."""
        versions = self.all(project_id)
        found = [version for version in versions if version.number == number]
        if not found:
            there = f"versions 1 to {len(versions)}" if len(versions) > 1 else f"{len(versions)} version so far"
            raise NotFound(f"There is no version {number} in this project: it has {there}.")
        return found[0]

    def all(self, project_id: int) -> list[Version]:
        """Every version of a project, oldest first."""
        return self._versions("select * from versions where project_id = ? order by number", (project_id,))

    def champion(self, project_id: int) -> Version | None:
        found = self._versions("select * from versions where project_id = ? and status = 'champion'", (project_id,))
        return found[0] if found else None

    def set_metrics(self, version_id: int, metrics: Mapping[str, Any]) -> None:
        with self._driver.writing() as session:
            session.execute("update versions set metrics = ? where id = ?", (_text(metrics), version_id))

    def lineage(self, version_id: int) -> dict[str, list[Any]]:
        """ids, labels and weights of the rows a version was trained on, in the order they were used."""
        with self._driver.reading() as session:
            rows = session.query("select rows from lineage where version_id = ?", (version_id,))
        unpacked: dict[str, list[Any]] = orjson.loads(zlib.decompress(rows[0]["rows"])) if rows else {}
        return unpacked

    def learned(self, version_id: int, item_id: int) -> str | None:
        """Label that a version was taught for an item, None when it has not learned from it."""
        return self.learned_of(version_id, [item_id]).get(item_id)

    def learned_of(self, version_id: int, item_ids: Sequence[int]) -> dict[int, str]:
        """Item id -> label that a version was taught for it, for those of the items it has learned from."""
        ids, codes, labels = self._lesson(version_id)
        if not len(ids) or not len(item_ids):
            return {}
        wanted = np.asarray(item_ids, dtype=np.int64)
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        found = np.flatnonzero(ids[at] == wanted)
        return {int(wanted[n]): labels[codes[at[n]]] for n in found}

    def taught(self, version_id: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
        """Ids of the rows a version has learned from, in order, and the label it was taught for each, both (n,)."""
        ids, codes, labels = self._lesson(version_id)
        return ids, np.asarray(labels, dtype=object)[codes]

    def _lesson(self, version_id: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], list[str]]:
        known = self._lessons.pop(version_id, None) or _lessons(self.lineage(version_id))
        # Back at the end: what was used last stays longest. Threads may race here, and then read a lineage twice.
        self._lessons[version_id] = known
        for old in list(self._lessons)[:-LESSONS]:
            self._lessons.pop(old, None)
        return known

    def add_report(
        self,
        project: Project,
        fields: Mapping[str, Any],
        changed: Sequence[Flip] = (),
        *,
        seen: int | None = None,
        by: str = "gate",
    ) -> GateReport:
        """Store the evidence of one look with the rows that flip; only the decision it led to is added later.

        by: who asked for the look.
        seen: newest report when the looks were counted; raises Stale when another has been stored since, or the locked
        rows are not those of `project` any more: the look would bear a number that is taken.
        """
        values = {name: _text(value) for name, value in fields.items()}
        with self._driver.writing() as session:
            if seen is not None:
                _ask_that_looks_stand(session, project, seen)
            row = session.query(_REPORT, values | {"project_id": project.id})[0]
            flips.keep(session, row["id"], changed)
            details = {"finding": row["finding"], "action": row["action"], "version_id": row["challenger_id"]}
            events.log(session, project.id, row["created_at"], by, "version judged", details)
        return _report(row)

    def reports(self, project_id: int) -> list[GateReport]:
        """Every report of a project, newest first."""
        return self._reports("select * from gate_reports where project_id = ? order by id desc", (project_id,))

    def newest_report(self, project_id: int) -> int:
        """Id of the newest report of a project; 0 before the first."""
        with self._driver.reading() as session:
            return int(session.query(_NEWEST_REPORT, {"project": project_id})[0]["id"])

    def report(self, report_id: int) -> GateReport:
        """One report by id. Raises NotFound."""
        found = self._reports("select * from gate_reports where id = ?", (report_id,))
        if not found:
            raise NotFound(f"There is no gate report with id {report_id}.")
        return found[0]

    def compared(self, report: GateReport) -> tuple[Version, Version | None]:
        """Challenger and champion of a report; a first version had no champion to beat."""
        champion = None if report.champion_id is None else self.get(report.champion_id)
        return self.get(report.challenger_id), champion

    def verdict_on(self, version: Version) -> GateReport:
        """The newest report about a version. Raises NotFound where there is none."""
        report = self.report_on(version.id)
        if report is None:
            raise NotFound(f"Version {version.number} has no gate report: judge it first.")
        return report

    def report_on(self, version_id: int) -> GateReport | None:
        """The newest report about a version."""
        found = self._reports(
            "select * from gate_reports where challenger_id = ? order by id desc limit 1", (version_id,)
        )
        return found[0] if found else None

    def left_open(self, project_id: int) -> tuple[GateReport, str] | None:
        """The newest verdict on a version nobody asked for that could be carried out now and was not, and the cause."""
        with self._driver.reading() as session:
            rows = session.query(_LEFT_OPEN, {"project": project_id, "own": TRIGGER})
        return (_report(rows[0]), rows[0]["cause"]) if rows else None

    def decide(
        self,
        project: Project,
        report: GateReport,
        decision: str,
        *,
        by: str,
        reason: str,
        now: float,
        rescore: bool = False,
    ) -> Version:
        """Carry out `promote` or `refuse` of a report's challenger, in one transaction with the report's decision.

        rescore: ask for a new scoring of the pool after a promotion, in the same transaction.
        """
        with self._driver.writing() as session:
            if decision == "promote":
                # What the gate gives as a reason explains its advice, and is none to act against it.
                _ask_for_ground(session, project, report, "" if by == GATE else reason)
            _mark_decision(session, report, decision, by, reason, now)
            if decision == "promote":
                _crown(session, project, report, now)
                if rescore:
                    jobs.ask(session, project.id, "predict", trigger="new champion", by=by, now=now)
            else:
                session.execute(
                    "update versions set status = 'refused' where id = ? and status = 'candidate'",
                    (report.challenger_id,),
                )
            row = session.query("select * from versions where id = ?", (report.challenger_id,))[0]
            details = {"number": row["number"], "reason": reason, "report_id": report.id}
            events.log(session, project.id, now, by, f"version {decision}d", details)
        return _version(row)

    def _versions(self, sql: str, params: tuple[Any, ...]) -> list[Version]:
        with self._driver.reading() as session:
            return [_version(row) for row in session.query(sql, params)]

    def _reports(self, sql: str, params: tuple[Any, ...]) -> list[GateReport]:
        with self._driver.reading() as session:
            return [_report(row) for row in session.query(sql, params)]


def _made_before(session: Session, project_id: int, fields: Mapping[str, Any]) -> list[Row]:
    found: list[Row] = []
    if fields["job_id"] is not None:
        found = session.query("select * from versions where job_id = ?", (fields["job_id"],))
    if found or fields["estimator"] not in ("http", "predictions"):
        return found
    return session.query(_NAMED, {"project": project_id, "name": fields["params"]["name"]})


def _ask_that_looks_stand(session: Session, project: Project, seen: int) -> None:
    newest = session.query(_NEWEST_REPORT, {"project": project.id})[0]["id"]
    refreshed = session.query("select refreshed_after from projects where id = ?", (project.id,))[0]["refreshed_after"]
    if (newest, refreshed) != (seen, project.refreshed_after):
        raise Stale(f"Report {newest} was stored while this version was judged: judge it once more.")


def _ask_for_ground(session: Session, project: Project, report: GateReport, reason: str) -> None:
    """Raise Refused for a promotion that neither the report as things are now nor a reason speaks for."""
    now = session.query(_PRESENT, {"project": project.id, "version": report.challenger_id})[0]
    if now["status"] == "champion":
        raise Refused(f"Version {now['number']} is the champion already: there is nothing to promote.")
    if reason.strip():
        return
    if report.action != "promote":
        found = "is measurably worse" if report.finding == "worse" else "is not advised by the gate"
        why = " ".join(report.reasons)
        raise Refused(f"Version {now['number']} {found}: give a reason to promote it anyway. {why}")
    if report.finding == "first":
        return
    policy = now["policy"] or project.settings.policy  # projects may be older than the setting
    if report.policy != policy:
        raise Refused(
            f"The gate advised this under the policy {report.policy}, which is {policy} now: judge the version "
            "again, or give a reason."
        )
    if report.id <= now["refreshed_after"]:
        raise Refused(
            "The locked rows that this version was judged on have been refreshed since: judge it again, or give a "
            "reason."
        )


def _mark_decision(session: Session, report: GateReport, decision: str, by: str, reason: str, now: float) -> None:
    changed = session.execute(
        """update gate_reports set decision = ?, decided_by = ?, decision_reason = ?, decided_at = ?
        where id = ? and decision is null""",
        (decision, by, reason, now, report.id),
    )
    if not changed:
        raise Refused(f"Report {report.id} has been decided already: judge the version again first.")


def _crown(session: Session, project: Project, report: GateReport, now: float) -> None:
    version_id = report.challenger_id
    retired = session.query(
        "update versions set status = 'retired' where project_id = ? and status = 'champion' returning id",
        (project.id,),
    )
    if [row["id"] for row in retired] != [known for known in (report.champion_id,) if known is not None]:
        raise Refused(
            f"Report {report.id} compares with a version that is not the champion any more: train a new version."
        )
    # Brought back by a roll-back it keeps its first time: what has come in since is still nothing it has learned.
    session.execute(
        "update versions set status = 'champion', promoted_at = coalesce(promoted_at, ?) where id = ?",
        (now, version_id),
    )
    session.execute("update projects set anchor_id = ? where id = ? and anchor_id is null", (version_id, project.id))
    _recount_pending(session, project.id)


def _recount_pending(session: Session, project_id: int) -> None:
    session.execute("delete from tallies where project_id = ? and kind = 'pending'", (project_id,))
    upto = standing.learned_upto(session, project_id)
    session.execute(_RECOUNT_PENDING, {"project": project_id, "upto": upto})


def _pack(rows: TrainingRows, weights: Sequence[float]) -> bytes:
    body = orjson.dumps({"ids": rows.ids, "labels": rows.labels, "weights": np.asarray(weights).tolist()})
    return zlib.compress(body, 1)


def _lessons(lineage: Mapping[str, list[Any]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], list[str]]:
    """Item ids in order, and for each the number of its label among the labels."""
    number: dict[str, int] = {}
    codes = [number.setdefault(label, len(number)) for label in lineage.get("labels", [])]
    return np.asarray(lineage.get("ids", []), dtype=np.int64), np.asarray(codes, dtype=np.int32), list(number)


def _text(value: Any) -> Any:
    if isinstance(value, Mapping | tuple | list):
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return value


def _version(row: Row) -> Version:
    return noun(Version, row, **{name: orjson.loads(row[name]) for name in ("params", "environment", "metrics")})


def _report(row: Row) -> GateReport:
    return noun(GateReport, row, reasons=tuple(orjson.loads(row["reasons"])), numbers=orjson.loads(row["numbers"]))
