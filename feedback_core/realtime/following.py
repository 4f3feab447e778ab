"""Bringing real-time challengers up to what is stored; what they hold is always the fold of the stored order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import CannotTrain, NotFound
from ..store import Store
from ..triggers import regret
from ..types import Lesson, LiveStep, Project, Version
from ..wording import counted
from . import plan
from .learner import Key, Learner, Origin, origin, recipe

AGAIN_S = 30.0
"""Between two attempts at what failed, while nothing has changed: a start may cost seconds of fitting."""

MOST_REFITTED = 50_000
"""Rows from which no origin is fitted anew because a label it has learned was taken back: the others' lessons wait."""

MOST_AT_ONCE = 50
"""Lessons learned before they are stored; the next look goes on from there."""

LONGEST_S = 2.0
"""Of learning for one project at one look: those of others wait meanwhile, and the worker to be told to stop."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a challenger has to have learned.

    reviewed: label by item of the reviewed rows the origin has learned. fallen: ids of those that no longer stand.
    mark: newest entry, event and item that were looked at.
    """

    origin: Version
    recipe: tuple[str, dict[str, Any]]
    reviewed: dict[int, str]
    fallen: frozenset[int]
    lessons: tuple[Lesson, ...]
    mark: tuple[int, int, int]

    @property
    def start(self) -> tuple[Any, ...]:
        """What the origin's model depends on."""
        return self.origin.id, self.recipe, self.fallen

    @property
    def upto(self) -> int:
        """Newest entry."""
        return self.mark[0]


def order(store: Store, project: Project, before: Order | None = None) -> Order:
    """The order as it is stored now. Raises NotFound before the first champion.

    before: an earlier one; then only what has changed since is read.
    """
    champion = store.versions.champion(project.id)
    if champion is None:
        raise NotFound(f"{project.name} has no champion to start from: train the first version on the Retrain page.")
    if before is None or before.origin.id != champion.id:
        # Base rows are never taken back, and no input that was once learned is locked later.
        ids = store.versions.taught(champion.id)[0].tolist()
        reviewed, before = store.realtime.reviewed(store.versions.learned_of(champion.id, ids)), None
    else:
        reviewed = before.reviewed
    news = store.realtime.news(project.id, reviewed, before.mark if before else None)
    fallen, lessons = news.fallen, news.lessons
    if before is not None and news.items is not None:
        fallen |= before.fallen - news.items
        kept = (lesson for lesson in before.lessons if lesson.item_id not in news.items)
        lessons = tuple(sorted((*kept, *lessons), key=lambda lesson: lesson.feedback_id))
    return Order(champion, recipe(project, champion), reviewed, fallen, lessons, news.mark)


def start(store: Store, project: Project, wanted: Order) -> Origin:
    """The origin of an order. Raises CannotTrain, ArtifactError."""
    n = wanted.origin.n_base + wanted.origin.n_feedback
    if wanted.fallen and n > MOST_REFITTED:
        raise CannotTrain(
            f"{counted(len(wanted.fallen), 'label')} that version {wanted.origin.number} has learned no longer "
            f"{'stands' if len(wanted.fallen) == 1 else 'stand'}, and fitting its {n:,} rows without takes too long "
            "here: retrain, and what learns in real time goes on from there."
        )
    return origin(store, project, wanted.origin, wanted.recipe, wanted.fallen)


def key(lesson: Lesson) -> Key:
    """What a lesson is known by."""
    return lesson.feedback_id, lesson.item_id, lesson.label


@dataclass
class Followed:
    """One challenger in memory. wanted: what it was last to learn, at least."""

    wanted: Order
    learner: Learner


@dataclass
class Challengers:
    """The real-time challengers of one process, one a project. Nothing in here is lost with it: see `order`."""

    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic
    _known: dict[int, Followed] = field(default_factory=dict)
    _seen: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _failed: dict[int, float] = field(default_factory=dict)

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

        After LONGEST_S the rest is left to the next look, for which the project counts as changed.
        Raises CannotTrain, ArtifactError, NotFound.
        """
        mine = self._known.get(project.id)
        wanted, done, began = order(store, project, mine.wanted if mine else None), 0, self.timer()
        keys = [key(lesson) for lesson in wanted.lessons]
        anew = mine is None or mine.wanted.start != wanted.start
        if mine is None or anew:
            mine = self._known[project.id] = Followed(wanted, Learner(start(store, project, wanted)))
        else:
            same, mine.wanted = plan.common(mine.learner.keys, keys), wanted
            anew = same < len(mine.learner.keys)
            mine.learner.rewind(same)
        if anew or len(mine.learner.keys) == len(keys):
            self._store(store, project, wanted, mine.learner, [], anew=anew)
        for place in range(len(mine.learner.keys), len(keys), MOST_AT_ONCE):
            if self.timer() - began > LONGEST_S:
                self._seen.pop(project.id, None)
                break
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
        self,
        store: Store,
        project: Project,
        wanted: Order,
        learner: Learner,
        steps: Sequence[LiveStep],
        *,
        anew: bool = False,
    ) -> None:
        learned = len(learner.keys)
        behind = learned < len(wanted.lessons)
        state = {
            "origin": wanted.origin.id,
            "estimator": learner.origin.estimator,
            "lessons": learned - learner.skipped,
            "skipped": learner.skipped,
            # A lesson may be older than the origin.
            "upto": max(wanted.origin.feedback_upto, *(n for n, _, _ in learner.keys[-1:]), 0)
            if behind
            else wanted.upto,
        }
        known = store.realtime.state(project.id)
        if not steps and not anew and known is not None and not known.trouble:
            now = (known.origin_id, known.estimator, known.lessons, known.skipped, known.upto)
            if now == tuple(state.values()):
                return
        standing = [lesson.feedback_id for lesson in wanted.lessons] if anew else None
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
