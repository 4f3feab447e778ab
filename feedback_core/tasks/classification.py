"""One of several classes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import gate, intake, review, scoring, training
from ..errors import InvalidFeedback
from ..evaluation import evaluate
from ..gate import guards
from ..gate.losses import loss_of
from ..gate.paired import paired
from ..gate.verdict import Judgement
from ..prioritize import DIVERSITY, STRATEGIES
from ..settings import Settings
from ..types import Decision, Feedback, FlipKind, ItemState, Project
from .registry import TASKS, Evidence, Floats, TakeIn, Task

if TYPE_CHECKING:
    import pandas as pd


def target(value: Any, project: Project) -> str:
    """A label as the project writes it: 1 and 1.0 are "1". Raises InvalidFeedback."""
    text = intake.label_text(value, project.labels)
    if text is None or text not in project.labels:
        listed = ", ".join(project.labels[:20])
        raise InvalidFeedback(f"target={text!r} is not a label of this project: choose one of {listed}.")
    return text


def judge(seen: Evidence, project: Project) -> Judgement:
    """Exact McNemar, or a bet where mistakes count differently; see `gate.judge`."""
    settings = project.settings
    loss = loss_of(settings.metric, settings.costs, seen.truth)
    verdict = gate.judge(
        seen.truth,
        seen.new,
        seen.old,
        seen.anchor,
        looks=seen.looks,
        policy=settings.policy,
        max_loss=settings.max_loss,
        loss=loss,
        labels=project.labels,
        paid_p=seen.paid_p,
        paid_action=seen.paid_action,
        fresh=seen.fresh,
        slices=guards.slices(seen.truth, seen.sure, seen.segments),
        corrections=None if seen.suite is None else paired(*seen.suite),
    )
    samples = gate.by_sample(seen.truth, seen.new, seen.old, seen.audit, loss)
    return replace(verdict, numbers=verdict.numbers | {"samples": samples})


def _checked(decision: Decision, project: Project, predicted: str | None) -> Decision:
    return review.checked(decision, project.labels, predicted)


def _effective(_project: Project, entries: Sequence[Feedback], alone_until: int) -> tuple[str | None, ItemState]:
    return review.effective(entries, alone_until)


def _labels(project: Project) -> tuple[str, ...]:
    return project.labels


def _proba(model: Any, X: Any, project: Project) -> npt.NDArray[np.float64]:
    return training.aligned_proba(model, X, project.labels)


def _targets(proba: Floats, project: Project) -> list[str]:
    return scoring.top_labels(proba, project.labels)


def _confidence(proba: Floats, _project: Project) -> Floats:
    return np.asarray(proba.max(axis=1))


def _unsure(proba: Floats) -> Floats:
    return proba


def _metrics(truth: Sequence[str], proba: npt.NDArray[np.float64], project: Project) -> dict[str, Any]:
    return evaluate(truth, proba, project.labels)


def flip(truth: str, before: str, after: str) -> FlipKind | None:
    """What another label on a row means; None where it is the same."""
    if before == after:
        return None
    return "fixed" if after == truth else "broken" if before == truth else "moved"


def _flip(_project: Project, truth: str, before: str, after: str) -> FlipKind | None:
    return flip(truth, before, after)


def _terms(project: Project) -> dict[str, Any]:
    settings = project.settings
    costs = {truth: dict(row) for truth, row in settings.costs.items()} if settings.metric == "cost" else {}
    return {"metric": settings.metric, "costs": costs}


def _no_reader(_settings: Settings, _labels: Sequence[str]) -> None:
    return None


def _match(frame: pd.DataFrame, project: Project) -> str | None:
    return intake.match(frame, project.schema, project.labels)[0]


CLASSIFICATION = TASKS.register("classification")(
    Task(
        name="classification",
        title="One class",
        help="Each row is one of several classes.",
        take_in=TakeIn(_no_reader, intake.classes, intake.unfit_label, _match, least_labels=2),
        target=target,
        checked=_checked,
        doubt=None,
        effective=_effective,
        sample_weights=training.sample_weights,
        fit=training.fit,
        columns=_labels,
        numbers=_proba,
        targets=_targets,
        confidence=_confidence,
        offers=frozenset({"studies", "real time", "avoidable errors", "second look", "what moved"}),
        parts=frozenset({*STRATEGIES, DIVERSITY} - {"alarm", "width"}),
        defaults=Settings,
        unsure=_unsure,
        metrics=_metrics,
        flip=_flip,
        terms=_terms,
        judge=judge,
    )
)
