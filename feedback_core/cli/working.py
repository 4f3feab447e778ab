"""Commands about the worker's jobs: what it has done and is doing, and the end of one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from .options import AsJson, By, Database, Limit, ProjectName, app, open_loop, person, print_json, print_table
from .running import finished

JobNumber = Annotated[int, typer.Argument(metavar="JOB", min=1, help="Number of the job.")]


@app.command()
def jobs(
    project: ProjectName = "",
    limit: Limit = 20,
    log: Annotated[int, typer.Option(min=0, metavar="JOB", help="Show what this job has said, instead.")] = 0,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List a project's newest jobs, or show the log of one."""
    loop = open_loop(database, project)
    if log:
        lines = loop.store.job_lines.of(loop.store.jobs.get(log).id)
        if as_json:
            print_json([asdict(line) for line in lines])
            return
        for line in lines:
            typer.echo(f"{datetime.fromtimestamp(line.at, UTC):%Y-%m-%d %H:%M:%S} {line.level:<7} {line.text}")
        return
    found = loop.store.jobs.latest(loop.project.id, limit)
    if as_json:
        print_json([asdict(job) for job in found])
        return
    rows = [
        (str(job.id), job.kind, job.state, f"{job.progress:.0%}", job.requested_by, job.error or job.message)
        for job in found
    ]
    print_table(("job", "kind", "state", "progress", "asked for by", "what it says"), rows)


@app.command()
def cancel(
    job: JobNumber, project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """End a job: at once when it waits; a running one stops within seconds."""
    cancelled = open_loop(database, project).cancel(job, person(by))
    if as_json:
        print_json(asdict(cancelled))
    elif cancelled.state == "running":
        typer.echo(f"Job {job} ({cancelled.kind}) is running: it stops within seconds.")
    else:
        typer.echo(f"Job {job} ({cancelled.kind}) is cancelled.")


@app.command()
def rescore(project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """Score the pool with the champion and reorder the queue, here and now."""
    from .. import exchange

    loop = open_loop(database, project)
    loop.serving()
    done = finished(loop, loop.request_rescore(person(by), "command line"), as_json)
    if as_json:
        print_json(exchange.job(done))
    else:
        typer.echo(f"{done.result['items']:,} items are scored.")
