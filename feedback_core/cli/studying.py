"""Commands about what is known: how right the champion is, and what the worker's studies have found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, print_table, say

if TYPE_CHECKING:
    from ..loop import Loop
    from ..types import StudyKind

Run = Annotated[bool, typer.Option("--run", help="Make a new study here and now, instead of showing the newest.")]


@app.command()
def accuracy(project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """Every estimate of the champion's accuracy, each with its interval, n, and the sample it is from."""
    from .. import exchange, wording
    from ..accuracies import accuracies

    loop = open_loop(database, project)
    found = exchange.estimates(accuracies(loop.store, loop.project, loop.clock()))
    if as_json:
        print_json(found)
    elif found["version"] is None:
        typer.echo("There is no champion yet: train the first version.")
    else:
        typer.echo(f"Version {found['version']}, with 95 % intervals")
        rows = [(each["title"], wording.share(each["accuracy"]), each["sample"]) for each in found["estimates"]]
        print_table(("estimate", "accuracy", "sample"), rows)
        if answered := wording.response(found["response"]):
            typer.echo(answered)


@app.command()
def forecast(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """What the next corrections should be worth, with interval, and whether to go on labelling."""
    from .. import studies

    loop = open_loop(database, project)
    _study(loop, "forecast", run, by)
    found = studies.forecast_view(loop.store, loop.project)
    lines = (found.sentence, found.advice, *found.notes, found.outdated, found.empty)
    _show(lines, asdict(found), as_json)


@app.command()
def credit(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Which batch, reviewer, strategy or class the champion's gain came from, with intervals."""
    from .. import studies

    loop = open_loop(database, project)
    _study(loop, "credit", run, by)
    found = studies.credit_view(loop.store, loop.project)
    lines = (found.sentence, *found.findings, *found.notes, found.outdated, found.empty)
    _show(lines, asdict(found), as_json)


@app.command("dry-run")
def dry_run(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """What a retrain would bring now: predicted gain, rows that would flip, seconds."""
    from .. import studies

    loop = open_loop(database, project)
    _study(loop, "dry run", run, by)
    found = studies.dry_run_view(loop.store, loop.project)
    _show((*found.sentences, *found.notes, found.outdated, found.empty), asdict(found), as_json)


def _study(loop: Loop, kind: StudyKind, run: bool, by: str) -> None:
    """Make a study here and now where that is wished. Raises CannotTrain when its job fails."""
    from ..errors import CannotTrain
    from ..worker import run_here

    if run:
        job = run_here(loop.store, loop.request_study(kind, person(by), trigger="command line"), say)
        if job.state != "done":
            raise CannotTrain(job.error or f"The job was {job.state} before it was done: request it again.")


def _show(lines: Iterable[str], found: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for line in filter(None, lines):
        typer.echo(line)
