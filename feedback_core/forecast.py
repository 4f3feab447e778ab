"""What the next corrections are worth: a learning curve from refits, drawn on a little.

Error as a power law of the training rows, e(m) = exp(i) m^s with s <= 0: a straight line on log-log paper. Source:
Viering and Loog (2023), The Shape of Learning Curves, arXiv 2103.10948: power laws are common, with exceptions. In 60
forecasts of the next 100 rows, 4 futures each, the bias was 0.1 points, the mean absolute error 1.5, and 60, 86 and
94 % of the futures lay in the 50, 80 and 95 % intervals (python -m benchmarks.forecast).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SIZES = 5
"""Points of the curve, geometrically from a fifth of the rows to all of them."""

REPEATS = 8
LEAST_REPEATS = 3
"""Fewer refits at a size say nothing about how far two refits lie apart."""

STEPS = (25, 50, 100, 200, 300, 500, 1_000)
"""Corrections ahead for which a gain is forecast; further on a power law is guesswork."""

HEADLINE = 100
RESAMPLES = 1_000

WORTH = 0.01
"""Gain of the next HEADLINE labels, as a fraction, below which labelling can stop: one point."""

Floats = npt.NDArray[np.float64]
Judge = Callable[[npt.NDArray[np.intp], int], npt.NDArray[np.bool_]]
"""(positions of training rows, seed) -> which locked rows a refit on them gets wrong, (n,)."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Refits at s sizes, r times each, judged on the same n rows. sizes: (s,). wrong: (r, s, n)."""

    sizes: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Gain:
    """Accuracy that `more` labelled rows should add, as a fraction, with the ends of its 50, 80 and 95 % intervals."""

    more: int
    value: float
    low50: float
    high50: float
    low80: float
    high80: float
    low95: float
    high95: float

    @property
    def measurable(self) -> bool:
        """Whether half the 80 % interval is no wider than the forecast itself."""
        return self.value > 0 and (self.high80 - self.low80) / 2 <= self.value


@dataclass(frozen=True, slots=True)
class Forecast:
    """rising: whether the curve is distinguishable from a flat one (97.5 % of the bootstrapped slopes are below 0).

    most: upper 95 % limit of what the next HEADLINE rows add on average, without the luck of one retrain.
    """

    size: int
    judged: int
    slope: float
    intercept: float
    rising: bool
    most: float
    gains: tuple[Gain, ...]

    @property
    def stop(self) -> bool:
        """Whether labelling can stop: no gain can be told from zero, and a worthwhile one is excluded."""
        return not self.rising and self.most < WORTH

    def gain(self, more: int) -> Gain:
        return next(gain for gain in self.gains if gain.more == more)


def sizes(n: int, classes: int) -> list[int]:
    """Up to SIZES sizes of nested subsets of n rows, growing; two rows a class are the least."""
    least = min(n, max(round(n / SIZES), 2 * classes, 2))
    return sorted({round(size) for size in np.geomspace(least, n, SIZES)})


