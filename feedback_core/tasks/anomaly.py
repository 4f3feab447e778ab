"""Rows that are normal or an anomaly: ranked without any label, bent by answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import gate, intake, review, scoring, training
from ..errors import CannotTrain, InvalidFeedback
from ..evaluation import evaluate
from ..gate import ranking
from ..gate.paired import paired
from ..gate.verdict import Judgement
from ..ranking import ranking_scores
from ..settings import Settings
from ..types import Decision, Feedback, ItemState, Project
from .classification import flip
from .registry import TASKS, Evidence, Floats, TakeIn, Task
from .regression import sample_weights

if TYPE_CHECKING:
    import pandas as pd

BACKGROUND = 10_000
"""Rows of the pool, spread evenly, that tell what is usual: each tree looks at 256 of them, the rarity of its leaves is
counted over all."""

UNANSWERED = ""


@cache
def defaults() -> Settings:
    """An isolation forest, and a queue that goes down its ranking."""
    return Settings(estimator="feedback_iforest", weights={"alarm": 1.0})


def target(value: Any, _project: Project) -> str:
    """ "normal" or "anomaly". Raises InvalidFeedback."""
    text = str(value)
    if text not in intake.ALARM_LABELS:
        raise InvalidFeedback(f"target={text[:80]!r} is no answer: say normal or anomaly.")
    return text


def fit(model: Any, X: Any, labels: Sequence[str], weights: npt.NDArray[np.float64]) -> Any:
    """Fit a detector. Rows labelled "" come first and are the background; answered ones follow. Raises CannotTrain."""
    y = np.asarray(labels, dtype=object)
    n = int((y == UNANSWERED).sum())
    if not n:
        raise CannotTrain("There is no row to learn from: add rows on the Setup page first.")
    training.drop_wordless(model, X)
    prepare, detector = model.named_steps["prepare"], model.named_steps["model"]
    try:
        with training.threads(len(y)):
            # What is usual is learned from the background alone: answers are no sample of it.
            detector.fit(prepare.fit(X[:n]).transform(X), y, sample_weight=weights, n_background=n)
    except ValueError as error:
        raise CannotTrain(f"The detector refused the rows: {error}") from error
    return model


def scores(labels: Sequence[str], sure: Sequence[float]) -> npt.NDArray[np.float64]:
    """Probability of an anomaly, (n,), from the likelier label and its probability."""
    return np.asarray(
        [share if label == intake.ANOMALY else 1 - share for label, share in zip(labels, sure, strict=True)],
        dtype=float,
    )


def judge(seen: Evidence, project: Project) -> Judgement:
    """A paired test of average precision; see `gate.judge_ranking`."""
    truth = np.asarray([said == intake.ANOMALY for said in seen.truth], dtype=bool)
    new, old = scores(seen.new, seen.new_sure), scores(seen.old, seen.sure)
    verdict = gate.judge_ranking(
        truth,
        new,
        old,
        scores(seen.anchor, seen.anchor_sure),
        looks=seen.looks,
        policy=project.settings.policy,
        paid_p=seen.paid_p,
        paid_action=seen.paid_action,
        corrections=None if seen.suite is None else paired(*seen.suite),
        max_loss=project.settings.max_loss,
    )
    samples = ranking.by_sample(truth, new, old, seen.audit)
    return replace(verdict, numbers=verdict.numbers | {"samples": samples})


def _metrics(truth: Sequence[str], proba: npt.NDArray[np.float64], project: Project) -> dict[str, Any]:
    anomalous = np.asarray([said == intake.ANOMALY for said in truth], dtype=bool)
    return evaluate(truth, proba, project.labels) | ranking_scores(anomalous, proba[:, 1])


def _checked(decision: Decision, project: Project, predicted: str | None) -> Decision:
    return review.checked(decision, project.labels, predicted)


def _effective(_project: Project, entries: Sequence[Feedback], alone_until: int) -> tuple[str | None, ItemState]:
    return review.effective(entries, alone_until)


def _columns(_project: Project) -> tuple[str, ...]:
    return intake.ALARM_LABELS


def _numbers(model: Any, X: Any, _project: Project) -> npt.NDArray[np.float64]:
    return training.aligned_proba(model, X, intake.ALARM_LABELS)


def _targets(proba: Floats, _project: Project) -> list[str]:
    return scoring.top_labels(proba, intake.ALARM_LABELS)


def _confidence(proba: Floats, _project: Project) -> Floats:
    return np.asarray(proba.max(axis=1))


def _unsure(proba: Floats) -> Floats:
    return proba


def _flip(_project: Project, truth: str, before: str, after: str) -> Any:
    return flip(truth, before, after)


def _terms(_project: Project) -> dict[str, Any]:
    return {"metric": "average precision"}


def _reader(_settings: Settings, _labels: Sequence[str]) -> intake.Reader:
    return intake.alarm_reader()


def _labels(_frame: pd.DataFrame, _column: str) -> tuple[str, ...]:
    return intake.ALARM_LABELS


def _match(frame: pd.DataFrame, project: Project) -> str | None:
    return intake.match_alarms(frame, project.schema)


ANOMALY = TASKS.register("anomaly")(
    Task(
        name="anomaly",
        title="Anomalies",
        help="Rows are ranked by how unlike the others they are, without any label; people say which alarms are true.",
        take_in=TakeIn(
            _reader, _labels, intake.unfit_alarms, _match, least_labels=0, labels_always=intake.ALARM_LABELS
        ),
        target=target,
        checked=_checked,
        doubt=None,
        effective=_effective,
        sample_weights=sample_weights,
        fit=fit,
        columns=_columns,
        numbers=_numbers,
        targets=_targets,
        confidence=_confidence,
        offers=frozenset({"what moved"}),
        parts=frozenset({"alarm", "margin", "random"}),
        defaults=defaults,
        unsure=_unsure,
        metrics=_metrics,
        flip=_flip,
        terms=_terms,
        judge=judge,
        titles={intake.NORMAL: "False alarm (normal)", intake.ANOMALY: "True alarm (anomaly)"},
        background=BACKGROUND,
    )
)
