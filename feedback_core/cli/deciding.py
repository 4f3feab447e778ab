"""Commands that train, judge and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

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
    say,
)

if TYPE_CHECKING:
    from ..loop import Loop
    from ..types import GateReport, Version

EXIT = {"promote": 0, "hold": 3, "refuse": 4}
"""Exit code of `judge` by what the gate advises; 1 is an error, 2 a wrong call."""


@app.command()
def retrain(project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """Train and judge a new version here and now; a worker that already has the job is waited for."""
    from ..errors import CannotTrain
    from ..worker import run_here

    loop = open_loop(database, project)
    job = run_here(loop.store, loop.request_retrain(person(by), "command line"), say)
    if job.state != "done":
        raise CannotTrain(job.error or f"The job was {job.state} before it was done: request it again.")
    version = loop.store.versions.numbered(loop.project.id, int(job.result["version"]))
    _show(loop, version, loop.store.versions.report_on(version.id), as_json)


@app.command()
def judge(version: VersionNumber, project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """Compare a version with the champion, one more look; exits 0 when the gate advises it, 3 to wait, 4 against it."""
    from .. import decisions

    loop = open_loop(database, project)
    challenger = loop.store.versions.numbered(loop.project.id, version)
    found = decisions.judge(loop, challenger)
    _show(loop, challenger, found, as_json)
    raise typer.Exit(EXIT[found.action])


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

    loop = open_loop(database, project)
    challenger = loop.store.versions.numbered(loop.project.id, version)
    _tell(decisions.promote(loop, challenger, person(by), reason), "is the champion now", as_json)


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

    loop = open_loop(database, project)
    challenger = loop.store.versions.numbered(loop.project.id, version)
    _tell(decisions.refuse(loop, challenger, person(by), reason), "is kept as refused; the champion stays", as_json)


@app.command()
def rollback(
    version: VersionNumber,
    project: ProjectName = "",
    by: By = "",
    reason: Reason = "",
    suspect: Suspect = True,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Bring an earlier champion back; needs a reason."""
    from .. import decisions

    loop = open_loop(database, project)
    earlier = loop.store.versions.numbered(loop.project.id, version)
    back = decisions.rollback(loop, earlier, person(by), reason, suspect)
    asked = f"; second opinions are asked on {len(back.entries):,} entries" if back.entries else ""
    _tell(back.version, f"is the champion again{asked}", as_json)


def _tell(version: Version, what: str, as_json: bool) -> None:
    from .. import exchange

    if as_json:
        print_json(exchange.version(version))
    else:
        typer.echo(f"Version {version.number} {what}.")


def _show(loop: Loop, version: Version, report: GateReport | None, as_json: bool) -> None:
    """A verdict in words: the finding, its reasons, the difference, what the gate advises."""
    from .. import exchange, reports, wording
    from ..errors import NotFound

    if report is None:
        raise NotFound(f"Version {version.number} has no gate report: judge it first.")
    if as_json:
        champion = None if report.champion_id is None else loop.store.versions.get(report.champion_id)
        print_json(exchange.report(report, version, champion))
        return
    typer.echo(reports.verdict(report, version))
    for reason in report.reasons:
        typer.echo(reason)
    if (gain := report.numbers.get("difference")) is not None:
        metric, unit = report.numbers.get("metric", "accuracy"), report.numbers.get("unit", "points")
        typer.echo(f"By {metric}, against the champion on all locked rows: {wording.difference(gain, unit)}.")
    typer.echo(wording.ADVICE[report.action])
