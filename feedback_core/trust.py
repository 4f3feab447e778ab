"""Which entries to look at twice: the likely wrong ones first, by named parts that sum to the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .prioritize import ranks

WEIGHTS: Mapping[str, float] = {
    "suspicious": 0.8,
    "contradicted": 0.08,
    "low_agreement": 0.06,
    "far": 0.02,
    "effect": 0.04,
}
"""What each part can contribute. `suspicious` has to dominate (python -m benchmarks.second_look)."""

PRIOR_RIGHT, PRIOR_WRONG = 4.0, 1.0
"""Beta prior of a reviewer's agreement: an unknown reviewer is taken to agree four times in five."""

REFRESH_SHARE = 0.05
"""Entries that have come in since the last ranking, as a share of those ranked, from which it is made again unasked:
at a million entries it keeps a worker busy for minutes, at a thousand for a second."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Entries:
    """Facts about n entries, one array each, all (n,). NaN stands for what is not known."""

    items: npt.NDArray[np.int64]
    reviewers: npt.NDArray[np.int64]
    """Number of the reviewer, from 0."""
    labels: npt.NDArray[np.int64]
    """Number of the label given, from 0; -1 for a flag, which gives none."""
    standing: npt.NDArray[np.bool_]
    """Whether the entry counts; a rejected one is ranked too, but is no voice against others."""
    gold: npt.NDArray[np.int64]
    """Number of the label known to be true, -1 where none is."""
    given: Floats
    """Probability of the given label by a model that has not learned from the entry, in [0, 1]."""
    error: Floats
    """Distance of the probabilities from the given label, |p - onehot|, in [0, sqrt 2]."""
    size: Floats
    """Length of the input's features, with one for the intercept: what the error is multiplied with in a gradient."""
    distance: Floats
    """Distance to the nearest labelled row of another item, any unit."""


def parts(entries: Entries) -> dict[str, Floats]:
    """Each part (n,) in [0, 1], NaN where it cannot be told; 1 asks loudest for a look.

    suspicious: rank of 1 - the probability of the given label by a version that never learned from the entry
    (self-confidence; Northcutt et al. 2021). contradicted: share of the other reviewers' standing labels for the item
    that differ. low_agreement: 1 - the agreement of the reviewer, see `agreement`. far: rank of the distance to what is
    labelled. effect: rank of the length of the gradient the entry would cause, |p - onehot| |x| (EL2N and GraNd; Paul
    et al. 2021).
    """
    others, same = _voices(entries)
    judged = others > 0
    contradicted = np.where(judged, 1 - same / np.maximum(others, 1), 0.0)
    contradicted[entries.labels < 0] = np.nan
    return {
        "suspicious": _ranked(1 - entries.given),
        "contradicted": contradicted,
        "low_agreement": (1 - agreement(entries))[entries.reviewers],
        "far": _ranked(entries.distance),
        "effect": _ranked(entries.error * entries.size),
    }


def score(found: Mapping[str, Floats]) -> Floats:
    """Weighted sum of the parts, shape (n,), in [0, 1]; a part that cannot be told adds nothing."""
    return np.asarray(sum(WEIGHTS[name] * np.nan_to_num(part) for name, part in found.items()))


def contributions(found: Mapping[str, float | None]) -> dict[str, float]:
    """What each part of one entry adds to its score; they sum to it."""
    return {name: WEIGHTS[name] * (found[name] or 0.0) for name in WEIGHTS}


def agreement(entries: Entries) -> Floats:
    """How often each reviewer agrees: with every other reviewer of an item, and with labels known to be true.

    Posterior mean under Beta(4, 1), shape (reviewers,), in (0, 1): 0.8 for somebody never compared with anybody.
    """
    people = int(entries.reviewers.max(initial=-1)) + 1
    others, same = _voices(entries)
    told = entries.standing & (entries.labels >= 0)
    known = told & (entries.gold >= 0)
    compared = np.where(told, others, 0) + known
    agreed = np.where(told, same, 0) + (known & (entries.gold == entries.labels))
    right = np.bincount(entries.reviewers, weights=agreed, minlength=people)
    n = np.bincount(entries.reviewers, weights=compared, minlength=people)
    return np.asarray((PRIOR_RIGHT + right) / (PRIOR_RIGHT + PRIOR_WRONG + n))


def is_due(ranked: int | None, newer: int) -> bool:
    """Whether the entries should be ranked again unasked. ranked: None when they never were."""
    return newer > 0 and (ranked is None or newer >= REFRESH_SHARE * ranked)


def _voices(entries: Entries) -> tuple[Floats, Floats]:
    """Standing labels of other reviewers for each entry's item, and those equal to its own; both (n,)."""
    votes = entries.standing & (entries.labels >= 0)
    _, item = np.unique(entries.items, return_inverse=True)
    pair = item * (int(entries.labels.max(initial=0)) + 2) + entries.labels + 1
    _, pair = np.unique(pair, return_inverse=True)
    own = votes.astype(float)
    return np.bincount(item, weights=own)[item] - own, np.bincount(pair, weights=own)[pair] - own


def _ranked(raw: Floats) -> Floats:
    out = np.full(len(raw), np.nan)
    known = np.isfinite(raw)
    if known.any():
        out[known] = ranks(raw[known])
    return out
