"""A decision that is cut off half-way: what is stored by then stands together, and doing it again completes it."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest

from feedback_core import decisions, worker
from feedback_core.errors import Refused
from feedback_core.loop import Loop
from feedback_core.reports import file_of
from feedback_core.store import jobs
from tests.conftest import Clock
from tests.test_loop import fresh, pool, say, truth


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def killed(*_: object, **__: object) -> NoReturn:
    raise Killed


def candidate(loop: Loop, n: int = 5):
    for item in pool(loop)[:n]:
        say(loop, item.id, truth(item), "bob")
    version = loop.retrain("test")
    loop.judge(version)
    return version


def waiting(loop: Loop) -> list[str]:
    return [job.kind for job in loop.store.jobs.live(loop.project.id)]


def champion(loop: Loop) -> int:
    return loop.store.versions.champion(loop.project.id).number


def states(loop: Loop) -> set[str]:
    return {item.state for item in pool(loop)[:5]}


def test_whoever_dies_after_a_promotion_leaves_the_new_scoring_asked_for(trained: Loop, monkeypatch) -> None:
    version = candidate(trained)
    with monkeypatch.context() as cut:
        cut.setattr(Loop, "publish", killed)
        with pytest.raises(Killed):
            decisions.promote(trained, version, "ann", "because")
    assert (champion(trained), waiting(trained)) == (2, ["predict"])


def test_a_promotion_whose_scoring_cannot_be_asked_for_is_none(trained: Loop, monkeypatch) -> None:
    version = candidate(trained)
    with monkeypatch.context() as cut:
        cut.setattr(jobs, "ask", killed)
        with pytest.raises(Killed):
            decisions.promote(trained, version, "ann", "because")
    assert (champion(trained), waiting(trained)) == (1, [])
    assert trained.store.versions.report_on(version.id).decision is None


def test_whoever_dies_in_a_rollback_has_asked_for_the_second_opinions_and_can_do_it_again(
    trained: Loop, monkeypatch
) -> None:
    trained.promote(candidate(trained), "ann", "because")
    first = trained.store.versions.all(trained.project.id)[0]
    with monkeypatch.context() as cut:
        cut.setattr(type(trained.store.versions), "decide", killed)
        with pytest.raises(Killed):
            decisions.rollback(trained, first, "meg", "it fails on Mondays", True)
    assert (champion(trained), states(trained)) == (2, {"conflict"})
    again = decisions.rollback(fresh(trained), first, "meg", "it fails on Mondays", True)
    assert (again.entries, champion(trained), waiting(trained)) == ((), 1, ["predict"])
    assert states(trained) == {"conflict"}


def test_a_rollback_that_is_refused_at_the_last_moment_takes_its_questions_back(trained: Loop, monkeypatch) -> None:
    trained.promote(candidate(trained), "ann", "because")
    first = trained.store.versions.all(trained.project.id)[0]

    def overtaken(*_: object, **__: object) -> NoReturn:
        raise Refused("Report 9 compares with a version that is not the champion any more: train a new version.")

    monkeypatch.setattr(type(trained.store.versions), "decide", overtaken)
    with pytest.raises(Refused, match="not the champion any more"):
        trained.rollback(first, "meg", "it fails on Mondays")
    assert states(trained) == {"labelled"}


def test_a_report_that_cannot_be_drawn_is_logged_and_the_decision_stands(
    trained: Loop, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError("in the template")

    version = candidate(trained)
    monkeypatch.setattr("feedback_core.reports.refinement", broken)
    with caplog.at_level(logging.ERROR):
        assert decisions.promote(trained, version, "ann", "because").status == "champion"
    assert "in the template" in caplog.text
    assert waiting(trained) == ["predict"]


def test_a_worker_that_takes_up_a_judged_retrain_writes_the_report_that_is_missing(
    trained: Loop, clock: Clock, monkeypatch
) -> None:
    for item in pool(trained)[:5]:
        say(trained, item.id, truth(item), "bob")
    trained.request_retrain("ann")
    with monkeypatch.context() as cut:
        cut.setattr(Loop, "publish", killed)
        with pytest.raises(Killed):
            worker.run_next(trained.store, "first", clock)
    report = trained.store.versions.reports(trained.project.id)[0]
    assert not file_of(trained.store, report).exists()
    clock.now += 2 * worker.LEASE_S
    assert worker.run_next(trained.store, "second", clock).state == "done"
    assert "Version 2" in file_of(trained.store, report).read_text()
    assert len(trained.store.versions.reports(trained.project.id)) == 2
