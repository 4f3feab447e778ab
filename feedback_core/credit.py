"""Where a version's gain came from: what its groups of new rows added, each with an interval.

Two ways to value a group. Leaving it out: refit without the group, and compare on the locked rows. Where refits are
dear, KNN-Shapley: each training row's share in the answers of its nearest neighbours, summed over the group; source:
Jia et al. (2019), Efficient task-specific data valuation for nearest neighbor algorithms, theorem 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from .intervals import Z95, paired, plain
from .types import Interval

Division = Literal["batch", "reviewer", "strategy", "class"]

NEIGHBOURS = 5
CELLS = 2**22
"""Distances held at once: 32 MB."""

ALPHA = 0.05
"""Chance, over all groups of a version together, to call any of them distinguishable from zero when none is."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Credit:
    """What one group of new rows added to the accuracy on the locked rows, as a fraction.

    p: two-sided. distinguishable: from zero, by Holm's correction over all groups of the version.
    """

    by: Division
    name: str
    rows: int
    gain: Interval
    p: float
    distinguishable: bool = False
    misleads: bool = False
    """Whether a reviewer's labels contradict the rows around them, and more than those of the others (KNN-Shapley)."""


def left_out(with_group: npt.NDArray[np.bool_], without: npt.NDArray[np.bool_]) -> tuple[Interval, float]:
    """Gain of a group with its two-sided p, from refits with and without it.

    with_group, without: (s, n) which locked rows s refits get right, the same seeds in the same order. With more than
    one the luck of a refit goes into the interval.
    """
    differences = with_group.astype(float) - without
    luck = float(differences.mean(axis=1).var(ddof=1)) / len(differences) if len(differences) > 1 else 0.0
    return _tested(paired(differences.mean(axis=0), luck))


def shared(values: npt.NDArray[np.floating]) -> tuple[Interval, float]:
    """Gain of a group with its two-sided p, from its KNN-Shapley value for each locked row (n,)."""
    return _tested(paired(values))


def shapley(
    points: npt.NDArray[np.floating],
    labels: npt.NDArray[Any],
    asked: npt.NDArray[np.floating],
    truth: npt.NDArray[Any],
    groups: npt.NDArray[np.bool_],
) -> Floats:
    """KNN-Shapley value of each group for each locked row, beyond chance, shape (q, g).

    points, labels: (m, f), (m,) training rows. asked, truth: (q, f), (q,). groups: (m, g), which rows belong to which.
    Over all rows the values sum to the share of right ones among the nearest NEIGHBOURS minus the share of that label
    among the training rows: without this, labels given by a coin would seem to add what guessing adds.
    """
    members, found = groups.astype(float), np.zeros((len(asked), groups.shape[1]))
    for some in _pieces(len(asked), len(points)):
        found[some] = _shapley(points, labels, asked[some], truth[some]) @ members
    return found


