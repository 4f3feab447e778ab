"""The gate for versions that predict numbers: the same budget, verdicts and policies, by how far off they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..intervals import mean_error, plain
from ..types import Action
from .guards import SLICE_ALPHA, SLICE_ROWS, UNSURE_SHARE, Slice, SliceKind, holm
from .paired import Weighted
from .verdict import MIN_CASES, Case, Judgement, Unit, alpha_of, judged

WINSOR = 0.95
"""Quantile at which absolute errors are cut: a few wild ones would otherwise decide (t3 noise: half the power)."""

MARGIN = 0.01
"""Loss that `balanced` excludes for numbers, as a share of the champion's mean absolute error."""

SIZES = ("the smallest numbers", "the lower middle numbers", "the upper middle numbers", "the largest numbers")
"""Quarters of the locked rows by what is true of them."""

LEAST_TESTED = 2 * SLICE_ROWS
"""Rows a slice needs for a t-test: with fewer one row can make the difference and its spread both."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suite:
    """Absolute errors (n,) of both versions on earlier corrections."""

    new: Floats
    old: Floats


class Errors(Weighted):
    """Paired differences of absolute errors. gained: rows on which the challenger comes nearer."""

    @property
    def p(self) -> float:
        """One-sided paired t-test of a gain."""
        return self._t(1.0)

    @property
    def p_worse(self) -> float:
        """One-sided paired t-test of a loss."""
        return self._t(-1.0)

    def _t(self, sign: float) -> float:
        from scipy.stats import t

        if self.n < 2 or not self.se:
            return 1.0 if sign * self.difference <= 0 else 0.0
        # se divides by n, the t-test by n - 1.
        return float(t.sf(sign * self.difference / self.se * math.sqrt((self.n - 1) / self.n), self.n - 1))


def judge_errors(
    truth: Sequence[float] | Floats,
    challenger: Sequence[float] | Floats,
    champion: Sequence[float] | Floats,
    anchor: Sequence[float] | Floats | None = None,
    *,
    looks: int,
    policy: str = "balanced",
    min_cases: int = MIN_CASES,
    unit: str = "",
    paid_p: float | None = None,
    paid_action: Action | None = None,
    slices: Sequence[Slice] = (),
    corrections: Suite | None = None,
) -> Judgement:
    """Compare two versions that predict numbers, on the same locked rows, with the same budget and verdicts.

    truth, challenger, champion, anchor: (n,). The difference is in mean absolute error, each error cut at the 95 %
    quantile of all of them; the test is a one-sided paired t. `balanced` excludes a loss of MARGIN of the champion's
    mean absolute error. unit: of the numbers, for sentences. paid_p, paid_action: as for `judge`. corrections: both
    versions on the earlier corrections the champion has learned. Source: one-sided paired t-test; winsorised means as
    in Tukey (1962).
    """
    said = [champion, challenger] if anchor is None else [champion, challenger, anchor]
    errors = [np.abs(np.asarray(column, dtype=float) - np.asarray(truth, dtype=float)) for column in said]
    most = float(np.quantile(np.concatenate(errors[:2]), WINSOR)) if len(errors[0]) else 0.0
    cut = [np.minimum(column, most) for column in errors]
    pair = Errors(cut[0] - cut[1])
    size = float(cut[0].mean()) if pair.n else 1.0
    by_slice = judge_slices(slices, cut[1], cut[0], MARGIN * size)
    suite = None if corrections is None else judge_corrections(corrections, most, MARGIN * size)
    case = Case(
        pair=pair,
        anchor=pair if anchor is None else Errors(cut[2] - cut[1]),
        claimed=pair.p if paid_p is None else paid_p,
        alpha=alpha_of(looks),
        log_e=0.0,
        fresh=0,
        looks=looks,
        unit=Unit(_unit_name(unit), 1.0, size or 1.0),
        max_loss=MARGIN * size,
        harms=(*harmed_sentences(by_slice, unit), *broken_sentences(suite, unit)),
        holds=_wilder(*(float(column.mean()) if pair.n else 0.0 for column in errors[:2])),
        repeats=paid_p is not None and paid_action != "promote",
        nearer=True,
    )
    scores = {
        "metric": "mean absolute error",
        "test": "paired t-test",
        "challenger_error": plain(mean_error(errors[1])),
        "champion_error": plain(mean_error(errors[0])),
        "cut_at": most,
        "slices": by_slice,
        "corrections": suite,
    }
    return judged(case, policy, min_cases, scores)


def by_sample(challenger: Floats, champion: Floats, audit: Sequence[bool]) -> dict[str, dict[str, Any]]:
    """The same comparison on each locked sample alone, from absolute errors (n,) of both versions."""
    side = np.asarray(audit, dtype=bool)
    samples = {}
    for name, rows in (("holdout", ~side), ("audit", side)):
        pair = Errors(champion[rows] - challenger[rows])
        samples[name] = {"n": pair.n, "gained": pair.gained, "lost": pair.lost, "difference": plain(pair.interval)}
    return samples


def error_slices(truth: Floats, sure: Sequence[float] | None, segments: Mapping[str, Sequence[Any]]) -> list[Slice]:
    """Quarters by what is true, every value of each segment column, and the rows the champion is least sure of.

    truth, sure: (n,), sure being the champion's confidence, None where it is not known. Slices of fewer than
    SLICE_ROWS rows are left out.
    """
    edges = np.quantile(truth, [0.25, 0.5, 0.75]) if len(truth) else np.zeros(3)
    quarter = np.searchsorted(edges, truth, side="left")
    found = [Slice("size", title, quarter == n) for n, title in enumerate(SIZES)]
    for column, values in segments.items():
        held = np.asarray(values, dtype=object)
        present = sorted({value for value in values if value is not None}, key=str)
        found += [_segment(column, value, np.asarray(held == value, dtype=bool)) for value in present]
    if sure is not None and len(sure):
        sureness = np.asarray(sure, dtype=float)
        unsure = sureness <= np.quantile(sureness, UNSURE_SHARE)
        found.append(Slice("confidence", "the rows the champion is least sure of", unsure))
    return [one for one in found if one.rows.sum() >= SLICE_ROWS]


def judge_slices(chosen: Sequence[Slice], new: Floats, old: Floats, max_loss: float) -> list[dict[str, Any]]:
    """Each slice with both mean errors, their paired difference, one-sided p of a loss, and whether it is harmed.

    new, old: absolute errors (n,) of challenger and champion, cut as for the verdict. Harmed: p by Holm at most
    SLICE_ALPHA over the slices of LEAST_TESTED rows or more, and a loss above max_loss, in the unit of the numbers.
    told: whether it has so many rows.
    """
    pairs = [Errors(old[one.rows] - new[one.rows]) for one in chosen]
    places = [n for n, pair in enumerate(pairs) if pair.n >= LEAST_TESTED]
    adjusted = dict(zip(places, holm([pairs[n].p_worse for n in places]), strict=True))
    return [
        {
            "kind": one.kind,
            "title": one.title,
            "n": pair.n,
            "gained": pair.gained,
            "lost": pair.lost,
            "difference": plain(pair.interval),
            "challenger_error": plain(mean_error(new[one.rows])),
            "champion_error": plain(mean_error(old[one.rows])),
            "p": pair.p_worse,
            "p_holm": adjusted.get(n, 1.0),
            "harmed": bool(adjusted.get(n, 1.0) <= SLICE_ALPHA and pair.difference < -max_loss),
            "told": n in adjusted,
        }
        for n, (one, pair) in enumerate(zip(chosen, pairs, strict=True))
    ]


def harmed_sentences(judged: Sequence[Mapping[str, Any]], unit: str) -> tuple[str, ...]:
    """What a person is told about the slices that are harmed."""
    return tuple(
        f"It is worse on {one['title']}: off by {_amount(one['challenger_error']['value'], unit)} on average, the "
        f"champion by {_amount(one['champion_error']['value'], unit)}, over {one['n']:,} rows."
        for one in judged
        if one["harmed"]
    )


def judge_corrections(suite: Suite, cut_at: float, max_loss: float) -> dict[str, Any]:
    """The regression suite of earlier corrections: both mean errors, difference, p of a loss, whether it is broken."""
    new, old = (np.minimum(side, cut_at) for side in (suite.new, suite.old))
    pair = Errors(old - new)
    return {
        "n": pair.n,
        "gained": pair.gained,
        "lost": pair.lost,
        "difference": plain(pair.interval),
        "challenger_error": plain(mean_error(new)),
        "champion_error": plain(mean_error(old)),
        "p": pair.p_worse,
        "broken": bool(pair.n >= LEAST_TESTED and pair.p_worse <= SLICE_ALPHA and pair.difference < -max_loss),
    }


def broken_sentences(corrections: Mapping[str, Any] | None, unit: str) -> tuple[str, ...]:
    """What a person is told about corrections that no longer hold."""
    if not corrections or not corrections["broken"]:
        return ()
    return (
        f"It forgets earlier corrections: on {corrections['n']:,} of them it is off by "
        f"{_amount(corrections['challenger_error']['value'], unit)} on average, the champion by "
        f"{_amount(corrections['champion_error']['value'], unit)}.",
    )


def _unit_name(unit: str) -> str:
    # "points" alone means percentage points wherever a difference is said.
    return f"({unit})" if unit.startswith("points") else unit or "of winsorised mean absolute error"


def _segment(column: str, value: Any, rows: npt.NDArray[np.bool_]) -> Slice:
    kind: SliceKind = "segment"
    return Slice(kind, f"{column} {value!r}", rows)


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip()


def _wilder(champion: float, challenger: float) -> tuple[str, ...]:
    """Cutting wild errors must not hide them: a mean that is higher with them is a reason to wait."""
    if challenger <= champion * (1 + MARGIN):
        return ()
    return (
        f"Its mean absolute error is higher with the few wildest errors uncut: {challenger:.3g}, the champion's is "
        f"{champion:.3g}.",
    )
