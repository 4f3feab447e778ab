"""Counts behind the tables of a report: pure functions of what the store gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..multilabel import NONE, parts
from ..types import Contribution

MOST_PAIRS = 50
"""Label pairs listed one by one; of 50 labels there could be 2,450."""


@dataclass(frozen=True, slots=True)
class Person:
    """One reviewer's entries that count, by verdict, and those that no longer do."""

    name: str
    corrected: int
    confirmed: int
    skipped: int
    flagged: int
    no_longer: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """Entries that came from one way of drawing. share: of all entries."""

    name: str
    entries: int
    share: float
    corrected: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Corrections from one label to another; predicted None: no prediction was there."""

    predicted: str | None
    target: str | None
    n: int


@dataclass(frozen=True, slots=True)
class Switched:
    """Corrections that added a label to a predicted set, and that took it out."""

    label: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Sample weights of the rows of one label in the training set."""

    label: str
    rows: int
    low: float
    mean: float
    high: float


def pairs(learned: Sequence[Contribution]) -> list[Pair]:
    """Corrections that count, by what was predicted and what it became, most frequent first."""
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for each in learned:
        if each.standing and each.verdict == "correct":
            counts[each.predicted, each.target] += each.n
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return [Pair(predicted, target, n) for (predicted, target), n in ordered]


def people(learned: Sequence[Contribution]) -> list[Person]:
    """One line a reviewer, who has given most first."""
    counts: dict[str, Counter[str]] = {}
    for each in learned:
        counts.setdefault(each.reviewer, Counter())[each.verdict if each.standing else "no longer"] += each.n
    names = sorted(counts, key=lambda name: (-counts[name].total(), name))
    said = ("correct", "confirm", "skip", "flag", "no longer")
    return [Person(name, *(counts[name][what] for what in said)) for name in names]


def strategies(learned: Sequence[Contribution]) -> list[Strategy]:
    """One line a way of drawing, the most used first; entries without a draw were given in bulk or from outside."""
    entries: Counter[str] = Counter()
    corrected: Counter[str] = Counter()
    for each in learned:
        name = each.strategy or "no draw"
        entries[name] += each.n
        corrected[name] += each.n * (each.standing and each.verdict == "correct")
    return [Strategy(name, n, n / entries.total(), corrected[name]) for name, n in entries.most_common()]


def switched(learned: Sequence[Contribution], labels: Sequence[str]) -> list[Switched]:
    """How often corrections of sets that count added or removed each label; the most often changed first."""
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    for each in learned:
        if each.standing and each.verdict == "correct" and None not in (each.predicted, each.target):
            before, after = set(parts(str(each.predicted))), set(parts(str(each.target)))
            added.update(dict.fromkeys(after - before, each.n))
            removed.update(dict.fromkeys(before - after, each.n))
    found = [Switched(label, added[label], removed[label]) for label in labels if added[label] or removed[label]]
    return sorted(found, key=lambda each: -(each.added + each.removed))


def weights(lineage: Mapping[str, list[Any]], *, sets: bool = False) -> list[Weights]:
    """Rows and sample weights of the training set by label, in the order of the labels.

    sets: a row bears any number of labels and counts for each of them.
    """
    by_label: dict[str, list[float]] = {}
    for text, weight in zip(lineage.get("labels", []), lineage.get("weights", []), strict=True):
        for label in (parts(text) or (NONE,)) if sets else (text,):
            by_label.setdefault(label, []).append(weight)
    return [
        Weights(label, len(some), min(some), float(np.mean(some)), max(some))
        for label, some in sorted(by_label.items())
    ]
