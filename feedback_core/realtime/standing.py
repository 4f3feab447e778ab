"""What a page, REST and the command line say about learning in real time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..intervals import Z95, wilson
from ..models import BUILDERS, choices, spoken
from ..store import Store
from ..types import Interval, LiveStep, Project
from ..wording import counted
from .learner import OWN_RECIPE, can_go_on

LAGS = 200
"""Newest lessons whose lag is shown."""

LATE_S = 10.0
"""An entry not learned for so long means that nobody is learning."""

POINTS = 200
"""Of the chart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a project's real-time challenger stands.

    on: whether the project learns in real time. origin: number of the version it started from, None before it has.
    why_not: why nothing can be learned, empty while it can. lag_s, slow_lag_s: median and 95th percentile of the newest
    lessons, in seconds, None without any. waiting_s: age of the oldest entry not looked at. challenger, champion,
    gain: errors before each entry was learned, and how much lower the challenger's is, in fractions. since_judged:
    corrections since one was judged. path: for the chart.
    """

    on: bool
    sentence: str
    why_not: str
    origin: int | None
    estimator: str
    lessons: int
    skipped: int
    lag_s: float | None
    slow_lag_s: float | None
    waiting_s: float
    challenger: Interval
    champion: Interval
    gain: Interval
    since_judged: int
    path: dict[str, list[Any]]


def view(store: Store, project: Project, now: float) -> Standing:
    """Read where the challenger stands; nothing is computed from inputs."""
    state, steps = store.realtime.state(project.id), store.realtime.steps(project.id)
    champion = store.versions.champion(project.id)
    mine = state is not None and champion is not None and state.origin_id == champion.id
    steps = steps if mine else []
    oldest = store.realtime.unlearned(project.id, state.upto) if state is not None and mine else None
    waiting_s = max(0.0, now - oldest) if oldest is not None else 0.0
    lags = lags_s(steps)
    told = [step for step in steps if step.propensity is not None]
    why_not = _why_not(project, champion is None, state.trouble if state else "", mine, waiting_s)
    known = state if mine else None
    return Standing(
        on=project.settings.realtime,
        sentence=_sentence(project, champion.number if champion else None, known.estimator if known else ""),
        why_not=why_not,
        origin=champion.number if champion is not None and mine else None,
        estimator=known.estimator if known else "",
        lessons=known.lessons if known else 0,
        skipped=known.skipped if known else 0,
        lag_s=float(np.median(lags)) if len(lags) else None,
        slow_lag_s=float(np.quantile(lags, 0.95)) if len(lags) else None,
        waiting_s=waiting_s,
        challenger=error([step.challenger_wrong for step in told], told),
        champion=error([step.champion_wrong for step in told], told),
        gain=gain(told),
        since_judged=store.realtime.corrections_since(project.id) if known else 0,
        path=path(told),
    )


def nothing_new(store: Store, project: Project) -> str:
    """Why judging the challenger would tell nothing new, in words: a version is this challenger; empty otherwise."""
    state = store.realtime.state(project.id)
    if state is None:
        return ""
    learned = (state.origin_id, state.lessons + state.skipped)
    for version in reversed(store.versions.all(project.id)):
        if version.streamed and (version.parent_id, version.streamed) == learned:
            newest = [step.feedback_id for step in store.realtime.steps(project.id)]
            taught = [feedback_id for feedback_id, _, _ in store.realtime.taught(version.id)[1]]
            if newest and taught[-len(newest) :] == newest:
                return same(version.number)
    return ""


def same(number: int) -> str:
    """What is said when a version is the challenger as it is now."""
    return f"Version {number} is this challenger: judge that one again, or wait for the next entry."


def lags_s(steps: Sequence[LiveStep]) -> npt.NDArray[np.float64]:
    """Seconds from an entry to its lesson, (n,), of the newest; what was there before the first lesson waited for none.

    A challenger that is switched on learns what has come in since the champion first.
    """
    began = min((step.learned_at for step in steps), default=0.0)
    return np.asarray([step.learned_at - step.given_at for step in steps if step.given_at >= began][-LAGS:])


def error(wrong: Sequence[bool], steps: Sequence[LiveStep]) -> Interval:
    """Share of wrong answers before they were learned, each weighing by how likely its report was.

    The interval is Wilson's, on the effective number of entries; n counts them all.
    """
    if not steps:
        return Interval(float("nan"), 0.0, 1.0, 0)
    w = _weights(steps)
    share, effective = float(w @ np.asarray(wrong, dtype=float)), 1 / float((w**2).sum())
    found = wilson(share * effective, effective)
    return Interval(share, found.low, found.high, len(steps))


def gain(steps: Sequence[LiveStep]) -> Interval:
    """How much lower the challenger's error is, on the same entries.

    Half an entry won and half one lost widen it: where the two never differ they are not known to be equal. Source:
    Agresti and Min (2005).
    """
    if not steps:
        return Interval(float("nan"), -1.0, 1.0, 0)
    w = _weights(steps)
    d = np.asarray([step.champion_wrong - step.challenger_wrong for step in steps], dtype=float)
    n = 1 / float((w**2).sum())
    mean = float(w @ d)
    se = math.sqrt(float((w**2) @ (d - mean) ** 2) + 1 / (n + 2) ** 2)
    return Interval(mean, max(-1.0, mean - Z95 * se), min(1.0, mean + Z95 * se), len(steps))


def path(steps: Sequence[LiveStep]) -> dict[str, list[Any]]:
    """Running errors in columns (entries, challenger, champion, lag_s), at most POINTS rows, the newest among them."""
    if not steps:
        return {"entries": [], "challenger": [], "champion": [], "lag_s": []}
    raw = np.asarray([1 / (step.propensity or 1) for step in steps])
    total = raw.cumsum()
    rows = np.unique(np.linspace(0, len(steps) - 1, min(POINTS, len(steps))).round().astype(int))

    def running(wrong: list[bool]) -> list[float]:
        return list(((raw * np.asarray(wrong, dtype=float)).cumsum() / total)[rows].tolist())

    return {
        "entries": (rows + 1).tolist(),
        "challenger": running([step.challenger_wrong for step in steps]),
        "champion": running([step.champion_wrong for step in steps]),
        "lag_s": [steps[n].learned_at - steps[n].given_at for n in rows],
    }


def _weights(steps: Sequence[LiveStep]) -> npt.NDArray[np.float64]:
    raw = np.asarray([1 / (step.propensity or 1) for step in steps])
    return np.asarray(raw / raw.sum())


def _why_not(project: Project, no_champion: bool, trouble: str, mine: bool, waiting_s: float) -> str:
    if not project.settings.realtime:
        return "It is switched off."
    if no_champion:
        return "There is no champion to start from: train the first version."
    if trouble:
        return trouble
    if not mine:
        return "The worker is preparing it."
    if waiting_s > LATE_S:
        return f"An entry has been waiting for {waiting_s:,.0f} seconds: look whether the worker runs."
    return ""


def _sentence(project: Project, champion: int | None, estimator: str) -> str:
    if not project.settings.realtime:
        return "Off. If you switch it on, a challenger learns each accepted entry within a second, beside the champion."
    own = project.settings.estimator
    how = ""
    if (
        estimator in ("", OWN_RECIPE)
        and own != OWN_RECIPE
        and not can_go_on(project.schema, own, dict(project.settings.params))
    ):
        offered = choices(project.task, project.schema)
        can = [BUILDERS[name].title for name in offered if BUILDERS[name].increments]
        how = f" It is a linear model, because {spoken(own)} cannot go on learning. What can: {', '.join(can)}, or an "
        how += "own estimator with partial_fit."
    every = project.settings.realtime_every
    when = f"after every {every:,} corrections" if every else "when somebody asks for it"
    started = f"from version {champion}" if champion else "from the first champion"
    return (
        f"A challenger that started {started} learns each accepted entry, with three base rows beside it, and is "
        f"judged {when}.{how}"
    )


def told(found: Standing) -> tuple[str, ...]:
    """Lag, lessons and errors in sentences; nothing before it has started."""
    if found.origin is None:
        return ()
    words = [f"{counted(found.lessons, 'entry', 'entries')} learned since version {found.origin}."]
    if found.skipped:
        words.append(
            f"{counted(found.skipped, 'entry', 'entries')} with a label that version {found.origin} does not know: "
            "only a retrain can learn them."
        )
    if found.lag_s is not None and found.slow_lag_s is not None:
        words.append(f"An entry is learned after {found.lag_s:.2f} s (median; 95 % within {found.slow_lag_s:.2f} s).")
    if found.gain.n:
        words.append(
            f"Wrong on entries before they were learned: challenger {_share(found.challenger)}, champion "
            f"{_share(found.champion)}; {_points(found.gain)} (n = {found.gain.n:,}). These are what the queue asked, "
            "not all items: only the gate tells which is better."
        )
    return tuple(words)


def _share(share: Interval) -> str:
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _points(gain: Interval) -> str:
    # Signs at the ends, because an interval across zero is what matters here.
    return f"a gain of {100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
