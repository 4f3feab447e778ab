"""The table of tasks, and what each one states: everything that depends on what the target is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ..gate.verdict import Judgement
from ..intake import Reader
from ..models import BUILDERS
from ..registry import Registry
from ..scored import Scored
from ..settings import Settings
from ..types import Action, Decision, Feedback, FlipKind, ItemState, Project, Schema, TrainingRows
from ..types import Task as Name

if TYPE_CHECKING:
    import pandas as pd

Offer = Literal["studies", "real time", "avoidable errors", "second look", "what moved"]
"""Forecast, credit and dry run; the challenger that learns in real time; the adaptive rule of retraining; the ranking
of entries by doubt. Each of them reads class probabilities or counts mistakes. What moved: a version compared
with the one before it, column by column and row by row."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two versions on the same n locked rows, as the gate gets to see them. truth, new, old, anchor: (n,) targets.

    anchor: of the model at the last holdout refresh. sure, new_sure, anchor_sure: confidences of champion, challenger
    and anchor. audit, fresh: (n,) which rows
    are of the audit sample, and which of them were labelled after the challenger was trained. segments: column -> (n,)
    values. looks, paid_p, paid_action: see `gate.judge`. suite: truth, new and old targets on earlier corrections; None
    where there are none.
    """

    truth: Sequence[str]
    new: Sequence[str]
    old: Sequence[str]
    anchor: Sequence[str]
    sure: Sequence[float]
    audit: Sequence[bool]
    fresh: Sequence[bool]
    segments: Mapping[str, Sequence[Any]]
    looks: int
    paid_p: float | None
    paid_action: Action | None
    suite: tuple[Sequence[str], Sequence[str], Sequence[str]] | None
    new_sure: Sequence[float] = ()
    anchor_sure: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class TakeIn:
    """How targets are read from tables. reader: of a column of them, given the labels; None where each is one of these.

    labels: the list that a table's column holds. unfit: why a column cannot be the target, with the way out, or empty.
    match: the column of more rows that seems to be it. least_labels: a project needs so many.
    """

    reader: Callable[[Settings, Sequence[str]], Reader | None]
    labels: Callable[[pd.DataFrame, str], tuple[str, ...]]
    unfit: Callable[[pd.DataFrame, str], str]
    match: Callable[[pd.DataFrame, Project], str | None]
    least_labels: int
    labels_always: tuple[str, ...] = ()
    """The labels of every such project, whatever its tables hold; empty where a project has its own."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of target, in pure functions. Targets are text everywhere inside the core, numbers of a model (n, c).

    What is not its own is shared: intake, draws, the order of entries, versions, looks, undo.
    """

    name: Name
    title: str
    help: str
    """For a person who chooses between tasks."""

    take_in: TakeIn
    target: Callable[[Any, Project], str]
    """A target from outside as the project writes it. Raises InvalidFeedback."""
    checked: Callable[[Decision, Project, str | None], Decision]
    """A decision made consistent with the prediction its reviewer saw (None: nothing): a confirmation or a correction.

    Raises InvalidFeedback naming the field.
    """
    doubt: Callable[[str, str, Mapping[str, Any]], str] | None
    """Why a correction has to wait for a second person, from it, the prediction and its version's metrics, or empty."""
    effective: Callable[[Project, Sequence[Feedback], int], tuple[str | None, ItemState]]
    """What an item's entries add up to: its target and state. The number: see `review.effective`."""

    sample_weights: Callable[[TrainingRows, float], npt.NDArray[np.float64]]
    """Weight of each training row, (n,); the number is the half-life of labels in days, 0 = they never fade."""
    fit: Callable[[Any, Any, Sequence[str], npt.NDArray[np.float64]], Any]
    """A fitted pipeline from an unfitted one, its frame (n, d), targets and weights. Raises CannotTrain."""

    columns: Callable[[Project], tuple[str, ...]]
    """Names of the c numbers that are stored of each prediction."""
    numbers: Callable[[Any, Any, Project], npt.NDArray[np.float64]]
    """What a fitted pipeline says of a frame, (n, c)."""
    targets: Callable[[Floats, Project], list[str]]
    """The predicted target of each row of numbers."""
    confidence: Callable[[Floats, Project], Floats]
    """How sure each row of numbers is, (n,) in [0, 1]."""
    offers: frozenset[Offer]
    """What of the project's further tools makes sense; the others are absent from its pages and refused by the loop."""
    parts: frozenset[str]
    """Strategies of the priority that make sense."""
    defaults: Callable[[], Settings]
    """The settings of a new project."""
    unsure: Callable[[Floats], Floats]
    """What those strategies read in place of class probabilities, (n, k): the closer the largest two, the less sure."""

    metrics: Callable[[Sequence[str], npt.NDArray[np.float64], Project], dict[str, Any]]
    """Scores of one version on rows of known truth, from its numbers, as plain JSON values."""
    flip: Callable[[Project, str, str, str], FlipKind | None]
    """What a change of prediction means, from truth, before and after; None where it means nothing."""
    terms: Callable[[Project], dict[str, Any]]
    """On what terms versions are judged: others make it another look at the locked rows."""
    judge: Callable[[Evidence, Project], Judgement]
    """The gate's judgement."""
    learns: bool = True
    """Whether a model is trained; where none is, the pages about versions lead to Groups."""

    titles: Mapping[str, str] = field(default_factory=dict)
    """What a reviewer reads on the key of a label, where it is not the label itself."""

    background: int = 0
    """Most rows without a label that a version learns from too, in front of the labelled ones and labelled ""; such a
    task needs no label to begin."""


TASKS: Registry[Task] = Registry("task")


def of(project: Project) -> Task:
    """The task of a project."""
    return TASKS[project.task]


def weights(project: Project) -> Mapping[str, float]:
    """Weights of the priority; where some are of parts that make no sense for the task, those it begins with."""
    own, wanted = of(project), project.settings.weights
    return wanted if own.parts.issuperset(wanted) else own.defaults().weights


def unfitted(task: Name, schema: Schema, estimator: str, params: Mapping[str, Any], seed: int) -> Any:
    """An estimator that learns a task, as an unfitted pipeline. Raises NotFound, InvalidSetting, NotInstalled."""
    return BUILDERS[estimator](schema, seed, params, task)


def scored(ids: Sequence[int], numbers: Floats, project: Project) -> Scored:
    """Predictions without a priority, for rows that are never asked about."""
    task = of(project)
    sure = np.asarray(task.confidence(numbers, project), dtype=float)
    return Scored(ids, task.targets(numbers, project), numbers.astype(np.float32), sure)
