"""The shadow: the project's recipe, fitted every 25 entries, answering each entry before it learns from it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import intake, tasks
from ..store import Store
from ..types import Answered, Project, RegretRow, TriggerState, Version
from . import regret
from .gather import learned_upto
from .lessons import fit, known, without

MOST_AT_ONCE = 200
"""Entries looked at in one tick; the next tick goes on from there."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A fitted model. armed: recipe it was made by. since: entries answered by it. seconds: what the fit took."""

    model: Any
    armed: str
    since: int
    seconds: float


class Shadows:
    """The shadows of one worker, one a project. They serve nobody and are not stored: a new worker fits them again."""

    def __init__(self) -> None:
        self._known: dict[int, Shadow] = {}

    def follow(self, store: Store, project: Project, state: TriggerState, champion: Version, now: float) -> None:
        """Bring the stored regret up to the newest entries, with at most one fit. Raises CannotTrain.

        An entry that was made on another version's prediction, was taken back, or that nobody asked for is passed over.
        """
        new = store.triggers.answered(project.id, state.upto, MOST_AT_ONCE)
        if not new:
            return
        shadow = self._ready(store, project, state)
        heard = [entry for entry in new if entry.counts and entry.version_id == champion.id and entry.strategy]
        heard = heard[: regret.REFIT_EVERY - shadow.since]
        full = shadow.since + len(heard) >= regret.REFIT_EVERY
        upto = heard[-1].feedback_id if full else new[-1].feedback_id
        rows = _rows(store, project, state, heard, shadow.model)
        if store.triggers.add_regret(state, rows, upto=upto, shadow_s=shadow.seconds, now=now):
            self._known[project.id] = replace(shadow, since=shadow.since + len(heard))

    def _ready(self, store: Store, project: Project, state: TriggerState) -> Shadow:
        shadow = self._known.get(project.id)
        if shadow is None or shadow.armed != state.armed or shadow.since >= regret.REFIT_EVERY:
            shadow = _fitted(store, project, state)
            self._known[project.id] = shadow
        return shadow


def _fitted(store: Store, project: Project, state: TriggerState) -> Shadow:
    began = time.perf_counter()
    # What came after the last entry looked at is not known yet to a shadow that is about to answer it.
    rows = without(known(store, project), store.triggers.items_after(project.id, state.upto))
    return Shadow(fit(project, rows), state.armed, 0, time.perf_counter() - began)


def _rows(
    store: Store, project: Project, state: TriggerState, entries: Sequence[Answered], model: Any
) -> list[RegretRow]:
    if not entries:
        return []
    inputs = store.items.inputs([entry.item_id for entry in entries])
    frame = intake.decode(inputs, project.schema)
    task = tasks.of(project)
    said = task.targets(task.numbers(model, frame, project), project)
    learned = learned_upto(store.versions.all(project.id))
    by_chance = store.triggers.by_chance(project.id, learned)
    unseen = store.tallies.of(project.id, "items").get("pool/open", 0)
    rows, total = [], state.regret
    for entry, guess in zip(entries, said, strict=True):
        q = regret.propensity(entry.strategy, by_chance, unseen)
        if q is None:
            continue
        champion_wrong, shadow_wrong = entry.predicted != entry.target, guess != entry.target
        total = regret.step(total, champion_wrong, shadow_wrong, q)
        rows.append(RegretRow(entry.feedback_id, champion_wrong, shadow_wrong, q, total))
    return rows
