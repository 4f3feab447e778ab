"""Commands that make something: sample projects, a simulation, a worker."""

from __future__ import annotations

import json
import logging
import time
from typing import Annotated, Any

import typer

from ..environment import database_url
from .options import AsJson, Database, app


@app.command()
def demo(
    database: Database = "",
    only: Annotated[list[str] | None, typer.Option(help="Data set to load; repeat for several.")] = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing when there is any project.")] = False,
) -> None:
    """Build lived-in sample projects, with simulated reviewers and two weeks of history."""
    from ..demo import PLANS, build
    from ..store import open_store

    store = open_store(database or database_url())
    existing = {project.name for project in (*store.projects.all(), *store.projects.archived())}
    if if_empty and existing:
        return
    for name in only or PLANS:
        began = time.perf_counter()
        project = build(store, name, say=typer.echo)
        typer.echo(f"{project.name}: ready after {time.perf_counter() - began:.0f} s")


@app.command()
def simulate(
    dataset: Annotated[str, typer.Option(help="digits, churn, definitions or senses.")] = "digits",
    strategy: Annotated[str, typer.Option(help="Priority strategy, or default for the blend.")] = "default",
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 5,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Decisions per round.")] = 50,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the loop with an oracle that knows every label, beside the naive loop of the tutorials."""
    from ..simulate import simulate as run

    rows = run(dataset, strategy, rounds, batch, seed)
    if as_json:
        typer.echo(json.dumps(rows))
        return
    typer.echo(f"{dataset}, {strategy} strategy, {batch} decisions a round, seed {seed}")
    typer.echo(
        f"{'round':>5} {'labels':>7} {'corrected':>9}  {'holdout accuracy (95 %)':<25} "
        f"{'naive says':>10}  naive holdout"
    )
    for row in rows:
        typer.echo(
            f"{row['round']:>5} {row['labels']:>7} {row['corrections']:>9}  {_interval(row['holdout']):<25} "
            f"{_share(row['naive_claim']):>10}  {_interval(row['naive_holdout'])}"
        )
    typer.echo("The naive loop refits on the corrected rows alone and scores itself on those same rows.")


@app.command()
def worker(
    database: Database = "",
    side_by_side: Annotated[
        int, typer.Option(min=1, max=64, envvar="FEEDBACK_JOBS", help="Jobs at one time, each of another project.")
    ] = 2,
    job_seconds: Annotated[
        float, typer.Option(min=0, envvar="FEEDBACK_JOB_SECONDS", help="A job that takes longer is ended; 0: never.")
    ] = 3_600,
    job_memory_mb: Annotated[
        int | None,
        typer.Option(
            min=0,
            envvar="FEEDBACK_JOB_MEMORY_MB",
            help="A job that holds more is ended; 0: never. Three quarters of the machine's memory when not given.",
        ),
    ] = None,
) -> None:
    """Run the retraining worker. The dashboard starts its own; use this to run one by hand."""
    from ..supervisor import Limits, machine_memory, serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    memory = machine_memory() * 3 // 4 if job_memory_mb is None else job_memory_mb * 2**20
    serve(database or database_url(), Limits(side_by_side=side_by_side, time_s=job_seconds, memory=memory))


def _interval(score: dict[str, Any]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
