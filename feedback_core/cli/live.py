"""The command about learning in real time."""

from __future__ import annotations

from typing import Annotated

import typer

from .deciding import show_verdict
from .ending import ADVISED
from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json
from .running import finished


@app.command("realtime")
def realtime_command(
    project: ProjectName = "",
    judge: Annotated[bool, typer.Option(help="Have the challenger judged here and now, which is one look.")] = False,
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Show how far the real-time challenger is, or have it judged; then exits as `judge` does."""
    from .. import exchange, realtime

    loop = open_loop(database, project)
    if judge:
        job = finished(loop, realtime.request(loop.store, loop.project, person(by), loop.clock()), as_json)
        version = loop.store.versions.numbered(loop.project.id, int(job.result["version"]))
        report = show_verdict(loop, version, loop.store.versions.verdict_on(version), as_json)
        raise typer.Exit(ADVISED[report.action])
    found = realtime.view(loop.store, loop.project, loop.clock())
    if as_json:
        print_json(exchange.live(found))
        return
    for line in (found.sentence, *realtime.told(found), found.why_not):
        if line:
            typer.echo(line)
