"""A line-up: several models trained on the same rows as challengers, each judged at a look of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import decisions, fitting, models, wording
from .errors import InvalidInput, NotFound, Refused
from .gate import wear
from .loop import Loop, silent
from .types import GateReport, Job, Progress, Version

MOST = 10
"""Models of one line-up: each costs a training and a look at the locked rows."""

TIMED = 1_000
"""Rows on which the time of a prediction is taken."""

REMEMBERED = 200
"""Newest results among which those of the last line-up are looked for."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One model of a line-up. report: of the look it was judged at. train_s: CPU seconds to read the rows and to train.

    predict_ms: CPU milliseconds for a thousand rows.
    """

    version: Version
    report: GateReport
    train_s: float
    predict_ms: float

    @property
    def is_undecided(self) -> bool:
        return self.report.decision is None and self.version.status == "candidate"

    @property
    def holdout(self) -> str:
        """Its score on the locked base rows in words, whatever kind of target is predicted."""
        return wording.score(self.version.metrics.get("holdout", {}))


@dataclass(frozen=True, slots=True)
class LineUp:
    """The last line-up. live: its jobs that are not over; failed: why the others have no version, by model."""

    contenders: tuple[Contender, ...]
    live: tuple[Job, ...]
    failed: Mapping[str, str]
    created_at: float | None


def request(loop: Loop, estimators: Sequence[str], by: str) -> list[Job]:
    """Ask the worker to train these models on what is there now; one job each.

    Raises InvalidInput for too few, too many or doubled names, NotFound and NotInstalled for a model that is not here,
    and Refused before the first version, with which they are compared.
    """
    names = list(dict.fromkeys(estimators))
    if not 1 <= len(names) <= MOST or len(names) < len(estimators):
        raise InvalidInput(f"estimators={list(estimators)!r:.200}: name 1 to {MOST} models, each once.")
    offered = models.choices(loop.project.task, loop.project.schema)
    for name in names:
        if name not in offered:
            raise NotFound(f"estimators: {name!r:.80} is no model for this project: choose among {', '.join(offered)}.")
        models.BUILDERS[name].require()
    if loop.store.versions.champion(loop.project.id) is None:
        raise Refused("A line-up is compared with the champion: train the first version before.")
    token, now = secrets.token_hex(8), loop.clock()
    return [
        loop.store.jobs.request(
            loop.project.id, "line-up", trigger="line-up", by=by, now=now, payload={"estimator": name, "token": token}
        )
        for name in names
    ]


def train(loop: Loop, job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Train one model of a line-up and judge it; its verdict waits for a person."""
    start = time.process_time()
    settings = loop.project.settings
    name = job.payload["estimator"]
    params = settings.params if name == settings.estimator else {}
    version = loop.retrain(job.requested_by, job.id, progress, recipe=(name, params))
    train_s = time.process_time() - start
    report = loop.store.versions.report_on(version.id) or loop.judge(version, progress, by=job.requested_by)
    body = {"token": job.payload["token"], "train_s": train_s, "predict_ms": _predict_ms(loop, version)}
    loop.store.studies.save(loop.project.id, "line-up", body, version_id=version.id, now=loop.clock())
    return {"version": version.number, "finding": report.finding, "action": report.action}


def newest(loop: Loop) -> LineUp:
    """The last line-up as far as it has come, the most accurate first."""
    jobs = [job for job in loop.store.jobs.latest(loop.project.id, REMEMBERED) if job.kind == "line-up"]
    studies = loop.store.studies.latest(loop.project.id, "line-up", REMEMBERED)
    token = jobs[0].payload["token"] if jobs else studies[0].body["token"] if studies else None
    mine = [job for job in jobs if job.payload["token"] == token]
    # A job that was taken up again may have saved its figures twice: the newest count.
    own = {study.version_id: study for study in reversed(studies) if study.body["token"] == token}
    found = [_contender(loop, version_id, study.body) for version_id, study in own.items() if version_id is not None]
    return LineUp(
        tuple(sorted(found, key=_order)),
        tuple(job for job in mine if job.state in ("waiting", "running")),
        {job.payload["estimator"]: job.error or "cancelled" for job in mine if job.state in ("failed", "cancelled")},
        min((job.created_at for job in mine), default=None),
    )


def choose(loop: Loop, version: Version, by: str, reason: str = "") -> Version:
    """Promote one contender of the last line-up and close the cases of the others."""
    standing = newest(loop)
    if version.id not in {each.version.id for each in standing.contenders}:
        raise NotFound(f"Version {version.number} is not in the last line-up.")
    promoted = decisions.promote(loop, version, by, reason)
    for each in standing.contenders:
        if each.is_undecided and each.version.id != version.id:
            decisions.refuse(loop, each.version, by, f"version {version.number} was chosen from the line-up")
    return promoted


def looks_left(loop: Loop) -> int:
    """Looks at the present locked rows that a proof is still budgeted for."""
    reports = loop.store.versions.reports(loop.project.id)
    return max(0, wear.LOOKS - wear.looks_so_far(reports, loop.project.refreshed_after))


def table(standing: LineUp) -> list[dict[str, Any]]:
    """One row a contender, as pages, REST and the command line show it; fractions are 0-1, None where unknown."""
    return [_row(each) for each in standing.contenders]


def _row(each: Contender) -> dict[str, Any]:
    version, numbers = each.version, each.report.numbers
    scores = version.metrics.get("holdout", {})
    return {
        "version": version.number,
        "model": models.title(version.estimator),
        "estimator": version.estimator,
        "score": scores.get("average_precision") or scores.get("accuracy") or scores.get("error"),
        "difference": numbers.get("difference"),
        "unit": numbers.get("unit", "points"),
        "p": numbers.get("p"),
        "finding": each.report.finding,
        "advice": each.report.action,
        "decision": each.report.decision,
        "train_s": each.train_s,
        "predict_ms": each.predict_ms,
        "size": version.size,
    }


def _contender(loop: Loop, version_id: int, body: Mapping[str, Any]) -> Contender:
    report = loop.store.versions.report_on(version_id)
    assert report is not None  # it is judged before its figures are kept
    return Contender(loop.store.versions.get(version_id), report, body["train_s"], body["predict_ms"])


def _order(each: Contender) -> tuple[float, float]:
    difference = each.report.numbers.get("difference") or {"value": 0.0}
    return -float(difference["value"] or 0.0), each.train_s


def _predict_ms(loop: Loop, version: Version) -> float:
    inputs = loop.store.items.locked_rows(loop.project.id).inputs[:TIMED]
    if not inputs:
        return 0.0
    model, start = loop.model(version), time.process_time()
    fitting.proba(model, inputs, loop.project)
    return (time.process_time() - start) / len(inputs) * 1_000 * 1_000
