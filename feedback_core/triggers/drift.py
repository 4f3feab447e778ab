"""Do the newest inputs look like those the model knows, column by column?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..types import DriftDirection
from .calming import LEAST_EFFECT, Calm, Kind, kind_of, needed
from .condition import Condition

WINDOW = 200
"""Newest items of one look. Looks do not overlap, so their error probabilities add up and no more."""

EXPECTED = 5.0
"""Categories expected less often are taken together: the chi-square approximation wants five."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column has moved. measure: what `effect` is. p: corrected for all columns (Holm).

    direction, place, share_before, share_now: where the gap is widest, as `told` puts it; place is a number, or a
    category. Looks of earlier releases have an empty direction.
    """

    column: str
    measure: str
    effect: float
    p: float
    direction: DriftDirection = ""
    place: float | str | None = None
    share_before: float = 0.0
    share_now: float = 0.0

    @property
    def kind(self) -> Kind:
        """What a dismissal is about."""
        return kind_of(self.column, self.direction, self.place)


def look_level(look: int, significance: float) -> float:
    """Significance of the look-th look, counted from 1; over all looks they add up to `significance`."""
    return significance / (look * (look + 1))


def compare(
    reference: Mapping[str, Sequence[float | str | None]], newest: Mapping[str, Sequence[float | str | None]]
) -> tuple[ColumnDrift, ...]:
    """The columns of both, the most moved first. Numbers by Kolmogorov-Smirnov, all else as categories by chi-square.

    Columns: (n,) and (m,) values, None where missing; a change in the share of missing values counts too.
    """
    found = [_column(name, reference[name], newest[name]) for name in reference]
    corrected = holm([row.p for row in found])
    rows = [replace(row, p=p) for row, p in zip(found, corrected, strict=True)]
    return tuple(sorted(rows, key=lambda row: (row.p, -row.effect)))


def moved(
    drifts: Sequence[ColumnDrift], look: int, significance: float, calm: Mapping[Kind, Calm]
) -> list[ColumnDrift]:
    """The columns that have moved by an effect that matters, proven at this look; more is asked of dismissed kinds."""
    level = look_level(look, significance)
    asked = [(drift, *needed(calm.get(drift.kind, Calm()), level)) for drift in drifts]
    return [drift for drift, p, effect in asked if drift.p <= p and drift.effect >= effect]


def told(direction: DriftDirection, place: float | str | None, before: float, now: float) -> str:
    """Where the gap is widest, in words."""
    where = f"{float(place):g}" if direction in ("higher", "lower") and place is not None else repr(place)
    what = {
        "higher": f"are above {where}",
        "lower": f"are {where} or below",
        "more": f"are {where}",
        "missing": "are missing",
        "present": "are missing",
        "": "differ",
    }[direction]
    return f"{100 * now:.0f} % of the newest values {what}, {100 * before:.0f} % before"


def shifted(value: float | str | None, direction: DriftDirection, place: float | str | None) -> bool:
    """Whether a value lies on the side that has grown."""
    if value is None or direction in ("missing", ""):
        return value is None and direction == "missing"
    if direction in ("higher", "lower") and place is not None:
        return (float(value) > float(place)) == (direction == "higher")
    return direction == "present" or str(value) == place


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the order given. Source: Holm (1979)."""
    m, highest, corrected = len(p_values), 0.0, [1.0] * len(p_values)
    for rank, place in enumerate(sorted(range(m), key=lambda n: p_values[n])):
        highest = max(highest, min(1.0, (m - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def condition(
    drifts: Sequence[ColumnDrift],
    seen: int,
    look: int,
    significance: float,
    calm: Mapping[Kind, Calm] | None = None,
) -> Condition:
    """Met when a column has moved by an effect that matters, proven at this look.

    seen: new items since the version was trained. look: how many full windows they make; 0 before the first. calm: what
    people have said to alerts so far.
    """
    if look == 0:
        return Condition(
            "input drift", "trigger", False, seen, WINDOW, f"{seen:,} of {WINDOW} new items for a first look"
        )
    level = look_level(look, significance)
    asking = moved(drifts, look, significance, calm or {})
    if not drifts:
        return Condition(
            "input drift", "trigger", False, None, level, "no column can be compared: texts and images are not"
        )
    first = asking[0] if asking else drifts[0]
    said = f"{first.column!r} has {first.measure} {first.effect:.2f}, p = {first.p:.2g} for all columns together"
    dismissed = sum(drift.p <= level and drift.effect >= LEAST_EFFECT for drift in drifts) - len(asking)
    if asking:
        text = f"{len(asking)} of {len(drifts)} columns moved: {said}"
    elif dismissed:
        text = f"every drift of look {look} was dismissed; the clearest, {said}"
    else:
        text = f"no column moved; the nearest to it, {said}, where look {look} asks for {level:.2g} and {LEAST_EFFECT}"
    return Condition("input drift", "trigger", bool(asking), first.p, level, text, f"input drift in {first.column}")


def _column(name: str, before: Sequence[float | str | None], after: Sequence[float | str | None]) -> ColumnDrift:
    """With uncorrected p; of values and missing values whichever moved more surely, doubled."""
    there = [value for value in before if value is not None], [value for value in after if value is not None]
    gone = [len(column) - len(kept) for column, kept in zip((before, after), there, strict=True)]
    gaps = np.asarray([[lost, len(kept)] for lost, kept in zip(gone, there, strict=True)], dtype=float)
    missing = _missing(name, gaps)
    if not there[0] or not there[1]:
        return missing
    numbers = all(isinstance(value, int | float) for value in (*there[0], *there[1]))
    values = (_numbers if numbers else _categories)(name, *there)
    if gaps[:, 0].sum() == 0:
        return values
    surer = min(values, missing, key=lambda found: found.p)
    return replace(surer, p=min(1.0, 2 * surer.p))


def _missing(name: str, gaps: npt.NDArray[np.float64]) -> ColumnDrift:
    before, now = (gaps[:, 0] / gaps.sum(axis=1)).tolist()
    direction: DriftDirection = "missing" if now >= before else "present"
    return ColumnDrift(name, "share missing", abs(now - before), _chi_square(gaps), direction, None, before, now)


def _numbers(name: str, before: Sequence[object], after: Sequence[object]) -> ColumnDrift:
    from scipy.stats import ks_2samp

    old, new = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    # method="auto" computes the exact distribution for small samples, and ties make it conservative.
    found = ks_2samp(old, new)
    place, higher = float(found.statistic_location), int(found.statistic_sign) > 0
    then, now = (float((side > place).mean() if higher else (side <= place).mean()) for side in (old, new))
    direction: DriftDirection = "higher" if higher else "lower"
    measure = "Kolmogorov-Smirnov distance"
    return ColumnDrift(name, measure, float(found.statistic), float(found.pvalue), direction, place, then, now)


def _categories(name: str, before: Sequence[object], after: Sequence[object]) -> ColumnDrift:
    from scipy.spatial.distance import jensenshannon

    names = sorted({str(value) for value in (*before, *after)})
    place = {name: n for n, name in enumerate(names)}
    counts = np.zeros((2, len(names)))
    for row, values in enumerate((before, after)):
        np.add.at(counts[row], [place[str(value)] for value in values], 1)
    distance = float(jensenshannon(counts[0], counts[1], base=2))
    shares = counts / counts.sum(axis=1, keepdims=True)
    most = int((shares[1] - shares[0]).argmax())
    effect, p = 0.0 if np.isnan(distance) else distance, _chi_square(_merged(counts))
    then, now = shares[:, most].tolist()
    return ColumnDrift(name, "Jensen-Shannon distance", effect, p, "more", names[most], then, now)


def _merged(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    rare = expected < EXPECTED
    return np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)]) if rare.any() else counts


def _chi_square(counts: npt.NDArray[np.float64]) -> float:
    from scipy.stats import chi2_contingency

    occurring = counts[:, counts.sum(axis=0) > 0]
    return 1.0 if occurring.shape[1] < 2 else float(chi2_contingency(occurring, correction=False).pvalue)
