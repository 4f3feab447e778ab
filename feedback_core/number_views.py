"""Predicted numbers as people read them: with their unit and interval, and how far off the model is."""

from __future__ import annotations

from . import insights, mean_errors
from .conformal import COVERAGE, LEAST_ROWS, Calibration
from .loop import Loop
from .mean_errors import MeanErrors
from .types import Prediction, Project, Version
from .wording import amount, counted, rounded

KEPT_S = 300.0
"""Seconds after which an estimate is made anew, whatever has happened."""


def errors(loop: Loop, version: Version | None) -> MeanErrors:
    """How far off a version is, kept until it may look different."""
    now = loop.clock()
    known = insights.standing(loop.store, loop.project)
    key = ("mean errors", *known, None if version is None else version.id, now // KEPT_S)
    return loop.cache.get(key, lambda: mean_errors.mean_errors(loop.store, loop.project, version, now))


def calibration(loop: Loop, version_id: int) -> Calibration | None:
    """What turns a version's numbers into intervals, kept until something is decided, judged or scored."""
    key = ("calibration", *insights.standing(loop.store, loop.project), version_id)
    return loop.cache.get(key, lambda: mean_errors.calibration(loop.store, loop.project, version_id))


def interval(loop: Loop, prediction: Prediction) -> tuple[float, float] | None:
    """Low and high end of where the true number is expected; None while too little is known to say so."""
    return ends(loop, prediction.version_id, prediction.proba[0], prediction.proba[1])


def ends(loop: Loop, version_id: int, number: float, spread: float) -> tuple[float, float] | None:
    """The same for a number that a version says, with the spread it says it with."""
    found = calibration(loop, version_id)
    if found is None:
        return None
    low, high = found.around(number, spread)
    settings = loop.project.settings
    least, most = settings.plausible_low, settings.plausible_high
    low, high = (end if least is None else max(end, least) for end in (low, high))
    low, high = (end if most is None else min(end, most) for end in (low, high))
    return low, high


def interval_text(loop: Loop, prediction: Prediction) -> str:
    """The interval in words, such as "90 % interval 120 to 181 mg/dl"; empty while it is not known."""
    found = interval(loop, prediction)
    if found is None:
        return ""
    low, high = (rounded(end, 4) for end in found)
    return f"{COVERAGE:.0%} interval {amount(low)} to {amount(high, loop.project.settings.unit)}"


def basis(loop: Loop, version_id: int) -> str:
    """What the intervals of a version rest on, in a sentence."""
    found = calibration(loop, version_id)
    if found is None:
        return "No interval yet: it takes the answers to ten locked or audited rows to say how far off a number may be."
    if found.sample == "audit":
        return f"Intervals are to hold {COVERAGE:.0%} of the true numbers: from {counted(found.n, 'audit answer')}."
    return (
        f"Intervals are to hold {COVERAGE:.0%} of the true numbers: from {counted(found.n, 'holdout row')}, until "
        f"{LEAST_ROWS} audit answers are there. What comes in may differ from those rows."
    )


def told(project: Project, target: str | None) -> str:
    """A stored target as people read it: a number with its unit, a label as it is."""
    if target is None or project.task != "regression":
        return target or ""
    return amount(float(target), project.settings.unit)
