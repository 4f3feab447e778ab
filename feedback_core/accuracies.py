"""How right is the champion? Every estimate there is, with its sample, its interval, and what it does not say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import estimates
from .estimates import Bools, Floats, Weights
from .intervals import wilson
from .store import Store
from .store.answers import AuditCounts, Known
from .types import Interval, Project, Version

LEAST_STRATUM = 5
"""Uniform draws among the items that have arrived since the promotion, from which on these are estimated by themselves.
With fewer they are taken to be like the others as a whole, not like what the queue has left of those: that put the
estimate half a point too high (python -m benchmarks.estimates)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate of the champion's accuracy; without rows the interval has the value NaN and n = 0.

    name: holdout, audit, audit since promotion, all items, or sharpened.
    """

    name: str
    title: str
    sample: str
    """Which rows, in words."""
    interval: Interval
    says: str
    """What it says, and what it does not."""


@dataclass(frozen=True, slots=True)
class Response:
    """How much of what the audit drew has been answered. low, high: accuracy if all the others are wrong, or right."""

    asked: int
    answered: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Accuracies:
    """version: number of the champion, None before there is one. response: of the audit since its promotion."""

    version: int | None
    estimates: tuple[Estimate, ...]
    response: Response | None

    def of(self, name: str) -> Estimate | None:
        return next((estimate for estimate in self.estimates if estimate.name == name), None)

    @property
    def reported(self) -> Interval:
        """The number to report: over all items the champion has faced since its promotion; n = 0 without any.

        n counts the uniform draws behind it, or all items when every one is labelled (a census, of no width). None of
        these rows has taught it anything or helped it to be promoted.
        """
        found = self.of("all items")
        return wilson(0, 0) if found is None else found.interval


Ids = npt.NDArray[np.int64]

NOTHING = Accuracies(None, (), None)


def accuracies(store: Store, project: Project, now: float) -> Accuracies:
    """Every estimate of the champion's accuracy, the ones on locked rows first."""
    champion = store.versions.champion(project.id)
    if champion is None or champion.promoted_at is None:
        return NOTHING
    if project.task == "regression":  # two numbers are hardly ever equal: see mean_errors
        return Accuracies(champion.number, (), None)
    counts = store.answers.audited(project.id, champion.id, champion.promoted_at, now)
    # Of what is labelled but not scored yet nobody can say whether it is right.
    low, high = estimates.bounds(counts.right, counts.scored, counts.asked - counts.answered + counts.scored)
    return Accuracies(
        champion.number,
        (_judged(champion, "holdout"), _judged(champion, "audit"), _audited(counts), *_weighted(store, project, now)),
        Response(counts.asked, counts.answered, low, high),
    )


def _judged(champion: Version, sample: str) -> Estimate:
    title, rows, says = {
        "holdout": (
            "Holdout",
            "locked base rows, scored when the version was judged",
            "How right it is on rows like those the project began with; it has learned from none of them. It says "
            "nothing about what comes in now, and may be a little too high: the version was promoted for it.",
        ),
        "audit": (
            "Audit sample when judged",
            "items drawn at random before the version was judged",
            "How right it is on items that came in before it was promoted. The gate has used these rows, so it is a "
            "little too high, and it knows nothing of what has come in since.",
        ),
    }[sample]
    return Estimate(sample, title, rows, _stored(champion.metrics.get(sample, {}).get("accuracy")), says)


def _audited(counts: AuditCounts) -> Estimate:
    return Estimate(
        "audit since promotion",
        "Audit sample since promotion",
        "items drawn at random since the promotion, from those the queue had left",
        wilson(counts.right, counts.scored),
        "How right it is on items that are still to be reviewed. The queue takes the hard ones first, so over all "
        "items that have come in it is less.",
    )


