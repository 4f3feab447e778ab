"""Lived-in sample projects: a small base model, then two simulated weeks of reviewing and retraining.

Everything goes through the loop methods a person uses; only the people and the clock are simulated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from . import datasets, intake, studies, tasks
from .errors import NotFound
from .loop import Loop, create_project
from .reviewers import Reviewer, sit
from .settings import Settings
from .store import Store
from .types import Decision, Project, Rows, Version

DAY_S = 86_400.0

GOOD = (
    Reviewer("Ana (simulated)", 0.98, 5.0),
    Reviewer("Ben (simulated)", 0.95, 7.0),
    Reviewer("Chiara (simulated)", 0.92, 4.0),
)
CARELESS = Reviewer("Dan (simulated)", 0.25, 1.5, skips=0.0)
"""Somebody who clicks through the queue: the round that the gate has to stop."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of one sample project. decisions: per reviewer and good round. params: of its estimator."""

    base: int
    holdout: int
    decisions: int
    careless: int
    params: Mapping[str, int] = field(default_factory=dict)


PLANS = {
    "digits": Plan(base=90, holdout=600, decisions=55, careless=250),
    "churn": Plan(base=300, holdout=1_500, decisions=90, careless=300),
    "definitions": Plan(base=150, holdout=900, decisions=90, careless=250),
    # A forest for each of the six labels: with the usual hundred trees this project alone takes 70 s.
    "senses": Plan(base=300, holdout=600, decisions=60, careless=200, params={"n_estimators": 25}),
}


class _Clock:
    """Back-dated time that moves when somebody works."""

    def __init__(self, start: float) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


def build(
    store: Store, name: str, *, now: float | None = None, seed: int = 7, say: Callable[[str], None] = lambda _text: None
) -> Project:
    """Create the sample project of one data set, with history. Same seed, same decisions."""
    if name not in PLANS:
        raise NotFound(f"No sample project {name!r}: choose one of {', '.join(PLANS)}.")
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    end = time.time() if now is None else now
    clock = _Clock(end - 14 * DAY_S)
    loop, truth = start(store, name, PLANS[name], clock, rng)
    say(f"{loop.project.name}: base model on {PLANS[name].base} rows")
    _settle(loop, loop.retrain("demo"), clock)
    for number, day in enumerate((2, 5, 8, 11)):
        clock.now = end - (14 - day) * DAY_S
        bad = _round(loop, number, truth, rng, clock)
        version = loop.retrain("demo")
        decision = _settle(loop, version, clock)
        say(f"{loop.project.name}: version {version.number} {decision}")
        # The careless round is found out, taken back, and never counts again.
        for entry in bad:
            loop.undo(entry, CARELESS.name)
    clock.now = end - 0.2 * DAY_S
    for reviewer in GOOD:
        sit(loop, reviewer, truth, PLANS[name].decisions // 3, rng, clock.tick)
    _disagree(loop)
    loop.rank_feedback()
    for kind in studies.missing(loop.store, loop.project):
        loop.request_study(kind, "demo", trigger="sample project")
    return loop.project


def start(
    store: Store,
    name: str,
    plan: Plan,
    clock: Callable[[], float],
    rng: np.random.Generator,
    settings: Settings | None = None,
    title: str = "",
) -> tuple[Loop, dict[str, str]]:
    """A project with base rows, a locked holdout and an open pool, and the hidden truth by item key."""
    dataset = datasets.load(name)
    share = plan.holdout / (plan.base + plan.holdout)
    own = tasks.TASKS[dataset.task]
    usual = replace(
        own.defaults(),
        estimator=dataset.estimator,
        params=dict(plan.params),
        retrain_threshold=40,
        gold_share=0.05,
        seed=1,
    )
    settings = settings or usual
    project = create_project(
        store,
        title or f"{dataset.title} (sample)",
        dataset.schema,
        dataset.labels,
        Settings.from_dict(settings.to_dict() | {"holdout_share": share}),
        actor="demo",
        now=clock(),
        salt=int(rng.integers(2**31)),
        simulated=True,
        task=dataset.task,
    )
    frame = dataset.frame.sample(frac=1, random_state=int(rng.integers(2**31))).reset_index(drop=True)
    named, read = dataset.labels, own.take_in.reader(settings, dataset.labels)
    rows, _ = intake.check(frame, dataset.schema, label_column=dataset.label_column, labels=named, read=read)
    truth = {intake.input_hash(body): str(label) for body, label in zip(rows.inputs, rows.labels, strict=True)}
    known = plan.base + plan.holdout
    hidden: list[str | None] = [label if n < known else None for n, label in enumerate(rows.labels)]
    loop = Loop(store, project, clock=clock, rng=rng)
    loop.add_items(Rows(rows.inputs, rows.keys, hidden), "demo")
    return loop, truth


def _disagree(loop: Loop, conflicts: int = 3) -> None:
    """Ben takes the model's side on some of Ana's last corrections, so that there is something to settle."""
    ana, ben = GOOD[0].name, GOOD[1].name
    said = loop.store.feedback.latest(loop.project.id, 200, reviewer=ana)
    for entry in [e for e in said if e.verdict == "correct" and e.state == "accepted" and e.predicted][:conflicts]:
        item = loop.store.items.get(entry.item_id)
        loop.record(Decision(item.id, ben, "correct", entry.predicted, item.version_id, note="I side with the model."))


def _round(loop: Loop, number: int, truth: dict[str, str], rng: np.random.Generator, clock: _Clock) -> tuple[int, ...]:
    """One sitting per reviewer on consecutive days; gives the entries of the careless one, if it was his round."""
    plan = next(plan for name, plan in PLANS.items() if loop.project.name.startswith(datasets.load(name).title))
    if number == 2:
        return sit(loop, CARELESS, truth, plan.careless, rng, clock.tick).entries
    for reviewer in GOOD:
        sit(loop, reviewer, truth, plan.decisions, rng, clock.tick)
        clock.tick(0.7 * DAY_S)
    return ()


def _settle(loop: Loop, version: Version, clock: _Clock) -> str:
    report = loop.judge(version)
    clock.tick(300)
    if report.action == "promote":
        loop.promote(version, "Lea (simulated lead)", report.reasons[0])
        loop.predict()
        return f"promoted ({report.finding})"
    loop.refuse(version, "Lea (simulated lead)", " ".join(report.reasons))
    return f"refused ({report.finding})"
