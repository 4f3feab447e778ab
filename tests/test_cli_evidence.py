"""Evidence and decisions on the command line: words, JSON, exit codes, and what they leave in the database."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feedback_core import cli, wording
from feedback_core.errors import FeedbackError
from feedback_core.store import open_store
from feedback_core.types import Decision
from feedback_core.worker import LEASE_S, run_here
from tests.conftest import make_loop, rows
from tests.refused_worlds import WORDS, WORLDS

ROOT = Path(__file__).resolve().parent.parent


def call(url: str, *words: str):
    """A command in this process: its exit code, and standard output and error apart."""
    return CliRunner().invoke(cli.app, [*words, "--database", url], env={"COLUMNS": "200"})


def error_of(url: str, *words: str) -> str:
    """The words with which a command fails; `main` prints them after 'Error: ' and exits with 1."""
    found = call(url, *words)
    assert isinstance(found.exception, FeedbackError), found.output
    return str(found.exception)


@pytest.fixture
def at(trained):
    """A project with a champion and a judged second version of the same recipe, which the gate advises to wait on."""
    trained.judge(trained.retrain("test"))
    return trained.store.url


# -- which project -------------------------------------------------------------------------------------------------


def test_the_only_project_need_not_be_named(at):
    assert call(at, "versions").exit_code == 0
    assert call(at, "versions", "--project", "points").exit_code == 0


def test_of_several_projects_one_has_to_be_named(store, clock, at):
    WORLDS["worse"](store, clock)
    assert error_of(at, "versions") == (
        "There are 2 projects: say which one with --project. They are 'points', 'worse'."
    )
    assert call(at, "versions", "--project", "worse").exit_code == 0


def test_without_a_project_the_way_out_is_named(tmp_path):
    words = error_of(f"sqlite:///{tmp_path}/new.db", "versions")
    assert "create one on the Setup page, or run the demo" in words
    assert "There is no project 'x'" in error_of(f"sqlite:///{tmp_path}/new.db", "card", "--project", "x")


def test_a_version_that_is_not_there_says_which_are(at):
    for command in ("judge", "promote", "refuse", "rollback", "report", "reproduce"):
        assert error_of(at, command, "9") == "There is no version 9 in this project: it has versions 1 to 2."


# -- reading -------------------------------------------------------------------------------------------------------


def test_projects_and_versions_are_listed_with_interval_and_n(at):
    store = open_store(at)
    score = wording.share(store.versions.champion(1).metrics["holdout"]["accuracy"])
    listed = call(at, "projects").stdout.splitlines()
    assert listed[1].split("  ")[0] == "points"
    assert score in listed[1]
    assert "not measured" in listed[1], "there is no audit sample"
    lines = call(at, "versions").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["1", "champion"], ["2", "candidate"]]
    assert score in lines[1]
    assert lines[2].endswith("undecided")


def test_everything_that_reads_prints_json_on_request(at):
    assert [each["name"] for each in json.loads(call(at, "projects", "--json").stdout)] == ["points"]
    assert [each["number"] for each in json.loads(call(at, "versions", "--json").stdout)] == [1, 2]
    assert json.loads(call(at, "report", "2", "--json").stdout)["challenger"] == 2
    assert json.loads(call(at, "card", "--json").stdout)["version"] == 1
    assert json.loads(call(at, "reproduce", "2", "--json").stdout)["same"] is True
    assert json.loads(call(at, "accuracy", "--json").stdout)["version"] == 1
    for study in ("forecast", "credit", "dry-run"):
        assert json.loads(call(at, study, "--json").stdout)["created_at"] is None


def test_report_and_card_go_to_standard_output_or_into_a_file(at, tmp_path):
    assert call(at, "report", "2").stdout.startswith("<!doctype html>")
    for words, title in ((("report", "2"), "Version 2 of points"), (("card",), "Model card: points")):
        path = tmp_path / "out.html"
        done = call(at, *words, "--out", str(path))
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"Written to {path}.\n")
        assert title in path.read_text()
    assert "name another file" in error_of(at, "card", "--out", str(tmp_path / "no" / "card.html"))


def test_accuracies_are_listed_with_their_samples(at):
    lines = call(at, "accuracy").stdout.splitlines()
    assert lines[0] == "Version 1, with 95 % intervals"
    assert lines[2].startswith("Holdout")
    assert lines[2].endswith("locked base rows, scored when the version was judged")


def test_a_study_is_made_here_on_request_and_shown_afterwards(at):
    assert call(at, "dry-run").stdout == "A dry run says what a retrain would bring. Make one now with --run.\n"
    done = call(at, "dry-run", "--run", "--by", "ann")
    assert done.exit_code == 0
    assert done.stdout == "Nothing has come in since the last version: a retrain would give the same model again.\n"
    job = open_store(at).jobs.latest(1, 1)[0]
    assert (job.kind, job.state, job.requested_by, job.trigger) == ("dry run", "done", "ann", "command line")
    assert call(at, "dry-run").stdout == done.stdout


# -- deciding ------------------------------------------------------------------------------------------------------


def test_judge_says_by_its_exit_code_what_the_gate_advises(store, clock, at):
    wait = call(at, "judge", "2")
    assert wait.exit_code == 3
    assert wait.stdout.splitlines()[0] == "Version 2 is not measurably different from the champion."
    assert wait.stdout.splitlines()[-1] == "The gate advises: wait."
    loop = make_loop_better(store, clock)
    better = call(at, "judge", "3", "--project", loop.project.name, "--json")
    assert better.exit_code == 0
    assert json.loads(better.stdout)["action"] == "promote"


def make_loop_better(store, clock):
    """A project whose first version learned from swapped labels, and whose second does not."""
    loop = WORLDS["worse"](store, clock)
    bad, champion = loop.retrain("test"), store.versions.champion(loop.project.id)
    loop.judge(bad)
    loop.promote(bad, "test", "to be put right")
    store.projects.rename(loop.project, "better", now=clock(), actor="test")
    loop.project = store.projects.get(loop.project.id)
    loop.undo_many([e.id for e in store.feedback.latest(loop.project.id, 1_000)], "test")
    good = loop.retrain("test")
    assert (good.number, champion.number) == (3, 1)
    return loop


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_a_bad_candidate_is_refused_with_the_reason_a_person_understands(store, clock, name):
    loop = WORLDS[name](store, clock)
    champion, version = store.versions.champion(loop.project.id), loop.retrain("test")
    judged = call(store.url, "judge", str(version.number))
    assert judged.exit_code == 4
    assert WORDS[name] in judged.stdout
    assert judged.stdout.splitlines()[-1] == "The gate advises: keep the champion."
    words = error_of(store.url, "promote", str(version.number), "--by", "ann")
    assert WORDS[name] in words
    assert "give a reason to promote it anyway" in words
    assert store.versions.champion(loop.project.id).id == champion.id


def test_promote_refuse_and_roll_back_keep_who_and_why(at):
    store = open_store(at)
    assert call(at, "refuse", "2", "--by", "ben", "--reason", "no gain").stdout == (
        "Version 2 is kept as refused; the champion stays.\n"
    )
    report = store.versions.report_on(2)
    assert (report.decision, report.decided_by, report.decision_reason) == ("refuse", "ben", "no gain")
    assert "has been decided already" in error_of(at, "promote", "2", "--by", "ann", "--reason", "yes")
    assert call(at, "judge", "2").exit_code == 3
    done = call(at, "promote", "2", "--by", "ann", "--reason", "why not", "--json")
    assert json.loads(done.stdout)["status"] == "champion"
    assert "needs a reason" in error_of(at, "rollback", "1", "--by", "ann")
    assert call(at, "rollback", "1", "--by", "ann", "--reason", "it failed").stdout.startswith(
        "Version 1 is the champion again"
    )
    assert store.versions.champion(1).number == 1
    assert {job.kind for job in store.jobs.live(1)} >= {"predict"}, "the queue is scored again"


def test_a_rollback_gives_the_numbers_that_undo_its_questions(trained):
    at, store = trained.store.url, trained.store
    learned = [store.items.get(item_id) for item_id in store.items.open_ids(trained.project.id)[:3]]
    trained.record(*(Decision(item.id, "bob", "correct", "a", version_id=item.version_id) for item in learned))
    trained.judge(trained.retrain("test"))
    call(at, "promote", "2", "--by", "ann", "--reason", "why not")
    done = json.loads(call(at, "rollback", "1", "--by", "meg", "--reason", "it failed", "--suspect", "--json").stdout)
    assert (done["number"], done["left_version"], len(done["presses"])) == (1, 2, 1)
    assert {store.items.get(item.id).state for item in learned} == {"conflict"}
    presses = [str(press) for press in done["presses"]]
    assert (
        call(at, "undo-rulings", *presses, "--by", "meg").stdout == f"Taken back on {len(done['entries'])} entries.\n"
    )
    assert {store.items.get(item.id).state for item in learned} == {"labelled"}
    assert "nothing left to undo" in error_of(at, "undo-rulings", *presses, "--by", "meg")


def test_without_by_the_name_on_this_machine_decides(at, monkeypatch):
    monkeypatch.setenv("LOGNAME", "olga")
    call(at, "refuse", "2")
    assert open_store(at).versions.report_on(2).decided_by == "olga"


def test_reproduce_exits_with_1_and_says_what_differs(at):
    same = call(at, "reproduce", "2")
    assert (same.exit_code, same.stdout.startswith("Version 2 was rebuilt: the same probabilities, bit for bit")) == (
        0,
        True,
    )
    store = open_store(at)
    wanted = store.versions.lineage(2)["ids"][0]
    sqlite3.connect(at.removeprefix("sqlite:///"), isolation_level=None).execute(
        "update items set input = '[9.0,-9.0]' where id = ?", (wanted,)
    )
    other = call(at, "reproduce", "2")
    assert other.exit_code == 1
    assert other.stdout.splitlines()[0].startswith("Version 2 was rebuilt and differs: other probabilities on ")
    assert "1 training rows hold another input than when they were stored." in other.stdout


def test_what_the_evidence_forbids_is_one_line_and_exit_code_5_in_a_process_of_its_own(at):
    command = [sys.executable, "-W", "error", "-m", "feedback_core", "promote", "2", "--database", at, "--by", "ann"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("Error: Version 2 is not advised by the gate: give a reason to promote it anyway.")
    assert done.stderr.count("\n") == 1


# -- retrain in the foreground -------------------------------------------------------------------------------------


def test_retrain_goes_through_a_job_of_its_own_and_shows_the_verdict(store, clock):
    loop = make_loop(store, clock)
    loop.add_items(rows(200)[0], "test")
    done = call(store.url, "retrain", "--by", "ann")
    assert done.exit_code == 0
    assert "fitting logistic_regression on" in done.stderr
    assert done.stdout.splitlines()[0] == "Version 1 is the first version: there was no champion to compare it with."
    job = next(job for job in store.jobs.latest(1) if job.kind == "retrain")
    assert (job.state, job.requested_by, job.trigger) == ("done", "ann", "command line")
    assert store.versions.of_job(job.id).number == 1
    assert store.versions.champion(1).number == 1
    assert "Nothing has come in since the last version" in error_of(store.url, "retrain")


def test_a_retrain_that_fails_says_why(store, clock):
    loop = make_loop(store, clock)
    given = rows(60)[0]
    one = [label if label == "a" else None for label in given.labels]
    loop.add_items(type(given)(given.inputs, given.keys, one), "test")
    assert "a model needs at least two classes to learn from" in error_of(store.url, "retrain")


def test_a_job_that_a_worker_has_taken_is_waited_for_and_not_done_twice(store):
    loop = make_loop(store, time.time)
    loop.add_items(rows(100)[0], "test")
    job = loop.request_retrain("ann")
    other = store.jobs.claim("worker elsewhere", time.time(), LEASE_S)
    heard: list[str] = []

    def finish() -> None:
        store.jobs.report(other.id, "worker elsewhere", 0.5, "half way there")
        while "half way there" not in heard:
            time.sleep(0.01)
        store.jobs.finish(other.id, "worker elsewhere", {"version": 1}, time.time())

    thread = threading.Thread(target=finish)
    thread.start()
    done = run_here(store, job, lambda _share, message: heard.append(message))
    thread.join()
    assert (done.state, done.result, done.attempts) == ("done", {"version": 1}, 1)
    assert store.versions.all(loop.project.id) == [], "nothing was trained here"


def test_only_the_wanted_job_is_done_and_others_are_left_to_the_worker(store, clock):
    loop = make_loop(store, clock)
    loop.add_items(rows(100)[0], "test")
    ranking = loop.request_ranking("ann")
    done = run_here(store, loop.request_retrain("ann"))
    assert done.state == "done"
    assert store.jobs.get(ranking.id).state == "waiting"
