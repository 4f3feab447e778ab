"""A table on its way in: what a new project would be, or what would be added, before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from . import intake, tasks
from .errors import InvalidFile, InvalidInput
from .settings import Settings
from .types import Column, Kind, Problem, Project, Rows, Schema, Task

if TYPE_CHECKING:
    import pandas as pd

LEAVE_OUT = "leave out"
KINDS = (*get_args(Kind), LEAVE_OUT)


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked rows with how they were read. rows: those without a blocking problem. notes: what had to be guessed.

    unread: columns of the table that nothing is taken from.
    """

    task: Task
    schema: Schema
    labels: tuple[str, ...]
    label_column: str | None
    id_column: str | None
    rows: Rows
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def labelled(self) -> int:
        return sum(label is not None for label in self.rows.labels)

    @property
    def blocking(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.blocking)


def new_project(
    frame: pd.DataFrame,
    *,
    label: str | None = None,
    key: str | None = None,
    labels: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    task: Task | None = None,
    settings: Settings | None = None,
) -> Plan:
    """What a project made of a table would hold.

    task: None takes the one that suits the label column. settings: those the project is to have.
    label, key: column of the labels, of the caller's ids; None takes the one proposed, "" none. labels: further ones,
    which the column need not hold. kinds: by column, one of KINDS, in place of the proposed kind. Raises InvalidInput.
    """
    proposal = intake.propose(frame)
    label = _chosen("label", label, proposal.label_column, frame)
    key = _chosen("key", key, proposal.id_column, frame)
    own = tasks.TASKS[task or suited(frame, label)]
    if label is not None and (unfit := own.take_in.unfit(frame, label)):
        raise InvalidInput(f"label={label!r} cannot be used: {unfit}")
    schema = _schema(proposal, (label, key), kinds or {})
    held = own.take_in.labels_always or (own.take_in.labels(frame, label) if label else ())
    labels = () if own.take_in.labels_always else labels
    known = (*held, *(each for each in dict.fromkeys(labels) if each not in held))
    if len(known) < own.take_in.least_labels:
        raise InvalidInput(f"labels={list(known)!r} are too few: a classifier needs two; name them with the labels.")
    read = own.take_in.reader(settings or Settings(), known)
    return _plan(frame, own.name, schema, known, label, key, proposal.notes, read)


def suited(frame: pd.DataFrame, label: str | None) -> Task:
    """The task that a column of targets suits: lists are several labels, numbers that are no classes are amounts."""
    if label is not None and intake.holds_lists(frame, label):
        return "multilabel"
    is_amount = label is not None and intake.unfit_label(frame, label) and not intake.unfit_number(frame, label)
    return "regression" if is_amount else "classification"


def first_settings(plan: Plan, frame: pd.DataFrame) -> Settings:
    """The settings a project begins with: the defaults of its task, and a tolerance that suits its numbers."""
    settings = tasks.TASKS[plan.task].defaults()
    if plan.task != "regression" or plan.label_column is None:
        return settings
    return replace(settings, tolerance=intake.tolerance_of(frame, plan.label_column))


def more_rows(frame: pd.DataFrame, project: Project, *, label: str | None = None, key: str | None = None) -> Plan:
    """What more rows of a project would be. label, key: as for `new_project`. Raises InvalidInput."""
    take_in, (_, found) = tasks.of(project).take_in, intake.match(frame, project.schema, project.labels)
    label = _chosen("label", label, take_in.match(frame, project), frame)
    key, read = _chosen("key", key, found, frame), take_in.reader(project.settings, project.labels)
    notes = frame.attrs.get("notes", ())
    return _plan(frame, project.task, project.schema, project.labels, label, key, notes, read)


def checked(plan: Plan, *, skip_bad: bool) -> Plan:
    """A plan that can be carried out. skip_bad: leave rows with a problem out, instead of refusing all.

    Raises InvalidFile naming the first problem.
    """
    if plan.blocking and not skip_bad:
        raise InvalidFile(f"{told(plan.blocking)} Nothing was stored: correct the file, or leave these rows out.")
    if not plan.rows.inputs:
        raise InvalidFile(f"No row can be stored. {told(plan.blocking)}")
    return plan


def told(problems: Sequence[Problem]) -> str:
    """The first problem in words, and how many more there are."""
    if not problems:
        return ""
    first = problems[0]
    row, column = f"row {first.row or 0:,}" if first.row else "", f"column {first.column!r}" if first.column else ""
    place = ", ".join(filter(None, (row, column)))
    more = f" There are {len(problems) - 1:,} more." if len(problems) > 1 else ""
    return f"{place}: {first.value} {first.what}.{more}".lstrip(": ")


def _chosen(what: str, wanted: str | None, proposed: str | None, frame: pd.DataFrame) -> str | None:
    if wanted is None:
        return proposed
    names = [str(name) for name in frame.columns]
    if wanted and wanted not in names:
        raise InvalidInput(f"{what}={wanted!r} is no column of the file: choose one of {', '.join(names[:20])}.")
    return wanted or None


def _schema(proposal: intake.Proposal, taken: Sequence[str | None], kinds: Mapping[str, str]) -> Schema:
    """The proposed columns but those taken for label and key, with other kinds where they are wished."""
    known = {column.name for column in proposal.columns}
    # A column first taken for the label or the key is an input like any other once another is chosen.
    guessed = [name for name in (proposal.label_column, proposal.id_column) if name and name not in known]
    columns = [*proposal.columns, *(Column(name, "category") for name in guessed)]
    columns = [column for column in columns if column.name not in taken]
    names = [column.name for column in columns]
    for name, kind in kinds.items():
        if name not in names:
            raise InvalidInput(
                f"{kind}={name!r} is no input column of the file: choose one of {', '.join(names[:20])}."
            )
        if kind not in KINDS:
            raise InvalidInput(f"{name}={kind!r} is no kind of column: choose one of {', '.join(KINDS)}.")
    kept = [column for column in columns if kinds.get(column.name) != LEAVE_OUT]
    if not kept:
        raise InvalidInput("No input column is left to predict from: keep at least one.")
    return Schema(tuple(_as(column, kinds.get(column.name, column.kind)) for column in kept), proposal.pictures)


def _as(column: Column, kind: str) -> Column:
    return column if column.kind == kind else Column(column.name, next(each for each in get_args(Kind) if each == kind))


def _plan(
    frame: pd.DataFrame,
    task: Task,
    schema: Schema,
    labels: Sequence[str],
    label: str | None,
    key: str | None,
    notes: Sequence[str],
    read: intake.Reader | None,
) -> Plan:
    allowed = labels if label else ()
    rows, problems = intake.check(frame, schema, label_column=label, labels=allowed, id_column=key, read=read)
    taken = {source for column in schema.columns for source in column.sources or (column.name,)} | {label, key}
    unread = tuple(str(name) for name in frame.columns if str(name) not in taken)
    return Plan(task, schema, tuple(labels), label, key, rows, tuple(problems), tuple(notes), unread)