def nested_order(labels: Sequence[str], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A random order of rows (n,) whose every beginning has each class in its share, and at least one row of each."""
    codes = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)[1]
    key = np.empty(len(codes))
    for code in range(codes.max(initial=-1) + 1):
        rows = rng.permutation(np.flatnonzero(codes == code))
        key[rows] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
        key[rows[0]] -= 1
    return np.argsort(key)


def refit(
    labels: Sequence[str],
    judge: Judge,
    rng: np.random.Generator,
    *,
    repeats: int = REPEATS,
    is_random: bool = False,
    progress: Callable[[float], None] = lambda _share: None,
) -> Runs:
    """Refit on nested random subsets and judge each on the same rows.

    is_random: the estimator has chances of its own; otherwise all repeats share the one fit on all rows.
    """
    steps = sizes(len(labels), len(set(labels)))
    found: list[list[npt.NDArray[np.bool_]]] = []
    for repeat in range(repeats):
        order = nested_order(labels, rng)
        seed = int(rng.integers(2**31))
        row = [judge(np.sort(order[:size]), seed) for size in steps[:-1]]
        row.append(found[0][-1] if found and not is_random else judge(np.arange(len(labels)), seed))
        found.append(row)
        progress((repeat + 1) / repeats)
    return Runs(np.asarray(steps), np.asarray(found))


def fits(n: int, classes: int, repeats: int, is_random: bool) -> int:
    """How many refits `refit` makes."""
    return repeats * (len(sizes(n, classes)) - 1) + (repeats if is_random else 1)


def forecast(runs: Runs, rng: np.random.Generator, steps: Sequence[int] = STEPS) -> Forecast:
    """The gain of the next rows, from a power law through the refits.

    Intervals: bootstrap over judged rows and repeats, plus the luck of one retrain, 2 sd^2 (1 - n / (n + more)), where
    sd is the spread between refits of one size. The gain never exceeds the present error.
    """
    size, n = int(runs.sizes[-1]), runs.wrong.shape[2]
    slope, intercept, error = _fitted(runs, np.ones((1, n)), np.ones((1, len(runs.wrong))))
    draws = _fitted(runs, rng.multinomial(n, np.full(n, 1 / n), RESAMPLES), _repeat_weights(runs, rng))
    luck = rng.standard_normal(RESAMPLES)
    sd = _spread(runs, slope[0], intercept[0])
    gains = []
    for more in steps:
        value = _gain(slope, intercept, error, size, more)[0]
        likely = _gain(*draws, size, more) + sd * np.sqrt(2 * (1 - size / (size + more))) * luck
        ends = np.quantile(likely, [0.25, 0.75, 0.1, 0.9, 0.025, 0.975]).tolist()
        gains.append(Gain(more, float(value), *ends))
    return Forecast(
        size=size,
        judged=n,
        slope=float(min(slope[0], 0)),
        intercept=float(intercept[0]),
        rising=bool(np.quantile(draws[0], 0.975) < 0),
        most=float(np.quantile(_gain(*draws, size, HEADLINE), 0.975)),
        gains=tuple(gains),
    )


def _fitted(runs: Runs, rows: npt.NDArray[Any], repeats: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Slope, intercept (of the slope cut at 0) and error at the largest size, each (b,).

    rows: (b, n) and repeats: (b, r), how often each judged row and each repeat counts.
    """
    r, s, n = runs.wrong.shape
    counts = rows.astype(np.float32) @ runs.wrong.reshape(r * s, n).astype(np.float32).T
    # Half a row: the logarithm of no error at all would be endless.
    log_error = np.log((counts.reshape(-1, r, s) + 0.5) / (n + 1))
    y = (log_error * (repeats / repeats.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)
    x = np.log(runs.sizes) - np.log(runs.sizes).mean()
    slope = (y * x).sum(axis=1) / max(float((x * x).sum()), 1e-12)
    intercept = y.mean(axis=1) - np.minimum(slope, 0) * np.log(runs.sizes).mean()
    return slope, intercept, np.exp(y[:, -1])


def _gain(slope: Floats, intercept: Floats, error: Floats, size: int, more: int) -> Floats:
    falling = np.minimum(slope, 0)
    gain = np.exp(intercept + falling * np.log(size)) * (1 - ((size + more) / size) ** falling)
    return np.asarray(np.minimum(gain, error))


def _repeat_weights(runs: Runs, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    repeats = len(runs.wrong)
    return rng.multinomial(repeats, np.full(repeats, 1 / repeats), RESAMPLES)


def _spread(runs: Runs, slope: float, intercept: float) -> float:
    """Standard deviation of the error between refits, as a fraction: at the larger sizes, or about the line."""
    errors = runs.wrong.mean(axis=2)
    if len(errors) >= LEAST_REPEATS and errors.shape[1] > 2:
        return float(np.sqrt(errors[:, -3:-1].var(axis=0, ddof=1).mean()))
    line = np.exp(intercept + min(slope, 0) * np.log(runs.sizes))
    return float(np.sqrt(((errors - line) ** 2).sum() / max(errors.size - 2, 1)))


def sentence(found: Forecast) -> str:
    """The value of the next HEADLINE labels in words; a label is a correction or a confirmation."""
    gain = found.gain(HEADLINE)
    if gain.measurable:
        return f"The next {HEADLINE} labels: {_points(gain)}."
    return f"What the next {HEADLINE} labels are worth is not measurable yet: {_points(gain)}."


def advice(found: Forecast) -> str:
    """Whether to go on labelling; to stop only when no gain can be told from zero and a worthwhile one is excluded."""
    most = f"{100 * found.most:.1f} points"
    if found.stop:
        return (
            "You can stop labelling for now: a gain cannot be told from zero, and the next "
            f"{HEADLINE} labels are worth {most} at most."
        )
    if not found.rising:
        return (
            f"A gain cannot be told from zero, nor excluded: up to {most} for the next {HEADLINE}. "
            f"More than the {found.judged:,} locked rows, or more labels, would tell."
        )
    if not found.gain(HEADLINE).measurable:
        return f"More labels have helped so far; what {HEADLINE} more will bring lies within the noise: {most} at most."
    return "Go on labelling: the more rows a version learned from, the fewer errors it made."


def held(ahead: Mapping[str, Any], more: int, actual: tuple[float, float, float]) -> dict[str, Any]:
    """Whether a stored forecast (see `plain`) held: the gain that was measured lies in its 80 % interval.

    The interval is widened by the error of measuring.

    actual: the gain of a later version that learned from `more` rows more, with its 95 % interval.
    """
    gains = [ahead["gains"][n] for n in range(len(ahead["gains"]))]
    at = [gain["more"] for gain in gains]
    value, low, high = (
        float(np.interp(more, [0, *at], [0.0, *(gain[name] for gain in gains)]))
        for name in ("value", "low80", "high80")
    )
    # 1.28 / 1.96 turns the 95 % interval of the measurement into an 80 % one.
    noise = (actual[2] - actual[1]) / 2 * 1.2816 / 1.96
    below, above = np.hypot(value - low, noise), np.hypot(high - value, noise)
    return {
        "more": more,
        "forecast": value,
        "low80": low,
        "high80": high,
        "actual": actual[0],
        "actual_low": actual[1],
        "actual_high": actual[2],
        "held": bool(value - below <= actual[0] <= value + above),
    }


def plain(found: Forecast) -> dict[str, Any]:
    """The forecast as JSON."""
    return {
        "size": found.size,
        "judged": found.judged,
        "slope": found.slope,
        "intercept": found.intercept,
        "rising": found.rising,
        "stop": found.stop,
        "most": found.most,
        "gains": [{name: getattr(gain, name) for name in Gain.__slots__} for gain in found.gains],
        "sentence": sentence(found),
        "advice": advice(found),
    }


def _points(gain: Gain) -> str:
    # Rounded first: a hair below zero is zero, not "-0.0".
    value, low, high = (round(100 * share, 1) + 0.0 for share in (gain.value, gain.low80, gain.high80))
    return f"{value:+.1f} points ({low:.1f} to {high:.1f}, 80 % interval)"
