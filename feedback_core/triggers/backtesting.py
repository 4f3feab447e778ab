"""What other rules would have done: the stored feedback replayed, entry by entry, each rule with models of its own.

Every retrain of a replay becomes champion: there is no gate in it, and no quiet time. The queue is as it was, though
another champion would have asked about other items.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import intake, tasks
from ..errors import Refused
from ..intervals import wilson
from ..settings import Settings
from ..store import Store
from ..types import Answered, Project, TrainingRows
from . import gather, regret
from .lessons import fit, known, those
from .replay import Rule, Seen, after, after_days, auto, fixed

MOST_ENTRIES = 2_000
"""Newest entries replayed; what is older is known from the start."""

LEAST_ENTRIES = 50
"""Fewer say nothing about a rule that waits for 25 of them."""

LIMIT_S = 600.0
"""Seconds that all fits together may take, foreseen after the first."""

Progress = Callable[[float, str], None]
Table = dict[str, list[Any]]


def backtest(store: Store, project: Project, progress: Progress) -> dict[str, Any]:
    """Retrains, cost and accuracy path of each rule, as plain JSON values.

    summary: one row a rule; `accuracy` is that of the answers given to the replayed entries before they were learned,
    hard cases as the queue finds them. path: one row a retrain; `accuracy` is that of the new champion on the holdout.
    Raises Refused when there are too few entries, or when fitting takes too long.
    """
    past = Past.load(store, project)
    cost, _ = gather.cost(store, project, store.triggers.retrains(project.id))
    rules = policies(project.settings, cost)
    _check_dear(past, len(rules), project.settings)
    summary, path = [], []
    for n, (name, rule) in enumerate(rules.items()):
        progress(n / len(rules), f"replaying {len(past.truth):,} entries: {name}")
        wrong, retrained = replay(past, rule)
        score = wilson(len(past.truth) - wrong, len(past.truth))
        spent = wrong + cost * (len(retrained) - 1)
        summary.append({"rule": name, "retrains": len(retrained) - 1, "wrong": wrong, "cost": spent} | _score(score))
        path += [{"rule": name, "entries": k, "at": past.time_at(k)} | past.on_holdout(k) for k in retrained]
    return {
        "summary": _table(summary),
        "path": _table(path),
        "entries": len(past.truth),
        "retrain_cost": cost,
        "fits": past.fits,
    }


def policies(settings: Settings, cost: float) -> dict[str, Rule]:
    """The rules that are compared, by name; the project's own number of corrections is among them."""
    counts = sorted({25, 100, settings.retrain_threshold})
    return (
        {f"every {n:,} corrections": fixed(n) for n in counts}
        | {"weekly": after_days(7)}
        | {"auto": auto(cost)}
        | {"never": lambda _seen: False}
    )


def replay(past: Past, rule: Rule) -> tuple[int, list[int]]:
    """Wrong answers of the champions a rule makes, and after how many entries each was made; the first after none."""
    champion, wrong, retrained, seen = past.said(0), 0, [0], Seen()
    by_chance, began = 0, past.times[0] if len(past.times) else 0.0
    for n, truth in enumerate(past.truth):
        shadow = past.said(n - n % regret.REFIT_EVERY)
        by_chance += past.strategies[n] in ("audit", "random")
        q = regret.propensity(past.strategies[n], by_chance, past.unseen)
        missed = champion[n] != truth
        wrong += missed
        seen = after(seen, missed, shadow[n] != truth, q, past.times[n] - began)
        if rule(seen):
            retrained.append(n + 1)
            champion, seen, by_chance, began = past.said(n + 1), Seen(), 0, past.times[n]
    return wrong, retrained


