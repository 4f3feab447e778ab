"""A number a row, such as a price or a concentration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import gate, intake, review, training
from ..errors import CannotTrain
from ..gate import errors
from ..gate.verdict import Judgement
from ..number_scores import number_scores
from ..prioritize import DIVERSITY, ranks
from ..settings import Settings
from ..types import Decision, Feedback, FlipKind, ItemState, Project, TrainingRows
from .registry import TASKS, Evidence, Floats, TakeIn, Task
from .spreads import spread

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("value", "spread")
"""What is stored of a prediction, both in the unit of the target."""

FAR = 3.0
"""A correction this many times further from the prediction than 99 in 100 known rows are is doubted. It catches every
number given in a unit ten times too small or too large, and no honest one (python -m benchmarks.regression)."""

LEAST_KNOWN = 20
"""Locked rows without which no distance is known to be far."""

UNITS = (1_000.0, 100.0, 10.0, 0.1, 0.01, 0.001)
"""Factors between units that people take for each other."""

NEAR_UNIT = 0.2
"""How close to such a factor, as a share of it, the answer has to be for it to be named."""


def defaults() -> Settings:
    """A forest, whose trees say how unsure they are; a queue of wide intervals and of rows unlike the known ones."""
    return Settings(estimator="random_forest", weights={"width": 0.7, "novelty": 0.3})


def target(value: Any, project: Project) -> str:
    """A number in its one spelling. Raises InvalidFeedback, also for one outside the plausible range."""
    return intake.number_target(value, project.settings.plausible_low, project.settings.plausible_high)


def confirms(said: str, predicted: str, project: Project) -> bool:
    """Whether a number lets a prediction stand: they differ by the tolerance at most."""
    return abs(float(said) - float(predicted)) <= project.settings.tolerance


def effective(project: Project, entries: Sequence[Feedback], alone_until: int) -> tuple[str | None, ItemState]:
    """The median of the reviewers' last standing numbers; a conflict where they differ by more than the tolerance.

    A doubted number is heard once another person's agrees with it or a maintainer accepts it; alone it makes the item
    a conflict, and beside numbers that nobody doubts it is not heard. All else is as for classes.
    """
    standing = [entry for entry in entries if entry.state == "accepted" and entry.verdict != "undo"]
    if any(review.unanswered(entry, standing, alone_until) for entry in entries):
        return None, "conflict"
    heard = [entry for entry in standing if entry.ruling == "accept"] or standing
    given = [entry for entry in heard if entry.target is not None]
    if not given:
        return None, "flagged" if any(entry.verdict == "flag" for entry in heard) else "open"
    numbers = [float(str(entry.target)) for entry in given if not _is_alone(entry, given, project)]
    if not numbers or max(numbers) - min(numbers) > project.settings.tolerance:
        return None, "conflict"
    return intake.number_text(median(numbers)), "labelled"


def _is_alone(entry: Feedback, given: Sequence[Feedback], project: Project) -> bool:
    """Whether an entry is doubted and neither a maintainer nor another person has said that it is right."""
    return (
        bool(entry.doubt)
        and entry.ruling != "accept"
        and not any(
            other.reviewer != entry.reviewer and confirms(str(other.target), str(entry.target), project)
            for other in given
        )
    )


def doubt(said: str, predicted: str, metrics: Mapping[str, Any]) -> str:
    """Why a corrected number has to wait for a second person, in words; empty where it need not.

    metrics: of the version whose prediction was seen. Far is FAR times the error that one locked row in a hundred
    exceeds.
    """
    known = [metrics.get(sample, {}) for sample in ("holdout", "audit")]
    seen = [scores for scores in known if scores.get("error", {}).get("n", 0) >= LEAST_KNOWN]
    number, guess = float(said), float(predicted)
    if not seen or abs(number - guess) <= FAR * max(scores["q99"] for scores in seen):
        return ""
    factor = next((f for f in UNITS if guess and abs(number / guess / f - 1) <= NEAR_UNIT), None)
    if factor is None:
        return f"It is much further from the prediction, {predicted}, than the model has ever been wrong."
    times = f"{factor:g} times" if factor > 1 else f"a {1 / factor:g}th of"
    return f"It looks like a mistake of the unit: about {times} the prediction, {predicted}."


def sample_weights(rows: TrainingRows, half_life_days: float = 0.0) -> npt.NDArray[np.float64]:
    """Weight of each row, (n,) in (0, 1]: one, and less where labels fade. There are no classes to bring back."""
    if not half_life_days or not rows.labels:
        return np.ones(len(rows.labels))
    if len(rows.dated) != len(rows.labels):
        raise CannotTrain("Labels are to fade, but their dates were not looked up: read the rows with dated=True.")
    return training.freshness(rows.dated, half_life_days)


def fit(model: Any, X: Any, targets: Sequence[str], weights: npt.NDArray[np.float64]) -> Any:
    """Fit a pipeline to numbers. Raises CannotTrain."""
    y = numbers_of(targets)
    if not len(y):
        raise CannotTrain("There is no labelled row to learn from: give some numbers on the Review page first.")
    if y.min() == y.max():
        raise CannotTrain(f"All {len(y):,} labelled rows say {targets[0]}: a model needs two different numbers.")
    return training.fitted(model, X, y, weights)


def numbers_of(targets: Sequence[str]) -> npt.NDArray[np.float64]:
    """Stored targets as numbers, (n,)."""
    return np.asarray([float(text) for text in targets], dtype=float)


def numbers(model: Any, X: Any, _project: Project) -> npt.NDArray[np.float64]:
    """Predicted value and spread of each row, (n, 2), to the digits that are stored."""
    value, wide = spread(model, X)
    return np.column_stack([value, wide]).astype(np.float32).astype(float)


def judge(seen: Evidence, project: Project) -> Judgement:
    """A paired t-test of winsorised absolute errors; see `gate.judge_errors`."""
    truth, new, old, anchor = (numbers_of(said) for said in (seen.truth, seen.new, seen.old, seen.anchor))
    settings = project.settings
    verdict = gate.judge_errors(
        truth,
        new,
        old,
        anchor,
        looks=seen.looks,
        policy=settings.policy,
        unit=settings.unit,
        paid_p=seen.paid_p,
        paid_action=seen.paid_action,
        slices=errors.error_slices(truth, seen.sure, seen.segments),
        corrections=None if seen.suite is None else _suite(*map(numbers_of, seen.suite)),
    )
    samples = errors.by_sample(np.abs(new - truth), np.abs(old - truth), seen.audit)
    return replace(verdict, numbers=verdict.numbers | {"samples": samples, "numbers_unit": settings.unit})


def flip(project: Project, truth: str, before: str, after: str) -> FlipKind | None:
    """A row that came nearer to the truth by more than the tolerance is fixed, one that moved away so far is broken."""
    gain = abs(float(before) - float(truth)) - abs(float(after) - float(truth))
    if abs(gain) <= project.settings.tolerance:
        return None
    return "fixed" if gain > 0 else "broken"


def _suite(truth: Floats, new: Floats, old: Floats) -> errors.Suite:
    return errors.Suite(np.abs(new - truth), np.abs(old - truth))


def _checked(decision: Decision, project: Project, predicted: str | None) -> Decision:
    stands = partial(confirms, project=project)
    return review.consistent(decision, predicted, partial(target, project=project), stands, "type a number")


def _columns(_project: Project) -> tuple[str, ...]:
    return COLUMNS


def _targets(said: Floats, _project: Project) -> list[str]:
    return [intake.predicted_text(value) for value in said[:, 0].tolist()]


def _confidence(said: Floats, project: Project) -> Floats:
    """tolerance / (tolerance + spread): a half where they are equal. It orders rows; it is no probability."""
    tolerance = project.settings.tolerance or 1.0
    return np.asarray(tolerance / (tolerance + said[:, 1]))


def _unsure(said: Floats) -> Floats:
    """Two columns as far apart as the row is sure, by the rank of its spread."""
    place = ranks(said[:, 1]) if len(said) else np.zeros(0)
    return np.column_stack([1 - place / 2, place / 2]).astype(np.float32)


def _metrics(truth: Sequence[str], said: npt.NDArray[np.float64], project: Project) -> dict[str, Any]:
    scores = number_scores(numbers_of(truth), said[:, 0], project.settings.tolerance)
    return scores | {"unit": project.settings.unit}


def _terms(_project: Project) -> dict[str, Any]:
    return {"metric": "mean absolute error"}


def _reader(settings: Settings, _labels: Sequence[str]) -> intake.Reader:
    return intake.number_reader(settings.plausible_low, settings.plausible_high)


def _no_labels(_frame: pd.DataFrame, _column: str) -> tuple[str, ...]:
    return ()


def _match(frame: pd.DataFrame, project: Project) -> str | None:
    return intake.match_number(frame, project.schema)


REGRESSION = TASKS.register("regression")(
    Task(
        name="regression",
        title="A number",
        help="Each row has a number, such as a price or a concentration, and is corrected by typing one.",
        take_in=TakeIn(_reader, _no_labels, intake.unfit_number, _match, least_labels=0),
        target=target,
        checked=_checked,
        doubt=doubt,
        effective=effective,
        sample_weights=sample_weights,
        fit=fit,
        columns=_columns,
        numbers=numbers,
        targets=_targets,
        confidence=_confidence,
        offers=frozenset({"what moved"}),
        parts=frozenset({"width", "novelty", "density", "random", DIVERSITY}),
        defaults=defaults,
        unsure=_unsure,
        metrics=_metrics,
        flip=flip,
        terms=_terms,
        judge=judge,
    )
)
