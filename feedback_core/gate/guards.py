"""Who pays for a gain: slices that a challenger harms, and earlier corrections that it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..intervals import plain, wilson
from ..wording import are
from .evalue import p_of_bet
from .paired import Comparison, Paired, Weighted

SLICE_ROWS = 5
"""Fewer rows of a segment make no slice: not even all of four broken is a proof, 1/16. Classes are always listed."""

SLICE_ALPHA = 0.05
"""Chance of refusing a version that harms no slice, over all slices of one look together."""

UNSURE_SHARE = 0.25
"""Share of the locked rows, those the champion is least sure of, that make the slice of low confidence."""

SliceKind = Literal["class", "segment", "confidence", "size"]


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the locked rows. title: as a sentence names it. rows: (n,) which ones."""

    kind: SliceKind
    title: str
    rows: npt.NDArray[np.bool_]


def slices(
    truth: Sequence[str], confidence: Sequence[float] | None, segments: Mapping[str, Sequence[Any]]
) -> list[Slice]:
    """Every class, every value of each segment column, and the rows the champion is least sure of.

    truth, confidence: (n,), the champion's confidence, None where it is not known. segments: column -> (n,) values.
    Segments of fewer than SLICE_ROWS rows are left out.
    """
    found = [Slice("class", f"class {value!r}", rows) for value, rows in _by_value(truth)]
    for column, values in segments.items():
        found += [Slice("segment", f"{column} {value!r}", rows) for value, rows in _by_value(values)]
    if confidence is not None and len(confidence):
        sure = np.asarray(confidence, dtype=float)
        unsure = sure <= np.quantile(sure, UNSURE_SHARE)
        found.append(Slice("confidence", "the rows the champion is least sure of", unsure))
    return [one for one in found if one.kind == "class" or one.rows.sum() >= SLICE_ROWS]


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given; at most 1. Source: Holm (1979)."""
    adjusted, least = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda n: p[n])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = least
    return adjusted


def testable(best: Sequence[float]) -> list[bool]:
    """Which of several tests can reach SLICE_ALPHA when corrected for all that can; the others need no correction.

    best: smallest p that each can give, known without its outcome. Source: Tarone (1990).
    """
    among = next(k for k in range(1, len(best) + 2) if sum(p <= SLICE_ALPHA / k for p in best) <= k)
    return [p <= SLICE_ALPHA / among for p in best]


def judge_slices(
    chosen: Sequence[Slice],
    pairs: Sequence[Comparison],
    right: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    *,
    max_loss: float,
) -> list[dict[str, Any]]:
    """Each slice with its paired difference, one-sided p of a loss, Holm's adjustment, and whether it is harmed.

    Holm's adjustment is over the slices that can show a loss at all: a hundred tiny ones would else cost all power.
    told: whether so many rows could show one.

    pairs: of both versions on each slice. right: of challenger and champion, (n,) each. Harmed: adjusted p at most
    SLICE_ALPHA and a loss above max_loss, so that in huge slices a loss nobody would notice is let through.
    """
    within = testable([_best(pair) for pair in pairs])
    places = [place for place, can in enumerate(within) if can]
    adjusted = dict(zip(places, holm([pairs[place].p_worse for place in places]), strict=True))
    enough = SLICE_ALPHA / max(len(places), 1)
    return [
        _facts(one, pairs[place], adjusted.get(place, 1.0), right, max_loss)
        | {"told": within[place] or _most_telling(pairs[place]) <= enough}
        for place, one in enumerate(chosen)
    ]


def harmed_sentences(judged: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a person is told about the slices that are harmed."""
    return tuple(
        f"It is worse on {one['title']}: {one['lost']} rows broken, {one['gained']} fixed of {one['n']:,}."
        for one in judged
        if one["harmed"]
    )


def judge_corrections(pair: Paired, max_loss: float) -> dict[str, Any]:
    """The regression suite of earlier corrections: n, gained, lost, difference, p of a loss, and whether it is broken.

    Broken: measurably worse (one-sided exact McNemar p at most SLICE_ALPHA) by more than max_loss.
    """
    broken = pair.p_worse <= SLICE_ALPHA and pair.difference < -max_loss
    return {
        "n": pair.n,
        "gained": pair.gained,
        "lost": pair.lost,
        "difference": plain(pair.small_interval),
        "p": pair.p_worse,
        "broken": broken,
    }


def broken_sentences(corrections: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What a person is told about corrections that no longer hold."""
    if not corrections or not corrections["broken"]:
        return ()
    lost, gained = corrections["lost"], corrections["gained"]
    return (
        f"It breaks earlier corrections: {lost} of {corrections['n']:,} {are(lost)} wrong again, "
        f"{gained} {are(gained)} mended.",
    )


def _by_value(values: Sequence[Any]) -> list[tuple[Any, npt.NDArray[np.bool_]]]:
    column = np.asarray(values, dtype=object)
    present = sorted({value for value in values if value is not None}, key=str)
    return [(value, np.asarray(column == value, dtype=bool)) for value in present]


def _best(pair: Comparison) -> float:
    """Smallest p that could have come out: given which rows differ where signs decide, else given the rows alone."""
    # A bet is no test on signs: how much is at stake in the rows that differ tells of the outcome.
    return 0.5 ** (pair.gained + pair.lost) if _by_signs(pair) else _most_telling(pair)


def _most_telling(pair: Comparison) -> float:
    """p when every row is lost."""
    return 0.5**pair.n if _by_signs(pair) else p_of_bet(np.ones(pair.n))


def _by_signs(pair: Comparison) -> bool:
    return not isinstance(pair, Weighted) or pair.most is None


def _facts(
    one: Slice,
    pair: Comparison,
    adjusted: float,
    right: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    max_loss: float,
) -> dict[str, Any]:
    challenger, champion = (plain(wilson(int(side[one.rows].sum()), pair.n)) for side in right)
    return {
        "kind": one.kind,
        "title": one.title,
        "n": pair.n,
        "gained": pair.gained,
        "lost": pair.lost,
        "difference": plain(pair.small_interval),
        "challenger_accuracy": challenger,
        "champion_accuracy": champion,
        "p": pair.p_worse,
        "p_holm": adjusted,
        "harmed": bool(adjusted <= SLICE_ALPHA and pair.difference < -max_loss),
    }