@dataclass(slots=True)
class Past:
    """Replayed entries in order, with models fitted on the first k of them, each once.

    truth, strategies, times: (n,) effective label, how the item was drawn, seconds since the epoch. lessons: (n,) place
    of each entry among the training rows, -1 for one no version learns from. unseen: open items now.
    """

    project: Project
    rows: TrainingRows
    truth: Sequence[str]
    strategies: Sequence[str | None]
    times: Sequence[float]
    lessons: npt.NDArray[np.int64]
    inputs: Sequence[str]
    holdout: tuple[Sequence[str], Sequence[str]]
    unseen: int
    _said: dict[int, list[str]]
    _hits: dict[int, int]

    @classmethod
    def load(cls, store: Store, project: Project) -> Past:
        """The newest entries that stand and were given on a prediction. Raises Refused when there are too few."""
        heard = [entry for entry in store.triggers.answered(project.id, 0, 2**62) if entry.counts][-MOST_ENTRIES:]
        if len(heard) < LEAST_ENTRIES:
            raise Refused(
                f"{len(heard)} reviewed items are too few for a replay: it begins to tell something at {LEAST_ENTRIES}."
            )
        rows, locked = known(store, project), store.items.locked_rows(project.id)
        base = [n for n, audit in enumerate(locked.audit) if not audit]
        return cls(
            project=project,
            rows=rows,
            truth=_effective(heard, rows, dict(zip(locked.ids, locked.truth, strict=True))),
            strategies=[entry.strategy for entry in heard],
            times=[entry.created_at for entry in heard],
            lessons=_places(heard, rows),
            inputs=store.items.inputs([entry.item_id for entry in heard]),
            holdout=([locked.inputs[n] for n in base], [locked.truth[n] for n in base]),
            unseen=store.tallies.of(project.id, "items").get("pool/open", 0),
            _said={},
            _hits={},
        )

    @property
    def fits(self) -> int:
        return len(self._said)

    def said(self, k: int) -> list[str]:
        """What a model that has learned the first k entries says about every replayed one."""
        if k not in self._said:
            self._fit(k)
        return self._said[k]

    def on_holdout(self, k: int) -> dict[str, float | int | None]:
        """Accuracy of that model on the holdout, with its interval and n."""
        self.said(k)
        return _score(wilson(self._hits[k], len(self.holdout[1])))

    def time_at(self, k: int) -> float:
        """When the k-th entry came in; the first one for k = 0."""
        return self.times[max(k - 1, 0)]

    def _fit(self, k: int) -> None:
        model = fit(self.project, _first(self.rows, self.lessons, k))
        self._said[k] = self._answers(model, self.inputs)
        self._hits[k] = sum(a == b for a, b in zip(self._answers(model, self.holdout[0]), self.holdout[1], strict=True))

    def _answers(self, model: Any, inputs: Sequence[str]) -> list[str]:
        if not inputs:
            return []
        frame = intake.decode(inputs, self.project.schema)
        task = tasks.of(self.project)
        return task.targets(task.numbers(model, frame, self.project), self.project)


def _effective(heard: Sequence[Answered], rows: TrainingRows, locked: Mapping[int, str]) -> list[str]:
    """What each item's entries add up to; the entry itself where they do not agree yet."""
    known = dict(zip(rows.ids, rows.labels, strict=True)) | dict(locked)
    return [known.get(entry.item_id, str(entry.target)) for entry in heard]


def _places(heard: Sequence[Answered], rows: TrainingRows) -> npt.NDArray[np.int64]:
    place = {item_id: n for n, item_id in enumerate(rows.ids)}
    return np.asarray([place.get(entry.item_id, -1) for entry in heard], dtype=np.int64)


def _first(rows: TrainingRows, lessons: npt.NDArray[np.int64], k: int) -> TrainingRows:
    """Training rows without those of the entries after the k-th."""
    later = set(lessons[k:].tolist())
    return those(rows, [n for n in range(len(rows.ids)) if n not in later])


def _check_dear(past: Past, rules: int, settings: Settings) -> None:
    began = time.perf_counter()
    past.said(0)
    one = time.perf_counter() - began
    expected = one * rules * len(past.truth) / regret.REFIT_EVERY
    if expected > LIMIT_S:
        raise Refused(
            f"One fit of {settings.estimator} takes {one:.1f} seconds, the whole replay about {expected / 60:,.0f} "
            f"minutes, of at most {LIMIT_S / 60:.0f}. To compare the rules, choose a quicker model on Setup."
        )


def _score(score: Any) -> dict[str, Any]:
    value = None if score.n == 0 else score.value
    return {"accuracy": value, "low": score.low, "high": score.high, "n": score.n}


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
