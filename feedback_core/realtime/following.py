"""Bringing real-time challengers up to what is stored; what they hold is always the fold of the stored order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import NotFound
from ..store import Store
from ..triggers import regret
from ..types import Lesson, LiveStep, Project, Version
from . import plan
from .learner import Key, Learner, Origin, origin, recipe

AGAIN_S = 30.0
"""Between two attempts at what failed, while nothing has changed: a start may cost seconds of fitting."""

MOST_AT_ONCE = 50
"""Lessons learned before they are stored; the next look goes on from there."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a challenger has to have learned.

    fallen: ids of the origin's rows that no longer stand. upto: newest entry.
    """

    origin: Version
    recipe: tuple[str, dict[str, Any]]
    fallen: frozenset[int]
    lessons: tuple[Lesson, ...]
    upto: int

    @property
    def start(self) -> tuple[Any, ...]:
        """What the origin's model depends on."""
        return self.origin.id, self.recipe, self.fallen


def order(store: Store, project: Project, fed: dict[int, dict[int, str]] | None = None) -> Order:
    """The order as it is stored now. Raises NotFound before the first champion.

    fed: labels by item of the reviewed rows a version has learned, by version; kept between calls, it never changes.
    """
    champion = store.versions.champion(project.id)
    if champion is None:
        raise NotFound(f"{project.name} has no champion to start from: train the first version on the Retrain page.")
    fed = {} if fed is None else fed
    if champion.id not in fed:
        ids = store.versions.taught(champion.id)[0].tolist()
        fed[champion.id] = store.realtime.reviewed(store.versions.learned_of(champion.id, ids))
    known = fed[champion.id]
    # Base rows are never taken back, and no input that was once learned is locked later.
    standing = store.realtime.standing(list(known))
    fallen = frozenset(item_id for item_id, label in known.items() if standing.get(item_id) != label)
    upto, lessons = store.realtime.lessons(project.id, champion.feedback_upto)
    new = tuple(lesson for lesson in lessons if lesson.item_id not in known or lesson.item_id in fallen)
    return Order(champion, recipe(project, champion), fallen, new, upto)


def start(store: Store, project: Project, wanted: Order) -> Origin:
    """The origin of an order. Raises CannotTrain, ArtifactError."""
    return origin(store, project, wanted.origin, wanted.recipe, wanted.fallen)


def key(lesson: Lesson) -> Key:
    """What a lesson is known by."""
    return lesson.feedback_id, lesson.item_id, lesson.label


@dataclass
class Followed:
    """One challenger in memory. start: what its origin depends on."""

    start: tuple[Any, ...]
    learner: Learner


@dataclass
class Challengers:
    """The real-time challengers of one process, one a project. Nothing in here is lost with it: see `order`."""

    clock: Callable[[], float] = time.time
    _known: dict[int, Followed] = field(default_factory=dict)
    _seen: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _failed: dict[int, float] = field(default_factory=dict)
    _fed: dict[int, dict[int, str]] = field(default_factory=dict)

    def changed(self, store: Store) -> Iterator[int]:
        """Ids of the projects in which something has happened since they were last followed."""
        signals = store.realtime.signals()
        for gone in self._known.keys() - signals.keys():
            del self._known[gone]
        for project_id, signal in signals.items():
            tried = self._failed.get(project_id)
            if self._seen.get(project_id) != signal or (tried is not None and self.clock() - tried >= AGAIN_S):
                self._seen[project_id], self._failed[project_id] = signal, self.clock()
                yield project_id

    def follow(self, store: Store, project: Project) -> int:
        """Learn what is new, or begin anew where what was learned no longer stands; gives the lessons learned.

        Raises CannotTrain, ArtifactError, NotFound.
        """
        wanted, done = order(store, project, self._fed), 0
        mine = self._known.get(project.id)
        if mine is None or mine.start != wanted.start:
            mine = Followed(wanted.start, Learner(start(store, project, wanted)))
            self._known[project.id] = mine
            self._store(store, project, wanted, mine.learner, [])
        keys = [key(lesson) for lesson in wanted.lessons]
        at = mine.learner.rewind(plan.common(mine.learner.keys, keys))
        if at == len(keys):
            self._store(store, project, wanted, mine.learner, [])
        for place in range(at, len(keys), MOST_AT_ONCE):
            lessons = wanted.lessons[place : place + MOST_AT_ONCE]
            done += self._learn(store, project, wanted, mine.learner, lessons)
        return done

    def done(self, project_id: int) -> None:
        """Nothing is left of what the last change asked for; without this it is tried again after AGAIN_S."""
        self._failed.pop(project_id, None)

    def _learn(self, store: Store, project: Project, wanted: Order, learner: Learner, lessons: Sequence[Lesson]) -> int:
        said = [
            learner.learn(key(lesson), body)
            for lesson, body in zip(lessons, store.items.inputs([lesson.item_id for lesson in lessons]), strict=True)
        ]
        by_chance = store.triggers.by_chance(project.id, wanted.origin.feedback_upto)
        unseen = store.tallies.of(project.id, "items").get("pool/open", 0)
        now = self.clock()
        steps = [
            _step(lesson, guess, wanted, by_chance, unseen, now) for lesson, guess in zip(lessons, said, strict=True)
        ]
        self._store(store, project, wanted, learner, steps)
        return len(lessons)

    def _store(
        self, store: Store, project: Project, wanted: Order, learner: Learner, steps: Sequence[LiveStep]
    ) -> None:
        learned = len(learner.keys)
        behind = learned < len(wanted.lessons)
        state = {
            "origin": wanted.origin.id,
            "estimator": learner.origin.estimator,
            "lessons": learned - learner.skipped,
            "skipped": learner.skipped,
            "upto": (learner.keys[-1][0] if learned else wanted.origin.feedback_upto) if behind else wanted.upto,
        }
        known = store.realtime.state(project.id)
        if not steps and known is not None and not known.trouble:
            now = (known.origin_id, known.estimator, known.lessons, known.skipped, known.upto)
            if now == tuple(state.values()):
                return
        standing = [lesson.feedback_id for lesson in wanted.lessons]
        store.realtime.save(project.id, state, steps, standing=standing, now=self.clock())


def _step(lesson: Lesson, guess: str | None, wanted: Order, by_chance: int, unseen: int, now: float) -> LiveStep:
    """A lesson with what both models said of it before. It says nothing about them where the champion was not asked, or
    has learned the item, or no chance of a report is known."""
    asked = lesson.version_id == wanted.origin.id and lesson.predicted is not None and guess is not None
    return LiveStep(
        feedback_id=lesson.feedback_id,
        challenger_wrong=guess != lesson.label,
        champion_wrong=lesson.predicted != lesson.label,
        propensity=regret.propensity(lesson.strategy, by_chance, unseen) if asked else None,
        correction=lesson.predicted is not None and lesson.predicted != lesson.label,
        given_at=lesson.created_at,
        learned_at=now,
    )
