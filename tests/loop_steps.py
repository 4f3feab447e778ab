"""Steps of the loop by name with plain arguments, so that one can be done here or in a process that is killed at it.

Started as `python -m tests.loop_steps`, this is a process that never fits anything itself and forks for every order
that comes in: a fork of one whose OpenMP threads have once run may hang in its first fit.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feedback_core import intake, realtime, triggers, worker
from feedback_core.errors import FeedbackError
from feedback_core.loop import Loop
from feedback_core.models import artifacts
from feedback_core.store import open_store, sqlite
from feedback_core.types import STUDIES, Decision, Rows

ROOT = Path(__file__).parent.parent

LEAST_FRESH = 4
"""Fresh rows that a refresh of the holdout takes here."""

STEPS: dict[str, Callable[..., Any]] = {}


def step(work: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function of a loop and plain values as a step; what it gives is plain, too."""
    STEPS[work.__name__] = work
    return work


@step
def draw(loop: Loop, reviewer: str, n: int) -> list[int]:
    return [each.item_id for each in loop.draw_batch(reviewer, n)]


@step
def draw_chosen(loop: Loop, reviewer: str, item: int) -> int:
    return loop.draw_item(reviewer, item).item_id


@step
def release(loop: Loop, reviewer: str, draws: list[int]) -> int:
    return loop.store.draws.release(loop.project.id, reviewer, draws)


@step
def record(loop: Loop, decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in loop.record(*(Decision(**each) for each in decisions))]


@step
def undo(loop: Loop, entry: int, reviewer: str, hold: bool) -> list[dict[str, Any]]:
    return [asdict(loop.undo(entry, reviewer, hold=hold))]


@step
def rule_on(loop: Loop, entries: list[int], ruling: str) -> list[int]:
    return list(loop.rule(entries, ruling, "meg").entries)  # type: ignore[arg-type]


@step
def undo_ruling(loop: Loop, ruling: int) -> list[int]:
    return list(loop.undo_ruling(ruling, "meg").entries)


@step
def settle(loop: Loop, item: int, label: str) -> list[int]:
    return list(loop.settle(item, label, "meg").entries)


@step
def add_items(loop: Loop, seed: int, n: int, labelled: bool, copies: list[int]) -> int:
    """New rows, and inputs that are there already under keys of their own."""
    points = np.random.default_rng(seed).normal(size=(n, 2)).round(2)
    inputs = [intake.encode_one(point.tolist(), loop.project.schema) for point in points]
    inputs += [text.encode() for text in loop.store.items.inputs(copies)]
    keys = [None] * n + [f"copy {seed} of {item}" for item in copies]
    labels = ["b" if sum(json.loads(body)) > 0 else "a" for body in inputs] if labelled else [None] * len(inputs)
    return loop.add_items(Rows(inputs, keys, labels), "meg")


@step
def work(loop: Loop, kind: str) -> str:
    """Ask for a job and do it as the worker does."""
    asked = loop.request_retrain("meg") if kind == "retrain" else loop.request_rescore("meg")
    done = worker.run_next(loop.store, f"worker {os.getpid()}", loop.clock, only=asked.id)
    return done.state if done else "taken"


@step
def follow(loop: Loop) -> list[int]:
    """What a process that has just begun to learn in real time does; gives the entries it has learned."""
    realtime.Challengers(loop.clock, timer=lambda: 0.0).follow(loop.store, loop.project)
    return [each.feedback_id for each in loop.store.realtime.steps(loop.project.id)]


@step
def freeze(loop: Loop) -> str:
    """Have the real-time challenger judged, as the worker does."""
    asked = realtime.request(loop.store, loop.project, "meg", loop.clock())
    done = worker.run_next(loop.store, f"worker {os.getpid()}", loop.clock, only=asked.id)
    return done.state if done else "taken"


@step
def tick(loop: Loop) -> None:
    """One look at the triggers of every project."""
    worker.tick_all(loop.store, loop.clock(), triggers.Shadows())


@step
def take_up(loop: Loop) -> list[str]:
    """What a new worker does: it sweeps, then takes up whatever waits or was left by a dead one."""
    artifacts.sweep(loop.store.artifacts, time.time())
    done = []
    for job in loop.store.jobs.live(loop.project.id):
        if job.kind in STUDIES:
            loop.cancel(job.id, "meg")
    while found := [job for job in loop.store.jobs.live(loop.project.id) if job.kind not in STUDIES]:
        ended = worker.run_next(loop.store, f"worker {os.getpid()}", loop.clock, only=found[0].id)
        done.append(ended.state if ended else loop.store.jobs.get(found[0].id).state)
    for job in loop.store.jobs.live(loop.project.id):  # a scoring has asked for studies
        loop.cancel(job.id, "meg")
    return done


