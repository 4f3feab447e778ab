"""Is the challenger better? The claim, the action it allows, and why, kept apart.

The claim is a paired test on an error budget over the life of a holdout, or an e-value on audit labels that came in
after the challenger was trained. The action follows a policy; none lets a version through that is measurably worse,
harms a slice or breaks earlier corrections. The number that wins here is never the one reported afterwards: it is
optimistic by selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..intervals import plain, wilson
from ..types import Action
from . import guards
from .evalue import log_e_value
from .guards import Slice
from .losses import Loss, column
from .paired import Comparison, Paired, Weighted, of_gains
from .verdict import MIN_CASES, Case, Judgement, Unit, alpha_of, judged


def by_sample(
    truth: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str],
    audit: Sequence[bool],
    loss: Loss = Loss(),  # noqa: B008  frozen
) -> dict[str, dict[str, Any]]:
    """The same comparison on each locked sample alone: n, gained, lost and difference of `holdout` and `audit`."""
    gains, side = loss.of(truth, champion) - loss.of(truth, challenger), np.asarray(audit, dtype=bool)
    samples = {}
    for name, rows in (("holdout", ~side), ("audit", side)):
        pair = Weighted(gains[rows]) if loss.metric != "accuracy" else of_gains(gains[rows])
        samples[name] = {"n": pair.n, "gained": pair.gained, "lost": pair.lost, "difference": plain(pair.interval)}
    return samples


def first(n: int) -> Judgement:
    """The verdict on a first version: there is nothing to compare it with."""
    return Judgement("first", "promote", ("The first version has no champion to beat.",), {"n": n})


def judge(
    truth: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str],
    anchor: Sequence[str] | None = None,
    *,
    looks: int,
    policy: str = "balanced",
    max_loss: float = 0.01,
    min_cases: int = MIN_CASES,
    loss: Loss = Loss(),  # noqa: B008  frozen
    labels: Sequence[str] = (),
    paid_p: float | None = None,
    paid_action: Action | None = None,
    fresh: Sequence[bool] | None = None,
    slices: Sequence[Slice] = (),
    corrections: Paired | None = None,
) -> Judgement:
    """Compare challenger and champion on the same locked rows.

    truth, challenger, champion, anchor: (n,) labels in the same order; anchor is the model at the last holdout
    refresh. looks: how often this holdout has been looked at, this time included. max_loss: fraction of accuracy, or of
    the cost of a usual mistake. labels: of the project, for the largest possible cost. paid_p: p of the look that this
    judgement repeats; it then costs no budget and only the e-value can add a claim. paid_action: what that look
    advised; unless it was to promote, `balanced` lets nothing unproven through by asking again. fresh: (n,) audit rows
    labelled after the challenger was trained. corrections: both versions on the earlier corrections the champion has
    learned.
    """
    lost_by_old, lost_by_new = loss.of(truth, champion), loss.of(truth, challenger)
    gains = lost_by_old - lost_by_new
    known = {*labels, *truth, *challenger, *champion, *(() if anchor is None else anchor)}
    pair = _comparison(gains, loss, truth, known)
    stream = gains[np.asarray(fresh, dtype=bool)] if fresh is not None else gains[:0]
    unit = _unit(loss, np.concatenate([lost_by_old, lost_by_new]))
    right = _right(truth, challenger), _right(truth, champion)
    pairs = [_comparison(gains[one.rows], loss, column(truth)[one.rows].tolist(), known) for one in slices]
    by_slice = guards.judge_slices(slices, pairs, right, max_loss=max_loss * unit.size)
    suite = None if corrections is None else guards.judge_corrections(corrections, max_loss)
    case = Case(
        pair=pair,
        anchor=pair if anchor is None else _comparison(loss.of(truth, anchor) - lost_by_new, loss, truth, known),
        claimed=pair.p if paid_p is None else paid_p,
        alpha=alpha_of(looks),
        log_e=log_e_value(stream, loss.most(known, known)),
        fresh=len(stream),
        looks=looks,
        unit=unit,
        max_loss=max_loss * unit.size,
        repeats=paid_p is not None and paid_action != "promote",
        harms=(*guards.harmed_sentences(by_slice), *guards.broken_sentences(suite)),
    )
    scores = {
        "challenger_accuracy": plain(wilson(int(right[0].sum()), pair.n)),
        "champion_accuracy": plain(wilson(int(right[1].sum()), pair.n)),
        "metric": loss.metric,
        "test": "test by betting" if isinstance(pair, Weighted) and pair.most is not None else "exact McNemar test",
        "slices": by_slice,
        "corrections": suite,
    }
    return judged(case, policy, min_cases, scores)


def _comparison(gains: npt.NDArray[np.float64], loss: Loss, truth: Sequence[str], labels: Iterable[str]) -> Comparison:
    """gains: (n,) on rows of this truth, which is given: what a row can lose depends on no prediction."""
    if loss.metric == "accuracy":
        return of_gains(gains)
    return Weighted(gains, None if loss.equal(truth, labels) else loss.most(truth, labels))


def _unit(loss: Loss, lost: npt.NDArray[np.float64]) -> Unit:
    if loss.metric == "accuracy":
        return Unit()
    if loss.metric == "balanced accuracy":
        return Unit("points of balanced accuracy")
    # In units of a usual mistake, so that doubling every cost changes no verdict.
    return Unit("of cost a row", 1.0, float(lost[lost > 0].mean()) if (lost > 0).any() else 1.0)


def _right(truth: Sequence[str], said: Sequence[str]) -> npt.NDArray[np.bool_]:
    return np.asarray(column(truth) == column(said), dtype=bool)
