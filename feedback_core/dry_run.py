"""What a retrain would bring, before it is done and without a look at the locked rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .intervals import paired, plain, wilson
from .types import Interval

FOLDS = 5
FEW = 30
"""Fewer rows say nothing about a difference of a few points."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a retrain would bring. base, feedback: gain on base rows and on new feedback, as fractions.

    changed: share of the open items about which the new model would say something else. items: how many are open.
    seconds: of computing, for fitting, judging and scoring.
    """

    base: Interval
    feedback: Interval
    changed: Interval
    items: int
    seconds: float


def folds(labels: Sequence[str], k: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A fold for each row (n,), 0 to k - 1, each class spread evenly over them."""
    codes = np.asarray(labels, dtype=object).astype(str)
    found = np.empty(len(codes), dtype=np.int64)
    start = 0
    for code in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == code))
        # Each class goes on where the last one ended: rare classes must not all begin at fold 0.
        found[rows] = (start + np.arange(len(rows))) % k
        start += len(rows)
    return found


def outlook(
    differences: npt.NDArray[np.floating],
    is_base: npt.NDArray[np.bool_],
    is_new: npt.NDArray[np.bool_],
    changed: tuple[int, int],
    items: int,
    seconds: float,
) -> Outlook:
    """Sum up a dry run.

    differences: (n,) for each training row, right with everything new minus right without, both models without the
    row's fold; NaN where not measured. The two kinds of rows are kept apart: new feedback was picked as hard, and says
    nothing about all rows. changed: (items that would change, items looked at).
    """
    known = ~np.isnan(differences)
    return Outlook(
        paired(differences[known & is_base]),
        paired(differences[known & is_new]),
        wilson(*changed),
        items,
        seconds,
    )


def sentences(found: Outlook) -> list[str]:
    """The outlook in words."""
    like_base, on_new = (
        _gain(found.base, "rows like the base data"),
        _gain(found.feedback, "rows like the new feedback"),
    )
    flips = found.changed
    seconds = "under a second" if found.seconds < 1 else f"about {found.seconds:,.0f} s"
    said = [f"On {like_base}.", f"On {on_new}."]
    if flips.n:
        low, high = (round(found.items * share) for share in (flips.low, flips.high))
        about = round(found.items * flips.value)
        said.append(
            f"About {about:,} of {found.items:,} open items would be predicted differently"
            + (f" ({low:,} to {high:,}, from {flips.n:,} looked at)." if flips.n < found.items else ".")
        )
    return [*said, f"A retrain takes {seconds} of computing."]


def body(found: Outlook) -> dict[str, Any]:
    """The outlook as JSON."""
    return {
        "base": plain(found.base),
        "feedback": plain(found.feedback),
        "changed": plain(found.changed),
        "items": found.items,
        "seconds": found.seconds,
        "sentences": sentences(found),
    }


def _gain(gain: Interval, what: str) -> str:
    if gain.n < FEW:
        return f"{what} the gain is not measurable: there are {gain.n:,}"
    numbers = f"{100 * gain.value:+.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f}, n = {gain.n:,})"
    told = gain.low > 0 or gain.high < 0
    return f"{what}: {numbers}" + ("" if told else ", not distinguishable from zero")
