"""What follows a verdict when nobody is there to decide: of retrains that started by themselves, and of no others."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Literal

from .errors import Refused
from .loop import Loop
from .settings import Policy, Settings
from .types import GATE, TRIGGER, Action, GateReport, Version
from .wording import counted

log = logging.getLogger(__name__)

NEWER = "a newer candidate was trained"


def step(action: Action, judged_under: str, policy: Policy) -> Literal["promote", "refuse", "wait"]:
    """What is done about a verdict. judged_under: the policy of its time; what another one advised is not carried out.

    `manual` leaves everything to a person, a refusal too.
    """
    if policy == "manual" or judged_under != policy or action == "hold":
        return "wait"
    return action


def sentence(settings: Settings) -> str:
    """What will happen to a version that was trained without anybody asking for it."""
    if not settings.act_on_verdict:
        return "What it trains by itself waits for a person to decide."
    if settings.policy == "manual":
        return "What it trains by itself waits for a person to decide, because the policy is manual."
    return (
        "The gate's verdict is carried out: what it advises to promote becomes champion, what it advises against is "
        "refused, and what is open waits until a newer version takes its place."
    )


def settle(loop: Loop, version: Version, report: GateReport, cause: str = "") -> Version:
    """Carry out the verdict on a version that nobody asked for, where the project's settings allow it.

    cause: what started it. Safe to repeat: what is decided stays decided. A decision that things have overtaken, such
    as another champion meanwhile, is left to a person.
    """
    settings = loop.store.projects.get(loop.project.id).settings
    if version.created_by != TRIGGER or not settings.act_on_verdict or settings.policy == "manual":
        return version
    _close_older(loop, version)
    wanted = step(report.action, report.policy, settings.policy)
    if wanted == "wait" or report.decision is not None:
        return version
    asked = f"started by {cause}" if cause else "started by itself"
    reason = f"{asked}; the verdict was {report.finding}"
    try:
        if wanted == "promote":
            return loop.promote(version, GATE, reason, rescore=True)
        return loop.refuse(version, GATE, reason)
    except Refused as error:  # somebody has decided since, or there is another champion
        log.warning("version %s is left to a person: %s", version.number, error)
        return loop.store.versions.get(version.id)


def settle_left_open(loop: Loop) -> Version | None:
    """Carry out a verdict whose worker died after storing it, or was not allowed to then; None when there is none."""
    found = loop.store.versions.left_open(loop.project.id)
    if found is None:
        return None
    report, cause = found
    return settle(loop, loop.store.versions.get(report.challenger_id), report, cause)


def _close_older(loop: Loop, newest: Version) -> None:
    """Refuse the undecided candidates before it that nobody asked for either: each retrain would leave one more."""
    closed = 0
    for version in loop.store.versions.all(loop.project.id):
        own = version.created_by == TRIGGER and version.status == "candidate" and version.number < newest.number
        report = loop.store.versions.report_on(version.id) if own else None
        if report is not None and report.decision is None:
            with suppress(Refused):  # decided by somebody this moment
                loop.refuse(version, GATE, NEWER)
                closed += 1
    if closed:
        log.info("%s closed: %s", counted(closed, "older candidate"), NEWER)
