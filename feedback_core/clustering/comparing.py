"""A new clustering against the one in use, on pairs that neither has heeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..gate.paired import Paired, of_gains, rows_to_decide
from ..gate.verdict import ALPHA
from ..gate.wear import LOOKS
from ..intervals import plain, wilson
from ..types import Action, Finding, Interval
from ..wording import about, points, share
from .closure import Pair
from .measures import audited
from .methods import METHODS
from .standing import Answered, Said

CLAIM = ALPHA / LOOKS / len(METHODS)
"""p of a gain: an error budget over LOOKS comparisons, of each of which the best of all methods was taken."""

Heeded = Sequence[tuple[int, int, bool, bool]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of two clusterings. groups: item id -> number of its group. heeded: pairs it was fitted with, and whether it
    satisfied each while that was left out."""

    groups: Mapping[int, int]
    heeded: Heeded = ()

    def same(self, pair: Pair) -> bool | None:
        """Whether a pair is together; None when it does not hold both items."""
        one, other = self.groups.get(pair[0]), self.groups.get(pair[1])
        return None if one is None or other is None else one == other


@dataclass(frozen=True, slots=True)
class ClusterVerdict:
    """What a comparison found, what it advises, and why."""

    finding: Finding
    action: Action
    reasons: tuple[str, ...]
    numbers: dict[str, Any]


def first() -> ClusterVerdict:
    """Of a clustering with none to be compared with."""
    return ClusterVerdict("first", "promote", ("It is the first: there is none to compare it with.",), {})


def compared(found: Said, challenger: Side, champion: Side, looks: int, seed: int) -> ClusterVerdict:
    """Judge on pairs left out of the fit and on audited ones, each counted for both or for neither.

    looks: comparisons before this one. A gain is claimed at CLAIM, one-sided exact McNemar, in the first LOOKS
    comparisons only; a loss is told at ALPHA.
    """
    left_out, audit = _outcomes(found, challenger, champion), _on_audit(found, challenger, champion)
    rows = np.concatenate([left_out, audit])
    pair = of_gains(rows[:, 0].astype(float) - rows[:, 1].astype(float))
    numbers = {
        "n_left_out": len(left_out),
        "n_audit": len(audit),
        "difference": plain(pair.small_interval) if pair.n else None,
        "challenger": _side(rows[:, 0], found, challenger, seed),
        "champion": _side(rows[:, 1], found, champion, seed),
        "gained": pair.gained,
        "lost": pair.lost,
        "p": pair.p,
        "looks": looks + 1,
    }
    finding = _finding(pair, looks)
    return ClusterVerdict(finding, _action(finding), _reasons(finding, pair, numbers, looks), numbers)


def _outcomes(found: Said, challenger: Side, champion: Side) -> npt.NDArray[np.bool_]:
    """(m, 2): whether each pair to heed is right in challenger and champion, both without having heeded it."""
    ours, theirs = _kept(challenger), _kept(champion)
    rows = [
        (ours.get(pair, challenger.same(pair[:2]) == pair[2]), theirs.get(pair, champion.same(pair[:2]) == pair[2]))
        for pair in found.pairs
        if challenger.same(pair[:2]) is not None and champion.same(pair[:2]) is not None
    ]
    return np.asarray(rows, dtype=bool).reshape(-1, 2)


def _on_audit(found: Said, challenger: Side, champion: Side) -> npt.NDArray[np.bool_]:
    """The same of the audited pairs, which no clustering ever heeds."""
    rows = [
        (challenger.same(pair[:2]) == pair[2], champion.same(pair[:2]) == pair[2])
        for pair in found.audit
        if challenger.same(pair[:2]) is not None and champion.same(pair[:2]) is not None
    ]
    return np.asarray(rows, dtype=bool).reshape(-1, 2)


def _kept(side: Side) -> dict[Answered, bool]:
    return {(one, other, same): ok for one, other, same, ok in side.heeded}


def _side(right: npt.NDArray[np.bool_], found: Said, side: Side, seed: int) -> dict[str, Any]:
    return {"right": plain(wilson(float(right.sum()), len(right))), "rand": plain(rand_on_audit(found, side, seed))}


def rand_on_audit(found: Said, side: Side, seed: int) -> Interval:
    """Adjusted Rand index of a clustering on the audited pairs."""
    rows = [(same, side.same((one, other))) for one, other, same in found.audit]
    known = np.asarray([row for row in rows if row[1] is not None], dtype=bool).reshape(-1, 2)
    return audited(known[:, 0], known[:, 1], seed)


def _finding(pair: Paired, looks: int) -> Finding:
    if looks < LOOKS and pair.p <= CLAIM:
        return "better"
    if pair.p_worse <= ALPHA:
        return "worse"
    return "worse within noise" if pair.lost > pair.gained else "not measurably different"


def _action(finding: Finding) -> Action:
    if finding == "better":
        return "promote"
    return "refuse" if finding == "worse" else "hold"


def _reasons(finding: Finding, pair: Paired, numbers: Mapping[str, Any], looks: int) -> tuple[str, ...]:
    if not pair.n:
        return ("Nobody has answered a pair that both hold: look at the groups, and decide by eye.",)
    said = [
        f"Pairs that neither was fitted with: {numbers['n_left_out']:,} left out of the fit, "
        f"{numbers['n_audit']:,} drawn by chance.",
        f"It gets {share(numbers['challenger']['right'])} right, the one in use {share(numbers['champion']['right'])}: "
        f"{points(numbers['difference'])}.",
    ]
    more = rows_to_decide(pair, CLAIM)
    if finding == "not measurably different" and more and looks < LOOKS:
        said.append(f"To prove a difference of this size takes {about(more, 'answered pairs')}.")
    if looks >= LOOKS:
        said.append(f"This is comparison {looks + 1} on these pairs: after {LOOKS} no gain is claimed any more.")
    return tuple(said)
