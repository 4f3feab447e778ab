"""What people see of jobs and how they end one, on the page and on the command line."""

from __future__ import annotations

import json

import pytest

from feedback_core.errors import NotFound
from feedback_core.loop import Loop
from feedback_core.types import JobLine
from feedback_core.worker import run_next
from tests.test_cli_evidence import call, error_of
from tests.test_pages import press


def failed_job(loop: Loop, error: str) -> int:
    """A map that failed with what is given, after a line of its log."""
    job = loop.store.jobs.request(loop.project.id, "map", trigger="page", by="ann", now=loop.clock())
    loop.store.jobs.claim("w", loop.clock(), 20)
    loop.store.job_lines.add(job.id, [JobLine(loop.clock(), "info", "10% reading the pool")])
    loop.store.jobs.fail(job.id, "w", error, loop.clock() + 90)
    return job.id


def test_a_waiting_job_is_cancelled_by_the_button_beside_its_progress(page, trained):
    job = trained.request_rescore("ann")
    app = page("retrain")
    assert app.button(key=f"cancel-{job.id}").disabled is False
    app = press(app, "Cancel")
    ended = trained.store.jobs.get(job.id)
    assert (ended.state, ended.cancelled_by) == ("cancelled", "ana")
    assert not any(button.key == f"cancel-{job.id}" for button in app.button)


def test_the_history_shows_who_asked_what_came_of_it_and_the_log_as_plain_text(page, trained):
    trained.request_rescore("bob", "new weights")
    run_next(trained.store, "w", trained.clock)
    failed_job(trained, "**no** such method")
    app = page("retrain")
    table = next(each.value for each in app.dataframe if "What came of it" in each.value)
    assert table["Kind"][0] == "map"
    of = table.set_index("Kind")
    assert (of["What came of it"]["map"], of["Took"]["map"]) == ("**no** such method", "1.5 min")
    scored = of.loc["predict"]
    assert (scored["What came of it"], scored["Asked for by"], scored["Because"]) == ("items 100", "bob", "new weights")
    assert (scored["State"], scored["Attempts"]) == ("done", 1)
    log = next(block.value for block in app.code if "reading the pool" in block.value)
    assert log.splitlines()[-1].endswith("UTC  **no** such method")


def test_the_command_line_lists_jobs_shows_a_log_and_cancels(trained):
    url, number = trained.store.url, failed_job(trained, "no such method")
    waiting = trained.request_rescore("ann")
    listed = call(url, "jobs").stdout.splitlines()
    assert listed[0].split() == ["job", "kind", "state", "progress", "asked", "for", "by", "what", "it", "says"]
    assert listed[1].split() == [str(waiting.id), "predict", "waiting", "0%", "ann"]
    assert "no such method" in listed[2]
    assert [job["state"] for job in json.loads(call(url, "jobs", "--json").stdout)] == ["waiting", "failed"]
    assert [line.split(maxsplit=2)[2] for line in call(url, "jobs", "--log", str(number)).stdout.splitlines()] == [
        "info    10% reading the pool",
        "error   no such method",
    ]
    assert call(url, "cancel", str(waiting.id), "--by", "bob").stdout == f"Job {waiting.id} (predict) is cancelled.\n"
    assert trained.store.jobs.get(waiting.id).cancelled_by == "bob"
    assert "is over already (cancelled)" in error_of(url, "cancel", str(waiting.id))
    running = trained.request_rescore("ann")
    trained.store.jobs.claim("w", trained.clock(), 20)
    assert "is running: it stops within seconds" in call(url, "cancel", str(running.id)).stdout
    with pytest.raises(NotFound, match="There is no job 99"):
        trained.cancel(99, "ann")
