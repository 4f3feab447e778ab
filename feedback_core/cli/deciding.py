"""Commands that train, judge and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .ending import ADVISED
from .options import (
    AsJson,
    By,
    Database,
    ProjectName,
    Reason,
    Suspect,
    VersionNumber,
    app,
    open_loop,
    person,
    print_json,
    print_table,
)
from .running import finished

if TYPE_CHECKING:
    from ..loop import Loop
    from ..types import GateReport, Version

IfDue = Annotated[bool, typer.Option("--if-due", help="Only when `why-not` says that it is due; else do nothing.")]
Stored = Annotated[bool, typer.Option("--stored", help="The newest stored verdict, without another look.")]


@app.command()
def retrain(
    if_due: IfDue = False, project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Train and judge a new version here and now; a worker that already has the job is waited for."""
    from .. import triggers

    loop = open_loop(database, project)
    standing = triggers.why(loop.store, loop.project, loop.clock())
    if if_due and not (standing.due and standing.free):
        _not_due(standing.answer, as_json)
        return
    trigger = standing.cause if if_due else "command line"
    job = finished(loop, loop.request_retrain(person(by), trigger), as_json)
    if "asked" in job.result:
        _asked_elsewhere(int(job.result["asked"]), as_json)
        return
    version = loop.store.versions.numbered(loop.project.id, int(job.result["version"]))
    show_verdict(loop, version, loop.store.versions.verdict_on(version), as_json)


@app.command("line-up")
def line_up(
    estimators: Annotated[list[str] | None, typer.Argument(help="Models to train; none: show the last one.")] = None,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Train several models on the same rows here and now, judge each, and show them beside each other."""
    from .. import lineup

    loop = open_loop(database, project)
    for job in lineup.request(loop, estimators, person(by)) if estimators else []:
        finished(loop, job, as_json)
    standing = lineup.newest(loop)
    rows = lineup.table(standing)
    if as_json:
        print_json({"contenders": rows, "looks_left": lineup.looks_left(loop)})
        return
    if not rows:
        typer.echo("No line-up yet: name models, such as random_forest hist_gradient_boosting.")
        return
    cells = [
        (f"v{row['version']}", row["model"], each.holdout, row["finding"], f"{row['train_s']:.1f} s")
        for row, each in zip(rows, standing.contenders, strict=True)
    ]
    print_table(("version", "model", "holdout", "verdict", "to train"), cells)


@app.command()
def judge(
    version: VersionNumber,
    stored: Stored = False,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Compare a version with the champion, one more look; exits 0 when the gate advises it, 3 to wait, 4 against it."""
    from .. import decisions

    loop, challenger = _meant(database, project, version)
    # A retrain has looked already, and every look costs some of the error budget.
    found = loop.store.versions.verdict_on(challenger) if stored else decisions.judge(loop, challenger, person(by))
    raise typer.Exit(ADVISED[show_verdict(loop, challenger, found, as_json).action])


@app.command()
def promote(
    version: VersionNumber,
    project: ProjectName = "",
    by: By = "",
    reason: Reason = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make a judged version the champion; against the gate's advice only with a reason."""
    from .. import decisions

    promoted = decisions.promote(*_meant(database, project, version), person(by), reason)
    _tell(promoted, "is the champion now", as_json)


@app.command()
def refuse(
    version: VersionNumber,
    project: ProjectName = "",
    by: By = "",
    reason: Reason = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Keep the champion and close the case of a judged version."""
    from .. import decisions

    refused = decisions.refuse(*_meant(database, project, version), person(by), reason)
    _tell(refused, "is kept as refused; the champion stays", as_json)


@app.command()
def rollback(
    version: VersionNumber,
    project: ProjectName = "",
    by: By = "",
    reason: Reason = "",
    suspect: Suspect = None,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Bring an earlier champion back; needs a reason."""
    from .. import decisions, exchange

    back = decisions.rollback(*_meant(database, project, version), person(by), reason, suspect)
    if as_json:
        print_json(exchange.rolled_back(back))
        return
    _tell(back.version, "is the champion again", as_json)
    if back.presses:
        presses = " ".join(map(str, back.presses))
        typer.echo(f"Second opinions are asked on {len(back.entries):,} entries; undo-rulings {presses} takes it back.")


@app.command("undo-rulings")
def undo_rulings(
    presses: Annotated[list[int], typer.Argument(metavar="RULING...", help="Numbers, as a roll-back gave them.")],
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Take rulings back, such as the second opinions that a roll-back has asked for."""
    from .. import decisions

    entries = decisions.undo_rulings(open_loop(database, project), presses, person(by))
    if as_json:
        print_json({"entries": list(entries)})
    else:
        typer.echo(f"Taken back on {len(entries):,} entries.")


def _meant(database: str, project: str, number: int) -> tuple[Loop, Version]:
    """The loop, and the version by its number. Raises NotFound or InvalidInput, saying which there are."""
    loop = open_loop(database, project)
    return loop, loop.store.versions.numbered(loop.project.id, number)


def _tell(version: Version, what: str, as_json: bool) -> None:
    from .. import exchange

    if as_json:
        print_json(exchange.version(version))
    else:
        typer.echo(f"Version {version.number} {what}.")


def _asked_elsewhere(request: int, as_json: bool) -> None:
    if as_json:
        print_json({"challenger": None, "training_request": request})
    else:
        typer.echo(
            f"The model elsewhere is asked to learn (request {request}): it registers the version when it is done."
        )


def _not_due(answer: str, as_json: bool) -> None:
    if as_json:
        print_json({"challenger": None, "why_not": answer})
    else:
        typer.echo(f"No retrain: {answer}")


def show_verdict(loop: Loop, version: Version, report: GateReport, as_json: bool) -> GateReport:
    """A verdict in words: the finding, its reasons, the difference, what the gate advises."""
    from .. import exchange, reports, wording

    if as_json:
        print_json(exchange.report(report, *loop.store.versions.compared(report)))
        return report
    typer.echo(reports.verdict(report, version))
    for reason in report.reasons:
        typer.echo(reason)
    if (gain := report.numbers.get("difference")) is not None:
        metric, unit = report.numbers.get("metric", "accuracy"), report.numbers.get("unit", "points")
        typer.echo(f"By {metric}, against the champion on all locked rows: {wording.difference(gain, unit)}.")
    typer.echo(wording.ADVICE[report.action])
    return report
