"""From the store to what the rules are told; reads only, a few indexed rows each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from .. import tasks, threshold
from ..settings import Settings
from ..store import Store
from ..types import Job, Project, TriggerState, Version
from . import error_rate, regret
from .calming import calm
from .drift import ColumnDrift
from .facts import ErrorDrift, Facts, InputDrift, Regret
from .mix import Standing, standing

SHADOW_LIMIT_S = 5.0
"""Seconds a fit of the shadow may take: the worker does nothing else meanwhile."""

RETRAIN_LIMIT_S = 60.0
"""A recipe whose retrain takes longer is not even tried as a shadow; saving, judging and scoring are part of it."""

NEWEST_AUDITED = 100
"""Audit rows whose errors are compared: older ones say nothing about now."""


def why(store: Store, project: Project, now: float) -> Standing:
    """Every condition of the project with its number, and why a retrain does not start now. Reads only."""
    return standing(facts(store, project, now), project.settings)


def facts(store: Store, project: Project, now: float) -> Facts:
    """What the rules are told about one project at this moment."""
    state = store.triggers.state(project.id)
    versions = store.versions.all(project.id)
    last = last_retrained(versions)
    pending = store.feedback.pending(project.id)
    retrains = store.triggers.retrains(project.id)
    oldest, newest = store.triggers.news(project.id, learned_upto(versions))
    started = [job.created_at for job in retrains[:1]] + ([last.created_at] if last else [])
    live = next((job.kind for job in store.jobs.live(project.id) if job.kind in ("retrain", "import")), "")
    return Facts(
        now=now,
        corrections=pending.get("correct", 0),
        since=max([oldest or max(started, default=project.created_at), *([state.armed_at] if state else [now])]),
        last_label_at=newest,
        last_retrain_at=max(started, default=None),
        last_failed=bool(retrains) and retrains[0].state == "failed",
        obstacle=obstacle(store, project, versions, pending),
        busy_with=live,
        trouble=state.trouble if state else "",
        last_verdict=_verdict(store, last),
        regret=_regret(store, project, state, versions, retrains),
        input_drift=_input_drift(store, project.id, state, last),
        error_drift=_error_drift(store, project, versions) if project.settings.on_error_drift else ErrorDrift(),
    )


def obstacle(store: Store, project: Project, versions: Sequence[Version], pending: Mapping[str, int]) -> str:
    """Why no version can be trained now, in words; empty when one can."""
    if not versions and tasks.of(project).background:
        return threshold.no_rows(store.tallies.of(project.id, "items"))
    if not versions:
        return threshold.obstacle(store.items.two_labels(project.id), True)
    last, settings, items = versions[-1], project.settings, store.tallies.of(project.id, "items")
    # Reviewed items of the audit sample are counted as labelled, and no version learns from them.
    scores = last.metrics.get("audit", {})
    audited = (scores.get("accuracy") or scores.get("error") or {}).get("n", 0)
    learned = (last.n_base, last.n_feedback + audited, last.estimator, last.params, last.half_life_days)
    labelled = (items.get("train/base", 0), items.get("pool/labelled", 0))
    known = (*labelled, settings.estimator, settings.params, settings.label_half_life_days)
    entries = pending.get("correct", 0) + pending.get("confirm", 0)
    # Numbers have no list of labels: two different ones among the rows are enough.
    labels = store.items.two_labels(project.id) if project.task == "regression" else project.labels
    return threshold.obstacle(labels, entries > 0 or learned != known or last.streamed > 0)


def armed(settings: Settings) -> str:
    """What begins anew when it changes: the recipe of the shadow and the schedule."""
    return repr(
        (
            settings.estimator,
            settings.params,
            settings.label_half_life_days,
            settings.schedule,
            settings.time_zone,
            settings.automatic,
        )
    )


def retrain_seconds(retrains: Sequence[Job]) -> float | None:
    """Median seconds of the newest finished retrains, None before the first."""
    times = [
        job.finished_at - job.started_at
        for job in retrains
        if job.state == "done" and job.finished_at and job.started_at
    ]
    return median(times) if times else None


def cost(store: Store, project: Project, retrains: Sequence[Job]) -> tuple[float, dict[str, Any]]:
    """Cost of a retrain in wrong predictions, and what it was derived from."""
    if project.settings.retrain_cost:
        return project.settings.retrain_cost, {"priced": True}
    seconds = store.triggers.correction_seconds(project.id)
    retrain_s, correction_s = retrain_seconds(retrains), median(seconds) if seconds else None
    proposed = regret.proposed_cost(retrain_s, correction_s)
    return proposed, {"priced": False, "retrain_s": retrain_s, "correction_s": correction_s}


def no_shadow(state: TriggerState | None, champion: Version | None, retrain_s: float | None) -> str:
    """Why no shadow predicts beside the champion; empty when one can."""
    if champion is None:
        return "there is no champion to compare a shadow with"
    if state is not None and state.shadow_s is not None and state.shadow_s > SHADOW_LIMIT_S:
        return f"fitting a shadow took {state.shadow_s:.0f} seconds here, at most {SHADOW_LIMIT_S:.0f} are spent on it"
    if retrain_s is not None and retrain_s > RETRAIN_LIMIT_S:
        return (
            f"a retrain takes {retrain_s:.0f} seconds here, too long to fit a shadow every {regret.REFIT_EVERY} entries"
        )
    return ""


def last_retrained(versions: Sequence[Version]) -> Version | None:
    """The newest version that counts as a retrain. versions: oldest first."""
    return next((version for version in reversed(versions) if version.counts_as_retrain), None)


def learned_upto(versions: Sequence[Version]) -> int:
    """Newest entry that a version which counts as a retrain may have learned from; 0 without any."""
    return max((version.feedback_upto for version in versions if version.counts_as_retrain), default=0)


def champion_of(versions: Sequence[Version]) -> Version | None:
    """The version that serves."""
    return next((version for version in versions if version.status == "champion"), None)


def input_drift_of(state: TriggerState | None, last: Version | None) -> InputDrift:
    """The last look at the inputs; nothing when it was about another version."""
    if state is None or last is None or state.drift.get("version_id") != last.id:
        return InputDrift()
    columns = tuple(ColumnDrift(**row) for row in state.drift["drifts"])
    return InputDrift(state.drift["seen"], state.drift["look"], columns)


def _input_drift(store: Store, project_id: int, state: TriggerState | None, last: Version | None) -> InputDrift:
    found = input_drift_of(state, last)
    if last is None or not found.drifts:
        return found
    return replace(found, calm=calm(store.drift_alerts.answered(project_id), last.id))


def _verdict(store: Store, last: Version | None) -> str:
    report = store.versions.report_on(last.id) if last is not None else None
    if last is None or report is None or report.finding == "first":
        return ""
    decided = {"promote": "promoted", "refuse": "refused"}.get(report.decision or "", "not decided yet")
    return f"version {last.number} is {report.finding}, {decided}"


def _regret(
    store: Store, project: Project, state: TriggerState | None, versions: Sequence[Version], retrains: Sequence[Job]
) -> Regret:
    if project.settings.corrections_rule != "auto":
        return Regret()
    champion = champion_of(versions)
    why_not = no_shadow(state, champion, retrain_seconds(retrains))
    if state is None or not state.cost:
        return Regret(cost=cost(store, project, retrains)[0], no_shadow=why_not)
    return Regret(state.regret, state.entries, state.cost, why_not)


def _error_drift(store: Store, project: Project, versions: Sequence[Version]) -> ErrorDrift:
    champion = champion_of(versions)
    if champion is None or champion.promoted_at is None:
        return ErrorDrift()
    then = champion.metrics.get("audit", {}).get("accuracy", {})
    n_then = then.get("n") or 0
    wrong_then = round(n_then * (1 - then["value"])) if n_then else 0
    wrong = store.triggers.audited(project.id, champion.id, champion.promoted_at)
    look = len(wrong) // error_rate.BLOCK
    # Between two looks nothing changes: rows after the last full block wait for the next one.
    seen = wrong[: look * error_rate.BLOCK][-NEWEST_AUDITED:] if look else wrong
    return ErrorDrift(sum(seen), len(seen), wrong_then, n_then, look)
