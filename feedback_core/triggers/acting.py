"""What the worker does about the triggers between two jobs: short, bounded, and safe to repeat or to break off."""

from __future__ import annotations

from collections.abc import Sequence

from ..store import Store
from ..types import Job, Project, TriggerState, Version
from . import gather, looking
from .shadow import Shadows

STEADY = 0.2
"""A proposed cost that moves by less than this share is left as it is: the threshold would never stand still."""


def tick(store: Store, project: Project, now: float, shadows: Shadows) -> Job | None:
    """Bring regret and drift up to date, and request a retrain when the mix says so; gives the job requested.

    Whatever is interrupted is found undone by the next tick: each step is one transaction, and the request for a
    retrain is stored together with the fact that it fired.
    """
    settings = project.settings
    if not settings.watched:
        return None
    versions = store.versions.all(project.id)
    state = _current(store, project, versions, now)
    if settings.corrections_rule == "auto":
        _follow(store, project, state, versions, now, shadows)
    if settings.on_input_drift and (last := gather.last_retrained(versions)) is not None:
        looking.look(store, project, state, last, now)
    return _fire(store, project, now) if settings.automatic else None


def _current(store: Store, project: Project, versions: Sequence[Version], now: float) -> TriggerState:
    """The state, about the settings in force, the present champion and the newest version that counts as a retrain."""
    learned, last = gather.learned_upto(versions), gather.last_retrained(versions)
    state = store.triggers.arm(project.id, gather.armed(project.settings), upto=learned, now=now)
    champion = gather.champion_of(versions)
    about = (champion.id if champion else None, last.id if last else None)
    if (state.champion_id, state.version_id) == about:
        return state
    return store.triggers.restart(state, champion_id=about[0], version_id=about[1], upto=learned, now=now)


def _follow(
    store: Store, project: Project, state: TriggerState, versions: Sequence[Version], now: float, shadows: Shadows
) -> None:
    champion, retrains = gather.champion_of(versions), store.triggers.retrains(project.id)
    cost, reasons = gather.cost(store, project, retrains)
    if reasons["priced"] or abs(cost - state.cost) > STEADY * state.cost:
        store.triggers.price(state, cost, reasons, now)
    if champion is not None and not gather.no_shadow(state, champion, gather.retrain_seconds(retrains)):
        shadows.follow(store, project, state, champion, now)


def _fire(store: Store, project: Project, now: float) -> Job | None:
    found, state = gather.why(store, project, now), store.triggers.state(project.id)
    if not found.fires or state is None:
        return None
    said = {condition.name: condition.sentence for condition in found.conditions}
    return store.triggers.fire(state, found.cause, {"conditions": said}, now)
