"""The command line, in processes of its own: what it prints, how it fails, and what it leaves in the database."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feedback_core import simulate as simulation
from feedback_core.cli import app
from feedback_core.errors import NotFound
from feedback_core.store import open_store

ROOT = Path(__file__).resolve().parent.parent
SIMULATE = ("simulate", "--dataset", "digits", "--rounds", "2", "--batch", "20", "--seed", "0")
DAY_S = 86_400


def run(*words, database=""):
    """A finished `python -m feedback_core` with every warning an error; one thread, to leave room for other tests."""
    settings = {"OMP_NUM_THREADS": "1", "COLUMNS": "120", "NO_COLOR": "1", "FEEDBACK_DATABASE": database}
    command = [sys.executable, "-W", "error", "-m", "feedback_core", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def simulated():
    return run(*SIMULATE, "--json")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The digits sample project as `demo --only digits` leaves it: address, output, and when it was built."""
    database = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'sample.db'}"
    done = run("demo", "--only", "digits", database=database)
    assert (done.returncode, done.stderr) == (0, "")
    return database, done.stdout, time.time()


# -- help and errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("--help",), ()], ids=["--help", "nothing"])
def test_help_lists_the_commands(words):
    done = run(*words)
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("│") and line[2] not in " -"]
    loop = ["create", "add", "predict", "queue", "draw", "feedback", "undo", "suspects", "rule", "why-not", "retrain"]
    deciding = ["judge", "promote", "refuse", "rollback", "undo-rulings", "report", "card", "reproduce", "backtest"]
    others = ["export", "insights", "events", "settings", "rename", "archive", "restore", "rescore", "jobs", "cancel"]
    assert {*loop, *deciding, *others, "demo", "simulate", "worker", "projects", "versions"} <= set(listed)
    assert len(listed) == len(set(listed)) == len(app.registered_commands)
    assert listed.index("create") < listed.index("draw") < listed.index("retrain") < listed.index("demo")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("simulate", "--dataset", "nope"), "No data set 'nope': choose one of digits, churn, definitions, senses."),
        (
            ("simulate", "--strategy", "nope"),
            "No strategy 'nope': choose one of alarm, committee, density, entropy, least_confidence, margin, novelty, "
            "random, rarity, width.",
        ),
        (("demo", "--only", "nope"), "No sample project 'nope': choose one of digits, churn, definitions, senses."),
        (
            ("demo", "--database", "postgres://nope"),
            "'postgres://nope' is not a database address: write sqlite:///file.db, or a path.",
        ),
    ],
    ids=["data set", "strategy", "sample project", "database"],
)
def test_an_error_is_one_line_that_names_the_choices(words, message, tmp_path):
    done = run(*words, database=str(tmp_path / "unused.db"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")


def test_an_unknown_strategy_is_refused_before_anything_is_fitted(monkeypatch):
    monkeypatch.setattr(simulation, "start", lambda *_: pytest.fail("a project was started"))
    with pytest.raises(NotFound, match=r"^No strategy 'nope': choose one of "):
        simulation.simulate("digits", "nope", 1, 10, 0)


# -- simulate ------------------------------------------------------------------------------------------------------


def test_simulate_prints_one_json_array_with_a_row_per_round(simulated):
    assert (simulated.returncode, simulated.stderr) == (0, "")
    rows = json.loads(simulated.stdout)
    assert [row["round"] for row in rows] == [0, 1, 2]
    assert [row["labels"] for row in rows] == [0, 20, 40]
    for row in rows:
        assert set(row) == {"round", "labels", "corrections", "holdout", "naive_claim", "naive_holdout"}
        assert 0 <= row["corrections"] <= 20
        for score in (row["holdout"], row["naive_holdout"]):
            assert set(score) == {"value", "low", "high", "n"}
            assert 0 < score["low"] < score["value"] < score["high"] < 1
            assert 500 < score["n"] < 700


def test_simulate_shows_how_far_the_naive_loop_is_from_what_it_claims(simulated):
    start, *rows = json.loads(simulated.stdout)
    assert start["naive_claim"] is None
    assert start["naive_holdout"] == start["holdout"]
    for row in rows:
        assert row["naive_claim"] > row["naive_holdout"]["high"] + 0.3
        assert row["naive_holdout"]["high"] < row["holdout"]["low"]
    assert rows[-1]["holdout"]["value"] >= start["holdout"]["value"]


def test_simulate_gives_the_same_again_with_the_same_seed_as_a_table_for_people(simulated):
    heading, columns, *lines, explanation = run(*SIMULATE).stdout.splitlines()
    assert heading == "digits, default strategy, 20 decisions a round, seed 0"
    assert columns.split()[:3] == ["round", "labels", "corrected"]
    for line, row in zip(lines, json.loads(simulated.stdout), strict=True):
        claim = "-" if row["naive_claim"] is None else f"{row['naive_claim']:.3f}"
        found = [interval(row["holdout"]), claim, interval(row["naive_holdout"])]
        assert (
            line.split() == " ".join([str(row["round"]), str(row["labels"]), str(row["corrections"]), *found]).split()
        )
    assert explanation == "The naive loop refits on the corrected rows alone and scores itself on those same rows."


def interval(score):
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


# -- demo ----------------------------------------------------------------------------------------------------------


def test_demo_builds_one_project_that_says_it_is_simulated(sample):
    database, output, _ = sample
    (project,) = open_store(database).projects.all()
    assert project.name == "Handwritten digits (sample)"
    assert project.simulated
    assert output.splitlines()[0] == "Handwritten digits (sample): base model on 90 rows"
    assert output.splitlines()[-1].startswith("Handwritten digits (sample): ready after ")


def test_demo_leaves_a_history_of_versions_with_one_champion_and_a_refusal(sample):
    store = open_store(sample[0])
    (project,) = store.projects.all()
    versions = store.versions.all(project.id)
    statuses = [version.status for version in versions]
    assert 3 <= len(versions) <= 5
    assert statuses.count("champion") == 1
    assert statuses.count("refused") >= 1
    assert "candidate" not in statuses
    reports = store.versions.reports(project.id)
    assert len(reports) == len(versions)
    assert all(report.decided_by == "Lea (simulated lead)" and report.decision_reason for report in reports)
    careless = next(report for report in reports if report.challenger_id == versions[3].id)
    assert (careless.finding, careless.action, careless.decision) == ("worse", "refuse", "refuse")


def test_demo_back_dates_its_feedback_over_at_least_ten_days(sample):
    store = open_store(sample[0])
    (project,) = store.projects.all()
    entries = [entry for chunk in store.feedback.export(project.id) for entry in chunk]
    times = [entry.created_at for entry in entries]
    assert times == sorted(times)
    assert times[-1] - times[0] >= 10 * DAY_S
    assert times[-1] < sample[2]
    first, *later = [version.created_at for version in store.versions.all(project.id)]
    assert sample[2] - 15 * DAY_S < project.created_at <= first < times[0]
    assert [first, *later] == sorted([first, *later])
    assert later[-1] < times[-1]
    assert len({int(at // DAY_S) for at in times}) >= 8
    assert len(entries) > 500
    assert all("(simulated)" in entry.reviewer for entry in entries)


def test_demo_takes_back_what_the_careless_reviewer_said(sample):
    store = open_store(sample[0])
    (project,) = store.projects.all()
    entries = [entry for chunk in store.feedback.export(project.id) for entry in chunk]
    standing = {entry.state for entry in entries if entry.reviewer == "Dan (simulated)" and entry.verdict != "undo"}
    assert standing == {"withdrawn"}


def test_demo_leaves_new_corrections_and_open_items_to_try_it_with(sample):
    store = open_store(sample[0])
    (project,) = store.projects.all()
    assert store.feedback.pending(project.id)["correct"] > 0
    assert store.tallies.of(project.id, "items")["pool/open"] > 100


def test_demo_if_empty_leaves_a_store_with_projects_alone(sample):
    database = sample[0]
    before = [entry.id for chunk in open_store(database).feedback.export(1) for entry in chunk]
    done = run("demo", "--only", "digits", "--if-empty", database=database)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [project.name for project in open_store(database).projects.all()] == ["Handwritten digits (sample)"]
    assert [entry.id for chunk in open_store(database).feedback.export(1) for entry in chunk] == before


def test_demo_refuses_to_build_the_same_project_twice(sample):
    done = run("demo", "--only", "digits", database=sample[0])
    assert done.returncode == 1
    assert done.stderr == (
        "Error: A project named 'Handwritten digits (sample)' exists already: choose another name.\n"
    )
