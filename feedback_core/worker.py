"""What each kind of job does, and one job from its claim to its end, in the process at hand."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from . import (
    brought,
    comparison,
    incoming,
    lineup,
    maps,
    outside,
    realtime,
    reports,
    staging,
    studies,
    tasks,
    triggers,
    unattended,
)
from .clustering import deciding
from .environment import process_name
from .errors import FeedbackError, StoreBusy
from .heartbeat import BEAT_S, Cancelled, GaveWay, Heartbeat, LeaseLost
from .loop import Loop, silent
from .store import Store
from .trouble import trouble_with
from .types import GATE, Job, Progress, Project, Version

LEASE_S = 20.0
"""A dead worker's job is taken up again after this many seconds."""

IDLE_S = 0.5

FOLLOW_S = 0.1
"""Between two looks for entries to learn in real time; a look that finds nothing takes a fraction of a millisecond."""

LESS_MEMORY = "give the machine more of it, or choose a smaller model or fewer rows. The champion keeps serving."

log = logging.getLogger(__name__)


def retrain(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """A new version, judged; the very first one is promoted at once, because nothing serves yet.

    Of a retrain that started by itself the verdict is carried out. A connected model that learns elsewhere is asked to
    instead.
    """
    asked = outside.ask_to_train(loop.store, loop.project, job.requested_by, job.id, loop.clock(), progress)
    if asked is None:
        return _compared(loop, _judged(loop, loop.retrain(job.requested_by, job.id, progress), job, progress), job)
    if asked.version is None:
        return {"asked": asked.request.id}  # it registers the version once it has learned
    return _judged(loop, asked.version, job, progress)


def _judged(loop: Loop, version: Version, job: Job, progress: Progress) -> dict[str, Any]:
    report = loop.store.versions.report_on(version.id)
    if report is None:
        report = loop.judge(version, progress)
    elif not reports.file_of(loop.store, report).exists():
        loop.publish(report)  # a worker before this one died after its last transaction
    if report.finding == "first" and report.decision is None:
        loop.promote(version, GATE, "first version", rescore=True)
    else:
        unattended.settle(loop, version, report, job.trigger)
    return {"version": version.number, "finding": report.finding, "action": report.action}


def _compared(loop: Loop, done: dict[str, Any], job: Job) -> dict[str, Any]:
    """Have what moved in a new version told, once everything else is done; gives what the job gives."""
    version = loop.store.versions.numbered(loop.project.id, done["version"])
    if studies.to_compare(loop.store, loop.project, version):
        loop.request_study("effects", job.requested_by, version, trigger="new version")
    return done


def judge_imported(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """A version from elsewhere, judged like any other; the first one is promoted at once."""
    return _judged(loop, loop.store.versions.get(job.payload["version"]), job, progress)


def line_up(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """One model of a line-up, trained and judged; a person decides about all of them."""
    return lineup.train(loop, job, progress)


def judge_realtime(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """The real-time challenger of this moment as a version, judged like any other."""
    given = (loop.store, loop.project, job.requested_by, job.id, loop.clock(), progress)
    return _judged(loop, realtime.new_version(*given), job, progress)


def predict(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Score the pool with the champion and reorder the queue; then the entries are ranked by what it knows.

    This comes after every promotion, so it is also where the studies of a new champion are asked for.
    """
    scored = loop.predict(progress)
    for kind in studies.missing(loop.store, loop.project):
        loop.request_study(kind, job.requested_by, trigger="new champion")
    if loop.store.feedback.latest(loop.project.id, 1):
        loop.request_ranking(job.requested_by)
    return {"items": scored}


def rank_feedback(loop: Loop, _job: Job, progress: Progress) -> dict[str, Any]:
    """Order the entries for a maintainer's second look."""
    return {"entries": loop.rank_feedback(progress)}


def take_in(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Store the rows a page has checked and staged, then ask for the first version, or for their predictions.

    Safe to repeat: rows that are there already are left as they are.
    """
    path = staging.named(staging.folder(loop.store.artifacts), job.payload["file"])
    if job.attempts > 1 and not path.is_file():
        return {"added": 0}  # the worker before this one died after its last step, which removes the file
    added = loop.add_items(staging.read(path), job.requested_by, progress)
    if loop.store.versions.champion(loop.project.id) is not None:
        loop.request_rescore(job.requested_by)
    elif job.payload["train"]:
        loop.request_retrain(job.requested_by, "first data")
    elif not tasks.of(loop.project).learns and added:
        deciding.request(loop, job.requested_by, trigger="new rows")
    path.unlink()
    return {"added": added}


def take_in_file(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Take in a staged file of another program, items and answers. Safe to repeat: nothing of it is stored twice."""
    path = staging.named(staging.folder(loop.store.artifacts), job.payload["file"])
    if job.attempts > 1 and not path.is_file():
        return {"added": 0}  # the worker before this one died after its last step, which removes the file
    choices = incoming.Choices(**job.payload["choices"])
    with path.open("rb") as file:
        taken = incoming.take(loop, file, choices, job.requested_by, path.stat().st_size, progress)
    if taken.items and loop.store.versions.champion(loop.project.id) is not None:
        loop.request_rescore(job.requested_by, "new items")
    path.unlink()
    return taken.to_dict()


def take_in_predictions(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Store a staged file of predictions under their version's name. Safe to repeat: the same ones are stored again."""
    path = staging.named(staging.folder(loop.store.artifacts), job.payload["file"])
    if job.attempts > 1 and not path.is_file():
        return {"says": []}  # the worker before this one died after its last step, which removes the file
    said, named = outside.from_file(path.read_bytes(), job.payload["filename"])
    progress(0.0, f"{len(said):,} predictions read")
    found = brought.predictions(loop, said, job.payload["name"] or named, job.requested_by, progress)
    path.unlink()
    return {"version": found.version.number, "stored": found.taken.stored, "says": list(found.says)}


def draw_map(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Lay the pool out on a plane by a method that takes longer than a page may."""
    return {"items": maps.draw(loop, job.payload["method"], progress)}


def forecast(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Say what more labels are worth to a version."""
    study = studies.forecast(loop.store, loop.project, _about(loop, job), loop.clock(), progress)
    return {"study": study.id}


def dry_run(loop: Loop, _job: Job, progress: Progress) -> dict[str, Any]:
    """Say what a retrain would bring."""
    return {"study": studies.dry_run(loop.store, loop.project, loop.clock(), progress).id}


def credit(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Trace a version's gain back to the feedback it came from."""
    study = studies.credit(loop.store, loop.project, _about(loop, job), loop.clock(), progress, loop.model)
    return {"study": study.id}


def certificate(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Find the confidence from which on a champion's predictions need no review."""
    return {"study": studies.certificate(loop.store, loop.project, _about(loop, job), loop.clock(), progress).id}


def effects(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """Say what moved between a version and the one before it, and have its report say so, too."""
    version = _about(loop, job)
    study = studies.effects(loop.store, loop.project, version, loop.clock(), progress, loop.model)
    loop.publish(loop.store.versions.verdict_on(version))
    return {"study": study.id}


def backtest(loop: Loop, _job: Job, progress: Progress) -> dict[str, Any]:
    """Replay the stored feedback under other rules for when to retrain."""
    body = triggers.backtest(loop.store, loop.project, progress)
    study = loop.store.studies.save(loop.project.id, "backtest", body, version_id=None, now=loop.clock())
    return {"study": study.id}


def recluster(loop: Loop, job: Job, progress: Progress) -> dict[str, Any]:
    """A new clustering, compared with the one in use; the very first one is put into use at once."""
    made, report = deciding.carry_out(loop, job, progress)
    return {"clustering": made.number, "finding": report.finding, "action": report.action}


def _about(loop: Loop, job: Job) -> Version:
    return loop.store.versions.get(job.payload["version"])


KINDS: dict[str, Callable[[Loop, Job, Progress], dict[str, Any]]] = {
    "import": take_in,
    "import file": take_in_file,
    "import predictions": take_in_predictions,
    "retrain": retrain,
    "line-up": line_up,
    "real time": judge_realtime,
    "judge": judge_imported,
    "predict": predict,
    "rank feedback": rank_feedback,
    "map": draw_map,
    "forecast": forecast,
    "dry run": dry_run,
    "credit": credit,
    "effects": effects,
    "backtest": backtest,
    "recluster": recluster,
    "certificate": certificate,
}


def run_next(
    store: Store,
    worker: str,
    clock: Callable[[], float] = time.time,
    *,
    only: int | None = None,
    say: Progress = silent,
) -> Job | None:
    """Claim one job, do it here, close it; None when there was nothing to do. only: this job and no other."""
    job = store.jobs.claim(worker, clock(), LEASE_S, only)
    return None if job is None else carry_out(store, job, worker, clock, say=say)


def carry_out(
    store: Store,
    job: Job,
    worker: str,
    clock: Callable[[], float] = time.time,
    *,
    lease_s: float = LEASE_S,
    say: Progress = silent,
) -> Job:
    """Do a claimed job and close it. Raises StoreBusy when not even its end could be stored."""
    log.info("job %s: %s for project %s, attempt %s", job.id, job.kind, job.project_id, job.attempts)
    with Heartbeat(store, job, worker, clock, lease_s=lease_s, beat_s=min(BEAT_S, lease_s / 4), say=say) as heart:
        try:
            result = _result(store, job, heart, clock)
            store.jobs.finish(job.id, worker, result, clock())
        except LeaseLost:
            log.warning("job %s was taken over by another worker", job.id)
        except Cancelled:
            store.jobs.stopped(job.id, worker, clock())
        except GaveWay:
            log.info("job %s waits again", job.id)
            store.jobs.put_back(job, worker, clock())
        except StoreBusy as error:
            store.jobs.try_again(job, worker, str(error), clock())
        except FeedbackError as error:
            store.jobs.fail(job.id, worker, str(error), clock())
        except MemoryError as error:
            log.error("job %s ran out of memory\n%s", job.id, traceback.format_exc())
            store.jobs.fail(job.id, worker, f"Memory ran out ({error or 'no details'}): {LESS_MEMORY}", clock())
        except Exception as error:  # the one catch-all: a job must never stay "running"
            log.error("job %s failed\n%s", job.id, traceback.format_exc())
            store.jobs.fail(job.id, worker, f"{type(error).__name__}: {error}", clock())
    return store.jobs.get(job.id)


def _result(store: Store, job: Job, heart: Heartbeat, clock: Callable[[], float]) -> dict[str, Any]:
    """What the job gives; what it has said is on record before how it ended."""
    try:
        return KINDS[job.kind](Loop(store, store.projects.get(job.project_id), clock=clock), job, heart.progress)
    finally:
        heart.write()


def run_here(store: Store, job: Job, say: Progress = silent) -> Job:
    """Do one job in this process and give it back closed; while another worker has it, follow that one's progress."""
    heard = ""
    while (now := store.jobs.get(job.id)).state in ("waiting", "running"):
        if run_next(store, process_name(), only=job.id, say=say) is None:
            if now.message != heard:
                heard = now.message
                say(now.progress, heard)
            time.sleep(IDLE_S)
    return now


def tick_all(store: Store, now: float, shadows: triggers.Shadows) -> None:
    """Let every project's triggers have their say; what goes wrong with one is noted there and holds up no other."""
    for project in store.projects.all():
        work = partial(_tick, store, project, now, shadows)
        store.triggers.trouble(project.id, trouble_with(f"triggers of project {project.id}", work))


def _tick(store: Store, project: Project, now: float, shadows: triggers.Shadows) -> None:
    triggers.tick(store, project, now, shadows)
    unattended.settle_left_open(Loop(store, project))
    judge_again(store, project)


def follow_all(store: Store, challengers: realtime.Challengers, clock: Callable[[], float] = time.time) -> int:
    """Let every project's real-time challenger learn what has come in; gives the projects looked at.

    What goes wrong with one is noted there and holds up no other.
    """
    looked = 0
    for project_id in challengers.changed(store):
        looked += 1
        work = partial(_follow, store, project_id, challengers, clock)
        trouble = trouble_with(f"real time of project {project_id}", work)
        if trouble:
            store.realtime.trouble(project_id, trouble, clock())
    return looked


def _follow(store: Store, project_id: int, challengers: realtime.Challengers, clock: Callable[[], float]) -> None:
    project = store.projects.get(project_id)
    challengers.follow(store, project)
    if project.settings.realtime_every:
        store.realtime.ask_when_due(project.id, project.settings.realtime_every, clock())
    challengers.done(project.id)


def follow_for(store: Store, challengers: realtime.Challengers, seconds: float) -> None:
    """Follow for so many seconds, with a look every FOLLOW_S."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        follow_all(store, challengers)
        time.sleep(FOLLOW_S)


def judge_again(store: Store, project: Project) -> None:
    """Judge an undecided candidate again once enough audit labels have come in; it repeats the same look."""
    version = comparison.due_again(store, project)
    if version is not None:
        loop = Loop(store, project)
        unattended.settle(loop, version, loop.judge(version), "fresh audit labels")
