"""The command about learning in real time."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, say


@app.command("realtime")
def realtime_command(
    project: ProjectName = "",
    judge: Annotated[bool, typer.Option(help="Have the challenger judged here and now, which is one look.")] = False,
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Show how far the real-time challenger is, or have it judged; then exits as `judge` does."""
    from .. import exchange, realtime, reports, wording
    from .deciding import EXIT

    loop = open_loop(database, project)
    if judge:
        from ..errors import CannotTrain
        from ..worker import run_here

        asked = realtime.request(loop.store, loop.project, person(by), loop.clock())
        job = run_here(loop.store, asked, say)
        if job.state != "done":
            raise CannotTrain(job.error or f"The job was {job.state} before it was done: request it again.")
        version = loop.store.versions.numbered(loop.project.id, int(job.result["version"]))
        report = loop.store.versions.verdict_on(version)
        if as_json:
            print_json(exchange.report(report, version, loop.store.versions.get(version.parent_id or version.id)))
        else:
            for line in (reports.verdict(report, version), *report.reasons, wording.ADVICE[report.action]):
                typer.echo(line)
        raise typer.Exit(EXIT[report.action])
    found = realtime.view(loop.store, loop.project, loop.clock())
    if as_json:
        print_json(exchange.live(found))
        return
    for line in (found.sentence, *realtime.told(found), found.why_not):
        if line:
            typer.echo(line)
