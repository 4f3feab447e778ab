"""All conditions of a project together: any trigger fires, every brake must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..settings import Settings
from ..wording import counted
from . import brakes, corrections, drift, error_rate, regret, schedule
from .condition import Condition, lasting
from .facts import Facts


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer to "why not now?".

    due: whether a trigger is met. free: whether every brake agrees. fires: whether a retrain starts by itself. cause:
    the conditions that ask for it. rule: the whole mix in one sentence. answer: why it does not fire, or that it does.
    """

    conditions: tuple[Condition, ...]
    due: bool
    free: bool
    fires: bool
    cause: str
    rule: str
    answer: str


def standing(facts: Facts, settings: Settings) -> Standing:
    """Every condition of the project's mix, and what they add up to."""
    found = conditions(facts, settings)
    asking = [condition for condition in found if condition.kind == "trigger" and condition.met]
    free = all(condition.met for condition in found if condition.kind == "brake")
    return Standing(
        conditions=found,
        due=bool(asking),
        free=free,
        fires=bool(asking) and free and settings.automatic,
        cause=", ".join(condition.cause for condition in asking),
        rule=rule(settings),
        answer=_answer(found, asking, settings) + _also(facts),
    )


def conditions(facts: Facts, settings: Settings) -> tuple[Condition, ...]:
    """The triggers that the project uses, then the brakes."""
    return (*_triggers(facts, settings), *_brakes(facts, settings))


def rule(settings: Settings) -> str:
    """The mix in one plain sentence."""
    wants = _wants(settings)
    if not wants:
        return "Retrains only when somebody asks for it."
    if not settings.automatic:
        return f"Retrains only when somebody asks for it; says so {' or '.join(wants)}."
    held = f" and nobody has labelled for {lasting(settings.quiet_s)}" if settings.quiet_s else ""
    often = f", at most every {lasting(settings.cool_down_s).removeprefix('1 ')}" if settings.cool_down_s else ""
    return f"Retrains {' or '.join(wants)}{',' if held and len(wants) > 1 else ''}{held}{often}."


def _triggers(facts: Facts, settings: Settings) -> list[Condition]:
    found = []
    if settings.corrections_rule == "fixed":
        found.append(corrections.condition(facts.corrections, settings.retrain_threshold))
    if settings.corrections_rule == "auto":
        found.append(_auto(facts, settings))
    if settings.schedule:
        found.append(schedule.condition(settings.schedule, settings.time_zone, facts.since, facts.now))
    if settings.on_input_drift:
        seen = facts.input_drift
        found.append(drift.condition(seen.drifts, seen.seen, seen.look, settings.drift_significance, seen.calm))
    if settings.on_error_drift:
        rows = facts.error_drift
        found.append(
            error_rate.condition(
                rows.wrong_now, rows.n_now, rows.wrong_then, rows.n_then, rows.look, settings.drift_significance
            )
        )
    return found


def _auto(facts: Facts, settings: Settings) -> Condition:
    known, bounds = facts.regret, (settings.least_corrections, settings.most_corrections)
    if known.no_shadow:
        return regret.fallback_condition(known.no_shadow, known.cost, facts.corrections, *bounds)
    return regret.condition(known.total, known.entries, known.cost, facts.corrections, *bounds)


def _brakes(facts: Facts, settings: Settings) -> list[Condition]:
    return [
        brakes.quiet(facts.last_label_at, settings.quiet_s, facts.now),
        brakes.cool_down(facts.last_retrain_at, settings.cool_down_s, facts.now, failed=facts.last_failed),
        brakes.something_new(facts.obstacle),
        brakes.worker_free(facts.busy_with),
    ]


def _wants(settings: Settings) -> list[str]:
    wants = []
    if settings.corrections_rule == "fixed":
        n = settings.retrain_threshold
        wants.append(f"when {counted(n, 'correction')} {'is' if n == 1 else 'are'} in")
    if settings.corrections_rule == "auto":
        wants.append("when the avoidable errors have cost as much as a retrain")
    if settings.schedule:
        wants.append(f"on the schedule {settings.schedule} ({settings.time_zone})")
    if settings.on_input_drift:
        wants.append("when the inputs have drifted")
    if settings.on_error_drift:
        wants.append("when the audit sample shows more errors")
    return wants


def _answer(found: Sequence[Condition], asking: Sequence[Condition], settings: Settings) -> str:
    against = [condition for condition in found if condition.kind == "brake" and not condition.met]
    triggers = [condition for condition in found if condition.kind == "trigger"]
    if not triggers:
        return "No trigger is chosen: a retrain starts when somebody asks for it."
    if not asking:
        return "Not due: " + "; ".join(f"{condition.name}: {condition.sentence}" for condition in triggers) + "."
    said = "; ".join(condition.sentence for condition in asking)
    if against:
        return f"Due ({said}), but held back: {'; '.join(condition.sentence for condition in against)}."
    if not settings.automatic:
        return f"Due ({said}), and nothing holds it back: start it, or let it start by itself."
    return f"Due ({said}), and nothing holds it back: the worker starts it within seconds."


def _also(facts: Facts) -> str:
    said = f" Last verdict: {facts.last_verdict}." if facts.last_verdict else ""
    return said + (f" The worker's last look at the triggers broke off: {facts.trouble}" if facts.trouble else "")
