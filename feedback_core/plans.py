"""A table on its way in: what a new project would be, or what would be added, before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from . import intake
from .errors import InvalidFile, InvalidInput
from .types import Column, Kind, Problem, Project, Rows, Schema

if TYPE_CHECKING:
    import pandas as pd

LEAVE_OUT = "leave out"
KINDS = (*get_args(Kind), LEAVE_OUT)


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked rows with how they were read. rows: those without a blocking problem. notes: what had to be guessed.

    unread: columns of the table that nothing is taken from.
    """

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
) -> Plan:
    """What a project made of a table would hold.

    label, key: column of the labels, of the caller's ids; None takes the one proposed, "" none. labels: further ones,
    which the column need not hold. kinds: by column, one of KINDS, in place of the proposed kind. Raises InvalidInput.
    """
    proposal = intake.propose(frame)
    label = _chosen("label", label, proposal.label_column, frame)
    key = _chosen("key", key, proposal.id_column, frame)
    if label is not None and (unfit := intake.unfit_label(frame, label)):
        raise InvalidInput(f"label={label!r} cannot be used: {unfit}")
    schema = _schema(proposal, (label, key), kinds or {})
    held = intake.classes(frame, label) if label else ()
    known = (*held, *(each for each in dict.fromkeys(labels) if each not in held))
    if len(known) < 2:
        raise InvalidInput(f"labels={list(known)!r} are too few: a classifier needs two; name them with the labels.")
    return _plan(frame, schema, known, label, key, proposal.notes)


def more_rows(frame: pd.DataFrame, project: Project, *, label: str | None = None, key: str | None = None) -> Plan:
    """What more rows of a project would be. label, key: as for `new_project`. Raises InvalidInput."""
    guessed = intake.match(frame, project.schema, project.labels)
    label, key = _chosen("label", label, guessed[0], frame), _chosen("key", key, guessed[1], frame)
    return _plan(frame, project.schema, project.labels, label, key, frame.attrs.get("notes", ()))


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
    return Schema(tuple(_as(column, kinds.get(column.name, column.kind)) for column in kept))


def _as(column: Column, kind: str) -> Column:
    return column if column.kind == kind else Column(column.name, next(each for each in get_args(Kind) if each == kind))


def _plan(
    frame: pd.DataFrame,
    schema: Schema,
    labels: Sequence[str],
    label: str | None,
    key: str | None,
    notes: Sequence[str],
) -> Plan:
    allowed = labels if label else ()
    rows, problems = intake.check(frame, schema, label_column=label, labels=allowed, id_column=key)
    read = {source for column in schema.columns for source in column.sources or (column.name,)} | {label, key}
    unread = tuple(str(name) for name in frame.columns if str(name) not in read)
    return Plan(schema, tuple(labels), label, key, rows, tuple(problems), tuple(notes), unread)