def _pieces(n: int, width: int) -> Iterator[slice]:
    step = max(1, CELLS // max(width, 1))
    return (slice(start, start + step) for start in range(0, n, step))


def _shapley(points: Any, labels: Any, asked: Any, truth: Any) -> Floats:
    """Value of each of m training rows for each of q locked rows, shape (q, m)."""
    m = len(points)
    centre = points.mean(axis=0)
    near, far = (asked - centre).astype(float), (points - centre).astype(float)
    order = np.argsort((far * far).sum(axis=1) - 2 * near @ far.T, axis=1, kind="stable")
    chance = (labels == truth[:, None]).mean(axis=1, keepdims=True)
    right = (labels[order] == truth[:, None]) - chance
    # s_m = right_m min(K, m) / (K m); s_i = s_(i+1) + (right_i - right_(i+1)) / K * min(K, i) / i.
    place = np.arange(1, m + 1)
    share = np.minimum(NEIGHBOURS, place) / place / NEIGHBOURS
    steps = np.concatenate([(right[:, :-1] - right[:, 1:]) * share[:-1], right[:, -1:] * share[-1]], axis=1)
    values = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    found = np.empty_like(values)
    np.put_along_axis(found, order, values, axis=1)
    return found


def decided(credits: Sequence[Credit], same: Sequence[int]) -> list[Credit]:
    """The credits, each told apart from zero or not: Holm (1979) over groups of different rows.

    same: (g,) a number a set of rows; groups of the same rows are one question, not two.
    """
    first = {number: at for at, number in reversed(list(enumerate(same)))}
    ordered = sorted(first.values(), key=lambda at: credits[at].p)
    passed: set[int] = set()
    for rank, at in enumerate(ordered):
        if credits[at].p > ALPHA / (len(ordered) - rank):
            break
        passed.add(same[at])
    return [replace(credit, distinguishable=number in passed) for credit, number in zip(credits, same, strict=True)]


def misleading(
    credits: Sequence[Credit],
    values: npt.NDArray[np.floating],
    sizes: Sequence[int],
    everyone: npt.NDArray[np.floating],
    total: int,
) -> list[Credit]:
    """The credits of reviewers, with those marked whose labels contradict the rows around them more than others' do.

    values: (q, g) KNN-Shapley of each reviewer's rows, sizes: (g,) how many these are. everyone: (q,) that of all
    `total` new rows. Against the others, because the queue hands out rows at the border of two classes, which
    contradict theirs by nature. Refits tell whether labels cost accuracy, which a robust model hides: of careless
    reviewers, wrong in 60 % of 50 labels, refits told 18 % from zero (python -m benchmarks.credit).
    """
    seen = []
    for column, (credit, size) in enumerate(zip(credits, sizes, strict=True)):
        others = (everyone - values[:, column]) / max(total - size, 1)
        interval, p = _tested(paired(values[:, column] - size * others))
        seen.append(replace(credit, gain=interval, p=p if size < total else 1.0))
    return [
        replace(credit, misleads=bool(told.distinguishable and told.gain.value < 0 and own.mean() < 0))
        for credit, told, own in zip(credits, decided(seen, range(len(seen))), values.T, strict=True)
    ]


def sentences(credits: Sequence[Credit]) -> list[str]:
    """What can be told from zero, costs first; one sentence when nothing can."""
    told = sorted((credit for credit in credits if credit.distinguishable), key=lambda credit: credit.gain.value)
    if not credits:
        return ["This version learned from nothing new, so there is nothing to give credit for."]
    gains = [_sentence(credit) for credit in told] or [
        "The gain of no batch, reviewer, strategy or class is distinguishable from zero."
    ]
    return gains + [_suspicion(credit) for credit in credits if credit.misleads]


def row(credit: Credit) -> dict[str, Any]:
    """A credit as JSON."""
    own = {"by": credit.by, "name": credit.name, "rows": credit.rows, "p": credit.p}
    text = " ".join([_sentence(credit), *([_suspicion(credit)] if credit.misleads else [])])
    told = {"distinguishable": credit.distinguishable, "misleads": credit.misleads}
    return own | {"gain": plain(credit.gain), "text": text} | told


def _who(credit: Credit) -> str:
    return {
        "batch": f"The feedback {credit.name}",
        "reviewer": f"The labels of {credit.name}",
        "strategy": f"The items drawn by {credit.name}",
        "class": f"The new labels '{credit.name}'",
    }[credit.by]


def _suspicion(credit: Credit) -> str:
    return (
        f"{_who(credit)} often differ from the labels of similar rows: a second look may help, the Feedback page ranks "
        "them."
    )


def _sentence(credit: Credit) -> str:
    who = _who(credit)
    low, high = 100 * credit.gain.low, 100 * credit.gain.high
    if not credit.distinguishable:
        # An interval beside zero is no finding where many groups are looked at: one in twenty lies there by chance.
        among = " among so many groups" if low > 0 or high < 0 else ""
        return f"{who}: not distinguishable from zero{among} ({low:+.1f} to {high:+.1f} points)."
    if credit.gain.value < 0:
        return f"{who} cost {-100 * credit.gain.value:.1f} points ({-high:.1f} to {-low:.1f})."
    return f"{who} brought {100 * credit.gain.value:.1f} points ({low:.1f} to {high:.1f})."


def _tested(gain: Interval) -> tuple[Interval, float]:
    se = (gain.high - gain.low) / (2 * Z95)
    return gain, float(2 * ndtr(-abs(gain.value) / se)) if se > 0 else 1.0
