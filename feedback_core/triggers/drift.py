"""Do the newest inputs look like those the model knows, column by column?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .condition import Condition

WINDOW = 200
"""Newest items of one look. Looks do not overlap, so their error probabilities add up and no more."""

LEAST_EFFECT = 0.1
"""Smallest distance that matters, of distribution functions or of shares: with enough rows any difference is proven."""

EXPECTED = 5.0
"""Categories expected less often are taken together: the chi-square approximation wants five."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column has moved. measure: what `effect` is. p: corrected for all columns (Holm)."""

    column: str
    measure: str
    effect: float
    p: float


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
    corrected = holm([p for _, _, _, p in found])
    rows = [
        ColumnDrift(name, measure, effect, p) for (name, measure, effect, _), p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.p, -row.effect)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the order given. Source: Holm (1979)."""
    m, highest, corrected = len(p_values), 0.0, [1.0] * len(p_values)
    for rank, place in enumerate(sorted(range(m), key=lambda n: p_values[n])):
        highest = max(highest, min(1.0, (m - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def condition(drifts: Sequence[ColumnDrift], seen: int, look: int, significance: float) -> Condition:
    """Met when a column has moved by an effect that matters, proven at this look.

    seen: new items since the version was trained. look: how many full windows they make; 0 before the first.
    """
    if look == 0:
        return Condition(
            "input drift", "trigger", False, seen, WINDOW, f"{seen:,} of {WINDOW} new items for a first look"
        )
    level = look_level(look, significance)
    moved = [drift for drift in drifts if drift.p <= level and drift.effect >= LEAST_EFFECT]
    if not drifts:
        return Condition(
            "input drift", "trigger", False, None, level, "no column can be compared: texts and images are not"
        )
    first = moved[0] if moved else drifts[0]
    said = f"{first.column!r} has {first.measure} {first.effect:.2f}, p = {first.p:.2g} for all columns together"
    text = (
        f"{len(moved)} of {len(drifts)} columns moved: {said}"
        if moved
        else f"no column moved; the nearest to it, {said}, where look {look} asks for {level:.2g} and {LEAST_EFFECT}"
    )
    return Condition("input drift", "trigger", bool(moved), first.p, level, text, f"input drift in {first.column}")


def _column(
    name: str, before: Sequence[float | str | None], after: Sequence[float | str | None]
) -> tuple[str, str, float, float]:
    """Name, measure, effect and uncorrected p; of values and missing values whichever moved more surely, doubled."""
    there = [value for value in before if value is not None], [value for value in after if value is not None]
    gaps = np.asarray([[len(before) - len(there[0]), len(there[0])], [len(after) - len(there[1]), len(there[1])]])
    missing = ("share missing", abs(float(np.diff(gaps[:, 0] / gaps.sum(axis=1))[0])), _chi_square(gaps))
    if not there[0] or not there[1]:
        return (name, *missing)
    numbers = all(isinstance(value, int | float) for value in (*there[0], *there[1]))
    values = _numbers(*there) if numbers else _categories(*there)
    if gaps[:, 0].sum() == 0:
        return (name, *values)
    measure, effect, p = min(values, missing, key=lambda found: found[2])
    return name, measure, effect, min(1.0, 2 * p)


def _numbers(before: Sequence[object], after: Sequence[object]) -> tuple[str, float, float]:
    from scipy.stats import ks_2samp

    # method="auto" computes the exact distribution for small samples, and ties make it conservative.
    found = ks_2samp(np.asarray(before, dtype=float), np.asarray(after, dtype=float))
    return "Kolmogorov-Smirnov distance", float(found.statistic), float(found.pvalue)


def _categories(before: Sequence[object], after: Sequence[object]) -> tuple[str, float, float]:
    from scipy.spatial.distance import jensenshannon

    names = sorted({str(value) for value in (*before, *after)})
    place = {name: n for n, name in enumerate(names)}
    counts = np.zeros((2, len(names)))
    for row, values in enumerate((before, after)):
        np.add.at(counts[row], [place[str(value)] for value in values], 1)
    distance = float(jensenshannon(counts[0], counts[1], base=2))
    return "Jensen-Shannon distance", 0.0 if np.isnan(distance) else distance, _chi_square(_merged(counts))


def _merged(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    rare = expected < EXPECTED
    return np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)]) if rare.any() else counts


def _chi_square(counts: npt.NDArray[np.float64]) -> float:
    from scipy.stats import chi2_contingency

    occurring = counts[:, counts.sum(axis=0) > 0]
    return 1.0 if occurring.shape[1] < 2 else float(chi2_contingency(occurring, correction=False).pvalue)
