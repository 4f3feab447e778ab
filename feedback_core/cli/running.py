"""Jobs done here and now: what is said meanwhile, and what Ctrl-C leaves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..loop import Loop
    from ..types import Job, Progress

STEPS = 1_000
"""Marks of a progress bar."""

LABEL = 40
"""Characters beside it, so that bar and words stay on one line of a terminal."""


@contextmanager
def telling(as_json: bool) -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, else a line for whatever is new; with JSON nothing."""
    if as_json:
        yield lambda _share, _message: None
    elif sys.stderr.isatty():
        with typer.progressbar(length=STEPS, file=sys.stderr, show_eta=False) as bar:
            yield partial(_advance, bar)
    else:
        heard: list[str] = []
        yield lambda share, message: _line(heard, share, message)


def finished(loop: Loop, job: Job, as_json: bool) -> Job:
    """Do one job in this process, or follow the worker that has it. Raises CannotTrain when it is not done.

    Ctrl-C cancels it where it runs here; in another process it goes on.
    """
    from ..errors import CannotTrain
    from ..worker import run_here

    try:
        with telling(as_json) as say:
            job = run_here(loop.store, job, say)
    except KeyboardInterrupt:
        _dropped(loop, job)
        raise
    if job.state != "done":
        raise CannotTrain(job.error or f"The job was {job.state} before it was done: request it again.")
    return job


def rescored(loop: Loop, as_json: bool) -> None:
    """Do the scoring of the queue here that new items, or a new champion, have asked for."""
    for job in loop.store.jobs.live(loop.project.id):
        if job.kind == "predict":
            finished(loop, job, as_json)


def _dropped(loop: Loop, job: Job) -> None:
    from ..environment import process_name, user_name

    here, state = process_name(), loop.store.jobs.get(job.id).state
    if state == "waiting" or job.id in [each.id for each in loop.store.jobs.held(here)]:
        loop.store.jobs.cancel(loop.project.id, job.id, user_name() or here, loop.clock())
        loop.store.jobs.stopped(job.id, here, loop.clock())
        typer.echo(f"\nJob {job.id} ({job.kind}) is cancelled.", err=True)
    elif state == "running":
        typer.echo(f"\nJob {job.id} ({job.kind}) goes on in the worker: cancel {job.id} ends it.", err=True)


def _advance(bar: Any, share: float, message: str) -> None:
    bar.label = f"{message:<{LABEL}.{LABEL}}"
    bar.update(max(0, round(share * STEPS) - bar.pos))


def _line(heard: list[str], share: float, message: str) -> None:
    if [message] != heard:
        heard[:] = [message]
        typer.echo(f"{share:4.0%}  {message}", err=True)