@step
def retrain_meanwhile(loop: Loop, decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A retrain in whose middle somebody answers."""
    stored: list[dict[str, Any]] = []

    def answer(share: float, _message: str) -> None:
        if share > 0.5 and not stored:
            stored.extend(record(loop, decisions))

    loop.retrain("meg", progress=answer)
    return stored


@step
def judge(loop: Loop, version: int) -> str:
    return loop.judge(loop.store.versions.get(version), by="meg").finding


@step
def promote(loop: Loop, version: int, reason: str) -> int:
    return loop.promote(loop.store.versions.get(version), "meg", reason, rescore=True).id


@step
def refuse(loop: Loop, version: int) -> int:
    return loop.refuse(loop.store.versions.get(version), "meg").id


@step
def roll_back(loop: Loop, version: int, suspect: bool) -> list[int]:
    return list(loop.rollback(loop.store.versions.get(version), "meg", "it went wrong", suspect, rescore=True).entries)


@step
def refresh(loop: Loop) -> dict[str, int]:
    return loop.store.holdout.refresh(loop.project, least=LEAST_FRESH, by="meg", reason="worn", now=loop.clock())


@step
def archive(loop: Loop, back: bool) -> bool:
    projects = loop.store.projects
    (projects.restore if back else projects.archive)(loop.project, now=loop.clock(), actor="meg")
    return back


@dataclass(frozen=True)
class Outcome:
    """What became of a step: done with what it gave, refused with the reason, or died without an answer."""

    became: str
    gave: Any = None


def perform(loop: Loop, name: str, arguments: dict[str, Any]) -> Outcome:
    """Do one step."""
    try:
        return Outcome("done", STEPS[name](loop, **arguments))
    except FeedbackError as error:
        return Outcome("refused", f"{type(error).__name__}: {error}")


class Dying:
    """The process that is asked to do steps and to be killed at one of their moments."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([sys.executable, "-m", "tests.loop_steps"], cwd=ROOT, text=True, **pipes)

    def perform(self, url: str, now: float, name: str, arguments: dict[str, Any], moment: int) -> tuple[Outcome, int]:
        """Do a step in a process that is killed before its n-th statement, fsync, renaming, or its answer.

        Gives the outcome and how many such moments there were; fewer than asked for, and it came to its end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"url": url, "now": now, "name": name, "arguments": arguments, "moment": moment}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        assert "broke" not in said, said["broke"]
        return Outcome(said["became"], said["gave"]), said["moments"]

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _serve() -> None:
    from feedback_core.models.skops_files import skops_io

    skops_io()

    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(order, writing)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            said = json.dumps({"became": "died", "gave": None, "moments": order["moment"]})
        print(said or json.dumps({"broke": f"the child ended with status {status} and no answer"}), flush=True)


def _child(order: dict[str, Any], writing: int) -> None:
    """Do the step and answer, or die on the way. The kill is the system's: no handler runs, nothing is flushed."""
    moments = 0

    def pass_moment(*_: object) -> None:
        nonlocal moments
        moments += 1
        if moments == order["moment"]:
            os.kill(os.getpid(), signal.SIGKILL)

    _pass_before_everything(pass_moment)
    try:
        store = open_store(order["url"])
        project = store.projects.get(1)
        loop = Loop(store, project, clock=lambda: order["now"], rng=np.random.default_rng(int(order["now"])))
        outcome = perform(loop, order["name"], order["arguments"])
        pass_moment()
        said = {"became": outcome.became, "gave": outcome.gave, "moments": moments}
    except BaseException:
        said = {"broke": traceback.format_exc()}
    os.write(writing, json.dumps(said).encode())
    os._exit(0)


def _pass_before_everything(pass_moment: Callable[..., None]) -> None:
    """Have it called before every statement of SQL (begin and commit among them), every fsync and every renaming."""
    connect, fsync, rename = sqlite._connect, os.fsync, os.rename

    def traced(path: Path) -> Any:
        connection = connect(path)
        connection.set_trace_callback(pass_moment)
        return connection

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def passing(*given: Any, **named: Any) -> Any:
            pass_moment()
            return real(*given, **named)

        return passing

    sqlite._connect = traced
    os.fsync, os.rename = before(fsync), before(rename)


if __name__ == "__main__":
    _serve()
