"""Any number of labels a row, none included: a model for each label, and one text for the set of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import gate, intake, intervals, review, training
from ..errors import CannotTrain, InvalidFeedback
from ..gate import guards
from ..gate.paired import paired
from ..gate.verdict import Judgement
from ..intervals import plain
from ..multilabel import NONE, indicator, majority, texts_of
from ..multilabel_scores import confidence, hamming, multilabel_scores
from ..prioritize import DIVERSITY
from ..settings import Settings
from ..types import Decision, Feedback, ItemState, Project
from .classification import flip
from .registry import TASKS, Evidence, Floats, TakeIn, Task
from .regression import sample_weights

if TYPE_CHECKING:
    import pandas as pd

HALF = 0.5
"""Probability from which a label is said."""


@cache
def defaults() -> Settings:
    """Forests, which hold on to rare labels, and a queue of the least certain ones.

    On 300 rows of `senses` forests have 45 % of the sets right, linear models 30 % (data/README.md).
    """
    return Settings(estimator="random_forest", weights={"margin": 0.9, DIVERSITY: 0.1})


def target(value: Any, project: Project) -> str:
    """A set of labels as the project writes it, from a list or from a text. Raises InvalidFeedback."""
    try:
        text = intake.label_set(value, project.labels)
    except ValueError:
        text = None
    if text is None:
        listed = ", ".join(project.labels[:20])
        raise InvalidFeedback(
            f"target={str(value)[:80]!r} names no labels of this project: send a list of them, or a text such as "
            f"{'; '.join(project.labels[:2])!r}, or {NONE!r} for none; choose among {listed}."
        )
    return text


def effective(project: Project, entries: Sequence[Feedback], alone_until: int) -> tuple[str | None, ItemState]:
    """For each label the majority of the reviewers' last standing sets; a conflict where it ties on any label.

    All else is as for classes.
    """
    return review.settled(entries, alone_until, partial(majority, known=project.labels))


def fit(model: Any, X: Any, targets: Sequence[str], weights: npt.NDArray[np.float64]) -> Any:
    """Fit a classifier for each label. Raises CannotTrain."""
    if not targets:
        raise CannotTrain("There is no labelled row to learn from: label some items on the Review page first.")
    if len(set(targets)) == 1:
        raise CannotTrain(
            f"All {len(targets):,} labelled rows say {targets[0]!r}: a model needs rows with a label and rows without."
        )
    return training.fitted(model, X, np.asarray(targets, dtype=object), weights)


def numbers(model: Any, X: Any, project: Project) -> npt.NDArray[np.float64]:
    """Probability of each label by itself, (n, k); of one that no training row bore, what that makes likely."""
    said = training.aligned_proba(model, X, project.labels)
    unseen = [k for k, label in enumerate(project.labels) if label not in set(model.classes_)]
    said[:, unseen] = model.named_steps["model"].unseen_
    return said


def judge(seen: Evidence, project: Project) -> Judgement:
    """Exact McNemar on whole sets, see `gate.judge`; beside it the paired difference of the Hamming loss."""
    settings = project.settings
    verdict = gate.judge(
        seen.truth,
        seen.new,
        seen.old,
        seen.anchor,
        looks=seen.looks,
        policy=settings.policy,
        max_loss=settings.max_loss,
        labels=project.labels,
        paid_p=seen.paid_p,
        paid_action=seen.paid_action,
        fresh=seen.fresh,
        slices=[*label_slices(seen.truth, project.labels), *guards.slices((), seen.sure, seen.segments)],
        corrections=None if seen.suite is None else paired(*seen.suite),
    )
    truth, new, old = (indicator(said, project.labels) for said in (seen.truth, seen.new, seen.old))
    fewer = intervals.paired(hamming(truth, old) - hamming(truth, new))
    samples = gate.by_sample(seen.truth, seen.new, seen.old, seen.audit)
    return replace(verdict, numbers=verdict.numbers | {"samples": samples, "hamming_difference": plain(fewer)})


def label_slices(truth: Sequence[str], labels: Sequence[str]) -> list[guards.Slice]:
    """The rows that bear each label, and those that bear none; left out where there are none. They overlap."""
    bears = indicator(truth, labels)
    found = [guards.Slice("class", f"label {label!r}", bears[:, k]) for k, label in enumerate(labels)]
    found.append(guards.Slice("class", "rows without a label", np.asarray(~bears.any(axis=1))))
    return [one for one in found if one.rows.any()]


def _checked(decision: Decision, project: Project, predicted: str | None) -> Decision:
    return review.consistent(decision, predicted, partial(target, project=project), str.__eq__, "choose the labels")


def _labels(project: Project) -> tuple[str, ...]:
    return project.labels


def _targets(said: Floats, project: Project) -> list[str]:
    return texts_of(said >= HALF, project.labels)


def _confidence(said: Floats, _project: Project) -> Floats:
    return confidence(said)


def _unsure(said: Floats) -> Floats:
    """Two columns from the least certain label of each row (BinMin). Source: Brinker (2006)."""
    sure = np.abs(2 * said - 1).min(axis=1, initial=1.0)
    return np.column_stack([(1 + sure) / 2, (1 - sure) / 2]).astype(np.float32)


def _metrics(truth: Sequence[str], said: npt.NDArray[np.float64], project: Project) -> dict[str, Any]:
    return multilabel_scores(indicator(truth, project.labels), said, project.labels)


def _flip(_project: Project, truth: str, before: str, after: str) -> Any:
    return flip(truth, before, after)


def _terms(_project: Project) -> dict[str, Any]:
    return {"metric": "exact match"}


def _reader(_settings: Settings, labels: Sequence[str]) -> intake.Reader:
    return intake.label_set_reader(labels)


def _match(frame: pd.DataFrame, project: Project) -> str | None:
    return intake.match_label_sets(frame, project.schema, project.labels)


MULTILABEL = TASKS.register("multilabel")(
    Task(
        name="multilabel",
        title="Several labels",
        help="Each row bears any number of labels, or none, such as the topics of a text.",
        take_in=TakeIn(_reader, intake.labels_held, intake.unfit_label_sets, _match, least_labels=2),
        target=target,
        checked=_checked,
        doubt=None,
        effective=effective,
        sample_weights=sample_weights,
        fit=fit,
        columns=_labels,
        numbers=numbers,
        targets=_targets,
        confidence=_confidence,
        offers=frozenset({"avoidable errors", "second look"}),
        parts=frozenset({"margin", "entropy", "least_confidence", "novelty", "density", "random", DIVERSITY}),
        defaults=defaults,
        unsure=_unsure,
        metrics=_metrics,
        flip=_flip,
        terms=_terms,
        judge=judge,
    )
)
