"""Commands by which predictions and rows go out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .files import Ending, Source, streamed, table
from .options import AsJson, By, Database, Out, ProjectName, VersionNumber, app, open_loop, person, print_json
from .running import telling

if TYPE_CHECKING:
    from ..arrivals import Answered
    from ..loop import Loop
    from ..store.listings import Placed

PREDICTED = ("item", "key", "label", "confidence")
"""Columns of a file of predictions; a column `proba LABEL` follows for every label."""

Written = Annotated[
    str,
    typer.Option(
        "--to",
        help="csv, jsonl, parquet, or zip: items with pictures; by the ending of --out when not given, else jsonl.",
    ),
]


@app.command()
def predict(
    file: Source,
    log: Annotated[bool, typer.Option(help="Keep inputs and answers as items, so that they can be reviewed.")] = True,
    out: Out = None,
    to: Written = "",
    format: Ending = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Ask the champion about every row of a table, all or none; one line a row, in its order."""
    from ..exports import FORMATS as PLAIN

    loop = open_loop(database, project)
    form = _form(to, out, [*PLAIN, ALBUM])
    said = _said(loop, file, format, log, person(by), as_json)
    from .. import tasks

    names = tasks.of(loop.project).columns(loop.project)
    rows = list(chain.from_iterable(_rows(each, names) for each in said))
    serving = said[0].serving
    if serving.warning:
        typer.echo(serving.warning, err=True)
    if as_json:
        print_json({"version": serving.version.number, "warning": serving.warning, "predictions": rows})
        return
    columns = (*PREDICTED, *(f"proba {label}" for label in names))
    streamed(_writer(form, out)((_flat(row) for row in rows), columns), out)


@app.command()
def export(
    what: Annotated[Literal["feedback", "items", "inputs", "predictions"], typer.Argument(help="What to write.")],
    out: Out = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            "--format",
            help="csv, jsonl, parquet; items with what was said about them also label-studio, prodigy, argilla, "
            "huggingface, spacy. By the ending of --out when not given, else jsonl.",
        ),
    ] = "",
    project: ProjectName = "",
    database: Database = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines, the default.")] = False,
) -> None:
    """Write all rows of a project, as they are read: it takes no memory, however many there are."""
    from .. import outgoing
    from ..exports import FORMATS as PLAIN
    from ..formats import FORMATS

    loop = open_loop(database, project)
    others = [name for name in FORMATS if FORMATS[name].says and FORMATS[name].write is not None]
    form = _form("jsonl" if as_json else to, out, [*PLAIN, ALBUM, *others])
    # Whoever has the database file in hand can read these predictions anyway.
    found = outgoing.source(loop.store, loop.project, what, hidden=True)
    if form != ALBUM and FORMATS[form].says:
        streamed(outgoing.pieces(loop.store, loop.project, what, form, hidden=True), out)
        return
    write = _album_writer(loop, what) if form == ALBUM else _writer(form, out)
    streamed(write(found.rows(), found.columns), out)


ALBUM = "zip"
"""Items with their picture files."""


def _album_writer(loop: Loop, what: str) -> Callable[..., Iterator[bytes]]:
    """Raises InvalidInput where there are no pictures to write."""
    from ..errors import InvalidInput
    from ..exports import write_album

    pictures = [column.name for column in loop.project.schema.columns if column.files]
    if what != "items" or not pictures:
        raise InvalidInput("to='zip' writes items with their pictures: choose another format for what has none.")
    return partial(write_album, pictures=pictures, shelf=loop.store.shelf)


@app.command("export-model")
def export_model(
    number: VersionNumber,
    out: Annotated[Path, typer.Option(help="ZIP to write: unpack it, then mlflow.pyfunc.load_model(FOLDER).")],
    project: ProjectName = "",
    database: Database = "",
) -> None:
    """Write a version as an MLflow model, with its signature and requirements and without a pickle."""
    from .. import mlflow_model

    loop = open_loop(database, project)
    version = loop.store.versions.numbered(loop.project.id, number)
    streamed(mlflow_model.pieces(loop.store, loop.project, version), out)


def _form(to: str, out: Path | None, formats: Collection[str]) -> str:
    """Name of one of these formats. Raises InvalidInput for an unknown one."""
    from ..errors import InvalidInput

    ending = out.suffix.lstrip(".").lower() if out else ""
    chosen = to or (ending if ending in formats else "jsonl")
    if chosen not in formats:
        raise InvalidInput(f"to={chosen!r} is not known: choose one of {', '.join(formats)}.")
    return chosen


def _writer(form: str, out: Path | None) -> Callable[..., Iterator[bytes]]:
    from .. import exports

    # The mark that Excel wants in a file is a first column of another name to the next program of a pipe.
    return exports.write_csv if form == "csv" and out is None else exports.FORMATS[form].write


def _said(loop: Loop, file: Path, format: str, log: bool, by: str, as_json: bool) -> list[Answered]:
    """What the champion says, in batches; nothing is asked or stored where a row cannot be read."""
    from .. import arrivals, intake, plans
    from ..errors import InvalidFile

    bodies, problems = intake.inputs(table(file, format), loop.project.schema)
    if blocking := [problem for problem in problems if problem.blocking]:
        raise InvalidFile(f"{plans.told(blocking)} Nothing was predicted: correct the file.")
    said, step = [], arrivals.MOST_ROWS
    with telling(as_json or not sys.stderr.isatty()) as say:
        for start in range(0, len(bodies), step):
            said.append(arrivals.predict(loop, by, bodies[start : start + step], log=log))
            say(min(1.0, (start + step) / len(bodies)), "predicted")
    return said


def _rows(said: Answered, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row an input, as REST gives it."""
    items: Sequence[Placed | None] = said.items or [None] * len(said.labels)
    return [
        {
            "item": item and item.id,
            "key": item and item.key,
            "label": label,
            "confidence": sure,
            "proba": dict(zip(columns, proba, strict=True)),
        }
        for label, sure, proba, item in zip(said.labels, said.confidence, said.proba.tolist(), items, strict=True)
    ]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return row | {f"proba {label}": value for label, value in row["proba"].items()}