def _weighted(store: Store, project: Project, now: float) -> tuple[Estimate, ...]:
    rows = rows_since(store, project, now)
    if rows is None:
        return ()
    sample = "all items reviewed or still to be reviewed since the promotion"
    if rows.cut:
        sample = "all items reviewed or still to be reviewed over the newest decisions"
    over_all = _over_all(rows)
    if over_all.low == over_all.high:
        sample = f"a census: {sample}, every one of them labelled"
    all_items = Estimate(
        "all items",
        "All items since promotion",
        sample,
        over_all,
        "How right it is on everything it has been asked about since its promotion: random draws stand for the items "
        "nobody has looked at, what the queue asked, a person chose or somebody sent counts for itself alone. "
        "Items that came in lately are taken to be like the others until enough of them are drawn.",
    )
    sharper = over_all
    if rows.by.square:
        confidence = _mean_confidence(store, project, rows)
        sharper = estimates.sharpened(rows.right, rows.confidence, confidence, rows.by)
    sharp = Estimate(
        "sharpened",
        "All items since promotion, sharpened",
        sample,
        sharper,
        "The same, and closer where the model's own confidence shows whether the draws were easier or harder than "
        "all items. No bias comes from a confidence that is wrong; with few draws or hardly an error it is the same.",
    )
    return all_items, sharp


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is known of the champion's answers. right, confidence: (m,) for the rows of the weights `by`.

    asked: (m,) rows without a label yet, whose `right` is imputed. cut: there are more than the window holds.
    """

    right: Floats
    confidence: Floats
    asked: Bools
    by: Weights
    cut: bool


def _over_all(rows: Weighed) -> Interval:
    """The share of all items it gets right. Where all were asked but some have no label, these may go either way."""
    found = estimates.accuracy(rows.right, rows.by)
    if rows.by.square or not rows.asked.any():
        return found
    told = float(rows.by.rows[~rows.asked] @ rows.right[~rows.asked])
    return Interval(found.value, told, told + float(rows.by.rows[rows.asked].sum()), int((~rows.asked).sum()))


def _is_right(truth: str, said: str) -> float:
    return float(truth == said)


def rows_since(
    store: Store, project: Project, now: float, measure: Callable[[str, str], float] = _is_right
) -> Weighed | None:
    """What is known of the champion's answers since its promotion, weighted to stand for everything it has faced.

    measure: of truth and prediction, 1 for a right answer unless something else is asked. None without any.
    """
    champion = store.versions.champion(project.id)
    if champion is None or champion.promoted_at is None:
        return None
    known = store.answers.known(project.id, champion.promoted_at, champion.feedback_upto, now)
    said = store.answers.said(champion.id, known.ids)
    states = store.tallies.of(project.id, "items")
    unlabelled = sum(states.get(f"pool/{state}", 0) for state in ("open", "conflict", "flagged"))
    ids, uniform, right, confidence, asked = _facts(known, said, measure)
    by = _weights(store, project, known.since, ids, uniform, asked, unlabelled)
    if by is None:
        return None
    return Weighed(right, confidence, asked, by, known.since > champion.promoted_at)


def _mean_confidence(store: Store, project: Project, rows: Weighed) -> float:
    """Over all items, the labelled ones among the rows included; not read where it would not be used."""
    if rows.by.n < estimates.LEAST_SHARPENED:
        return float("nan")
    unlabelled, total = store.answers.confidence(project.id)
    labelled = rows.confidence[~rows.asked]
    return float((total + labelled.sum()) / max(unlabelled + len(labelled), 1))


def _facts(
    known: Known, said: Mapping[int, tuple[str, float]], measure: Callable[[str, str], float]
) -> tuple[Ids, Bools, Floats, Floats, Bools]:
    """Of the rows the champion has scored: ids, uniform, right, confidence, and whether they have no label yet.

    A uniform draw without an answer stands for nothing and is left out: chance chose it, so it is like the others.
    """
    rows = [
        (n, uniform, queued, math.nan if label is None else measure(label, said[n][0]), said[n][1])
        for n, uniform, queued, label in zip(known.ids, known.uniform, known.queued, known.labels, strict=True)
        if n in said and (label is not None or queued)
    ]
    ids, uniform, queued, right, confidence = zip(*rows, strict=True) if rows else ((),) * 5
    filled = estimates.imputed(right, np.asarray(queued, dtype=bool))
    kept = ~np.isnan(filled)
    return (
        np.asarray(ids, dtype=np.int64)[kept],
        np.asarray(uniform, dtype=bool)[kept],
        filled[kept],
        np.asarray(confidence, dtype=float)[kept],
        np.isnan(np.asarray(right, dtype=float))[kept],
    )


def _weights(
    store: Store, project: Project, since: float, ids: Ids, uniform: Bools, asked: Bools, unlabelled: int
) -> Weights | None:
    """Weights of the known rows; what arrived since is a stratum of its own as soon as enough of it was drawn.

    asked: rows without a label, which `unlabelled` items of the pool include.
    """
    arrived = store.answers.arrived(project.id, since)
    if arrived is not None:
        first, fresh = arrived
        groups = [(ids < first, unlabelled - fresh), (ids >= first, fresh)]
        sizes = [int(mask.sum()) + max(0, out - int(asked[mask].sum())) for mask, out in groups]
        found = [estimates.weights(uniform[mask], n) for (mask, _), n in zip(groups, sizes, strict=True)]
        parts = [
            (mask, by, n)
            for (mask, _), by, n in zip(groups, found, sizes, strict=True)
            if by is not None and by.n >= LEAST_STRATUM
        ]
        if parts:
            return estimates.strata(parts, len(ids))
    return estimates.weights(uniform, len(ids) + unlabelled - int(asked.sum()))


def _stored(score: Mapping[str, Any] | None) -> Interval:
    if not score or score["value"] is None:
        return wilson(0, 0)
    return Interval(score["value"], score["low"], score["high"], score["n"])
