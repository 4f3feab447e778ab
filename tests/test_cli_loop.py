"""The whole loop on the command line: rows in, predictions, feedback, settings, and how commands end."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feedback_core import cli
from feedback_core.cli import ending
from feedback_core.errors import (
    CannotTrain,
    FeedbackError,
    InvalidSetting,
    NotFound,
    Refused,
    Stale,
    StoreBusy,
    StoreError,
)
from feedback_core.store import open_store
from feedback_core.types import Decision
from tests.conftest import rows

ROOT = Path(__file__).resolve().parent.parent


def call(url, *words, given=b""):
    """A command in this process: its exit code, and standard output and error apart."""
    return CliRunner().invoke(cli.app, [*words, "--database", url], input=given, env={"COLUMNS": "200"})


def said(url, *words, given=b""):
    """What a command prints as JSON."""
    done = call(url, *words, "--json", given=given)
    assert done.exit_code == 0, done.output or repr(done.exception)
    assert done.stderr == "", "with --json only an error is told there"
    return json.loads(done.stdout)


def error_of(url, *words, given=b""):
    done = call(url, *words, given=given)
    assert isinstance(done.exception, FeedbackError), done.output
    return str(done.exception)


def write(path, lines):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return str(path)


def points(n, seed=0, label=True):
    """A table of points in the plane, with the label 'b' above the diagonal."""
    given, truth = rows(n, seed)
    values = [json.loads(body) for body in given.inputs]
    return [
        ["x0", "x1", *(["side"] if label else [])],
        *([*v, *([t] if label else [])] for v, t in zip(values, truth.values(), strict=True)),
    ]


@pytest.fixture
def at(trained):
    return trained.store.url


# -- rows in -------------------------------------------------------------------------------------------------------


def test_create_trains_the_first_version_and_what_it_leaves_is_ready_for_review(url, tmp_path):
    table = points(200)
    for row in table[151:]:
        row[2] = ""
    words = ("create", "mine", write(tmp_path / "points.csv", table), "--setting", "retrain_threshold=7", "--by", "ann")
    found = said(url, *words)
    assert found["project"]["champion"] == 1
    assert found["project"]["settings"]["retrain_threshold"] == 7
    assert (found["label"], found["labels"], found["rows"], found["labelled"]) == ("side", ["a", "b"], 200, 150)
    assert found["items"]["pool/open"] == 50
    store = open_store(url)
    assert [job.state for job in store.jobs.latest(1) if job.kind in ("import", "retrain", "predict")] == ["done"] * 3
    assert len(said(url, "queue", "--limit", "7")) == 7
    assert [event.actor for event in store.events.latest(1, 50) if event.kind == "project created"] == ["ann"]


def test_a_dry_run_says_what_it_understood_and_stores_nothing(url, tmp_path):
    file = write(tmp_path / "points.csv", points(20))
    found = said(url, "create", "mine", file, "--dry-run", "--text", "x0")
    assert found["columns"] == [{"name": "x0", "kind": "text"}, {"name": "x1", "kind": "number"}]
    assert said(url, "projects") == []
    words = call(url, "create", "mine", file, "--dry-run").stdout
    assert "Label: side; labels: a, b" in words
    assert words.endswith("Nothing was stored.\n")


def test_rows_with_a_problem_are_listed_by_row_and_refuse_all_unless_they_may_be_left_out(url, tmp_path):
    table = points(30)
    table[3][0], table[9][1] = "nought", "much"
    kinds = ("--number", "x0", "--number", "x1")
    words = ("create", "mine", write(tmp_path / "points.csv", table), "--no-train", *kinds)
    assert error_of(url, *words).startswith("row 3, column 'x0': nought is not a number")
    assert said(url, "projects") == []
    dry = call(url, *words, "--dry-run", "--json")
    assert dry.exit_code == 1
    assert [(each["row"], each["column"]) for each in json.loads(dry.stdout)["problems"]] == [(3, "x0"), (9, "x1")]
    assert said(url, *words, "--skip-bad")["rows"] == 28
    assert said(url, "projects")[0]["versions"] == 0


def test_a_project_without_labels_names_them(url, tmp_path):
    file = write(tmp_path / "points.csv", points(10, label=False))
    assert "a classifier needs two" in error_of(url, "create", "mine", file, "--label", "")
    found = said(url, "create", "mine", file, "--labels", "yes, no")
    assert (found["labels"], found["label"], found["project"]["champion"]) == (["yes", "no"], None, None)


def test_what_create_cannot_use_is_named_with_the_choices(url, tmp_path):
    file = write(tmp_path / "points.csv", points(10))
    wrong = {
        ("--label", "z"): "label='z' is no column of the file: choose one of x0, x1, side.",
        ("--key", "z"): "key='z' is no column of the file: choose one of x0, x1, side.",
        ("--text", "z"): "text='z' is no input column of the file: choose one of x0, x1.",
        ("--leave-out", "x0", "--leave-out", "x1"): "No input column is left",
        ("--setting", "retrain_threshold=0"): "give a value from 1 to 1000000",
        ("--setting", "fast"): "'fast' is no setting: write name=value",
    }
    for words, message in wrong.items():
        assert message in error_of(url, "create", "mine", file, *words)
    assert "cannot be read" in error_of(url, "create", "mine", str(tmp_path / "none.csv"))
    assert said(url, "projects") == []


def test_add_takes_standard_input_finds_the_label_itself_and_knows_rows_again(at):
    given = "\n".join(",".join(map(str, row)) for row in points(40, seed=5)).encode()
    before = sum(said(at, "insights")["accuracy"]["estimates"][0]["accuracy"]["n"] for _ in "1")
    first, again = (said(at, "add", "-", "--format", "csv", given=given)["items"] for _ in range(2))
    assert sum(first.values()) == 300 + 40
    assert first == again
    assert before > 0
    assert not [job for job in open_store(at).jobs.live(1) if job.kind in ("import", "predict")]


# -- predictions and exports ---------------------------------------------------------------------------------------


def test_predict_answers_every_row_in_its_order_and_keeps_it_for_review(at, tmp_path):
    table = [["x0", "x1"], [5, 5], [-5, -5], [5, 5]]
    found = said(at, "predict", write(tmp_path / "new.csv", table))
    assert [each["label"] for each in found["predictions"]] == ["b", "a", "b"]
    items = [each["item"] for each in found["predictions"]]
    assert items[0] == items[2] != items[1]
    assert found["predictions"][0]["proba"]["b"] == pytest.approx(found["predictions"][0]["confidence"])
    assert open_store(at).items.get(items[1]).predicted == "a"


def test_predict_without_log_stores_nothing(at, tmp_path):
    file = write(tmp_path / "new.csv", [["x0", "x1"], [5, 5]])
    before = open_store(at).tallies.of(1, "items")
    assert said(at, "predict", file, "--no-log")["predictions"][0]["item"] is None
    assert open_store(at).tallies.of(1, "items") == before


def test_a_row_that_cannot_be_read_predicts_nothing(at, tmp_path):
    before = open_store(at).tallies.of(1, "items")
    file = write(tmp_path / "new.csv", [["x0", "x1"], [5, 5], [1, "much"]])
    assert error_of(at, "predict", file).startswith("row 2, column 'x1': much is not a number")
    lacking = write(tmp_path / "less.csv", [["x0"], [5]])
    assert "column 'x1': x1 column is missing from the file" in error_of(at, "predict", lacking)
    assert open_store(at).tallies.of(1, "items") == before


@pytest.mark.parametrize("ending_", ["csv", "jsonl", "parquet"])
def test_predictions_and_exports_become_files_by_their_ending(at, tmp_path, ending_):
    from feedback_core.tables import read_table

    new, out = write(tmp_path / "new.csv", [["x0", "x1"], [5, 5], [-5, -5]]), tmp_path / f"out.{ending_}"
    done = call(at, "predict", new, "--out", str(out))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"Written to {out}.\n")
    written = read_table(out.read_bytes(), out.name)
    assert written["label"].tolist() == ["b", "a"]
    assert list(written.columns) == ["item", "key", "label", "confidence", "proba a", "proba b"]
    assert call(at, "export", "items", "--out", str(out)).exit_code == 0
    assert len(read_table(out.read_bytes(), out.name)) == 302
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_export_to_a_pipe_has_no_mark_before_its_first_column(at):
    lines = call(at, "export", "predictions", "--to", "csv").stdout.splitlines()
    assert lines[0] == "key,predicted,confidence,priority,state,label"
    assert len(lines) == 101
    assert json.loads(call(at, "export", "predictions").stdout.splitlines()[0])["state"] == "open"
    assert "choose one of csv, jsonl, parquet" in error_of(at, "export", "items", "--to", "xml")


# -- review --------------------------------------------------------------------------------------------------------


def test_items_are_drawn_answered_listed_and_taken_back(at):
    hand = said(at, "draw", "--n", "3", "--by", "ann")
    assert [card["draw"] for card in said(at, "draw", "--n", "3", "--by", "ann")] == [card["draw"] for card in hand]
    first, second, third = hand
    assert said(at, "release", str(third["draw"]), "--by", "ann") == {"released": 1}
    assert "ann holds no draw 9999" in error_of(at, "release", "9999", "--by", "ann")
    other = {"a": "b", "b": "a"}[second["prediction"]]
    lines = [
        {"item": first["item"], "verdict": "confirm", "version": first["version"], "draw": first["draw"]},
        {"item": second["key"], "target": other, "draw": second["draw"], "note": "certain"},
    ]
    stored = said(at, "feedback", "-", "--by", "ann", given="\n".join(map(json.dumps, lines)).encode())["entries"]
    assert [(each["verdict"], each["reviewer"]) for each in stored] == [("confirm", "ann"), ("correct", "ann")]
    assert [each["id"] for each in said(at, "feedback", "--limit", "1")] == [stored[1]["id"]]
    assert "2 of 2 taken back" in call(at, "undo", *(str(each["id"]) for each in stored), "--by", "ann").stdout
    assert {each["state"] for each in said(at, "feedback") if each["verdict"] != "undo"} == {"withdrawn"}


def test_feedback_sent_twice_or_in_a_file_that_has_grown_is_stored_once(at):
    first, second = (each["id"] for each in said(at, "queue", "--limit", "2"))
    one, more = (json.dumps({"item": item, "target": "a"}) + "\n" for item in (first, second))
    for text in (one, one, one + more, one + more):
        said(at, "feedback", "-", "--by", "ann", given=text.encode())
    assert [each["item_id"] for each in said(at, "feedback")] == [second, first]
    done = call(at, "feedback", "-", "--by", "ann", given=(one + more).encode())
    assert done.stdout == "0 of 2 entries are new, 0 of them corrections.\n"


def test_an_idempotency_key_means_the_same_over_rest_and_here(trained, at):
    from feedback_core.submissions import Submission, keyed, submit

    item = said(at, "queue", "--limit", "1")[0]["id"]
    (sent,) = submit(trained, "ann", [Submission(item=item, target="a", key=keyed("ann", "7"))])
    line = json.dumps({"item": item, "target": "a", "idempotency_key": "7"}).encode()
    assert said(at, "feedback", "-", "--by", "ann", given=line)["entries"][0]["id"] == sent.id


WRONG_LINES = (
    ('{"item": 1', "line 2: not valid JSON"),
    ("[1]", "line 2: '[1]' is no object"),
    ('{"item": 1, "label": "a"}', "line 2: 'label' is not known: use item, input,"),
    ('{"item": true, "target": "a"}', "line 2: item=True is not what it takes"),
    ('{"item": 0, "target": "a"}', "line 2: item=0 is no number of one"),
    ('{"item": 18446744073709551615, "target": "a"}', "is no number of one"),
    ('{"item": 250, "verdict": "undo"}', "line 2: verdict='undo' is not known"),
    ('{"item": 250, "target": "a", "seconds": -1}', "line 2: seconds=-1 is out of range"),
    ('{"item": 250, "target": "c"}', "line 2: target='c' is not a label of this project"),
    ('{"item": 99999, "target": "a"}', "line 2: there is no item 99999"),
    ('{"item": "nokey", "target": "a"}', "line 2: there is no item with the key 'nokey'"),
    ('{"input": [1], "target": "a"}', "line 2: input has 1 values, expected 2"),
)


def test_a_line_that_cannot_be_stored_is_named_and_nothing_is(at):
    good = json.dumps({"item": said(at, "queue", "--limit", "1")[0]["id"], "target": "a"})
    for line, words in WRONG_LINES:
        assert words in error_of(at, "feedback", "-", given=f"{good}\n{line}\n".encode()), line
    assert said(at, "feedback") == []


def test_a_file_or_stream_that_is_too_large_is_refused_and_not_cut(at, tmp_path, monkeypatch):
    from feedback_core.tables import limits

    ids = [each["id"] for each in said(at, "queue", "--limit", "10")]
    text = "".join(json.dumps({"item": item, "target": "a"}) + "\n" for item in ids).encode()
    file = tmp_path / "said.jsonl"
    file.write_bytes(text)
    monkeypatch.setattr(limits, "MAX_BYTES", text.index(b"\n"))  # cut there, the first line would be one
    assert error_of(at, "feedback", str(file)).startswith("said.jsonl has 0 MB, more than the limit of 0 MB: split it")
    assert error_of(at, "feedback", "-", given=text).startswith("standard input has 0 MB, more than the limit")
    assert said(at, "feedback") == []
    monkeypatch.setattr(limits, "MAX_BYTES", len(text))
    assert len(said(at, "feedback", str(file), "--by", "ann")["entries"]) == 10


def test_a_refused_line_leaves_no_item_of_the_lines_before_it(trained, at):
    before = trained.store.tallies.of(trained.project.id, "items")
    new = '{"input": [0.123, 4.5], "target": "a"}\n'
    for line in (
        '{"item": 99999, "target": "a"}',
        '{"input": [1, 2], "target": "c"}',
        '{"item": "nokey", "target": "a"}',
    ):
        assert "No entry was stored. Correct the file" in error_of(at, "feedback", "-", given=(new + line).encode())
        assert trained.store.tallies.of(trained.project.id, "items") == before, line


def test_doubtful_entries_are_listed_and_ruled_on(trained, at):
    item = trained.store.items.get(said(at, "queue", "--limit", "1")[0]["id"])
    wrong = {"a": "b", "b": "a"}[item.predicted]
    (entry,) = trained.record(Decision(item.id, "ann", "correct", wrong, version_id=item.version_id))
    assert "--run ranks them anew" in call(at, "suspects").stdout
    (found,) = said(at, "suspects", "--run")
    assert (found["id"], found["target"]) == (entry.id, wrong)
    assert 0 <= found["score"] <= 1
    ruled = said(at, "rule", "reject", str(entry.id), "--by", "bo", "--reason", "a slip")
    assert ruled["entries"] == [entry.id]
    assert said(at, "feedback")[0]["ruling"] == "reject"
    assert said(at, "undo-rulings", str(ruled["id"])) == {"entries": [entry.id]}


# -- the project ---------------------------------------------------------------------------------------------------


def test_settings_are_shown_changed_and_refused_with_their_range(at):
    found = said(at, "settings", "automatic=on", "corrections_rule=off", 'weights={"margin": 1}', "--label", "c")
    assert found["settings"]["automatic"] is True
    assert found["settings"]["corrections_rule"] == "off"
    assert found["labels"] == ["a", "b", "c"]
    assert [job.trigger for job in open_store(at).jobs.live(1)] == ["new weights"]
    lines = call(at, "settings").stdout.splitlines()
    assert any(line.split()[:2] == ["automatic", "on"] for line in lines)
    assert "give a value from 0.05 to 0.9" in error_of(at, "settings", "holdout_share=2")
    assert "automatic='perhaps' is not what it takes" in error_of(at, "settings", "automatic=perhaps")
    assert "'speed' is no setting" in error_of(at, "settings", "speed=1")


def test_a_project_is_renamed_archived_and_restored(at):
    assert said(at, "rename", "plane")["name"] == "plane"
    assert said(at, "archive", "plane")["name"] == "plane"
    assert said(at, "projects") == []
    assert [each["name"] for each in said(at, "projects", "--archived")] == ["plane"]
    assert call(at, "restore", "plane").stdout == "plane is back.\n"
    assert [each["name"] for each in said(at, "projects", "--limit", "1")] == ["plane"]


def test_why_not_says_what_is_missing_and_ends_with_0_only_when_a_retrain_is_due(trained, at, clock):
    waiting = call(at, "why-not", "--json")
    assert waiting.exit_code == ending.NOT_NOW
    assert json.loads(waiting.stdout)["due"] is False
    assert said(at, "retrain", "--if-due")["challenger"] is None
    assert "No retrain: " in call(at, "retrain", "--if-due").stdout
    for item in trained.store.items.many([each["id"] for each in said(at, "queue", "--limit", "6")]):
        wrong = {"a": "b", "b": "a"}[item.predicted]
        trained.record(Decision(item.id, "ann", "correct", wrong, version_id=item.version_id))
    due = call(at, "why-not")
    assert due.exit_code == 0, due.output
    assert said(at, "retrain", "--if-due")["challenger"] == 2
    (job,) = [job for job in trained.store.jobs.latest(1) if job.kind == "retrain"]
    assert "corrections" in job.trigger


def test_a_stored_verdict_gates_without_another_look(trained, at):
    trained.judge(trained.retrain("test"))
    looks = len(trained.store.versions.reports(1))
    done = call(at, "judge", "2", "--stored", "--json")
    assert done.exit_code == {"promote": 0, "hold": 3, "refuse": 4}[json.loads(done.stdout)["action"]]
    assert len(trained.store.versions.reports(1)) == looks


def test_figures_events_and_scores_are_told_in_words_and_as_json(trained, at):
    assert set(said(at, "insights")) == {
        *("accuracy", "accuracy_by_version", "volume", "forecast", "certificate", "credit", "queue")
    }
    assert call(at, "insights").stdout.startswith("Holdout: ")
    newest = said(at, "events", "--limit", "2")
    assert newest[0]["id"] > newest[1]["id"]
    assert [each["id"] for each in said(at, "events", "--after", "1", "--limit", "2")] == [2, 3]
    assert "version promoted" in call(at, "events").stdout
    assert said(at, "rescore")["result"] == {"items": 100}
    assert "do it now with --run" in error_of(at, "backtest")
    assert "1 reviewed items" not in error_of(at, "backtest", "--run")
    assert len(said(at, "versions", "--limit", "1")) == 1


# -- how commands end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidSetting, 1), (NotFound, 1), (CannotTrain, 1), (StoreError, 1), (Refused, 5), (Stale, 5), (StoreBusy, 75)],
)
def test_the_exit_code_says_whether_to_mend_to_wait_or_to_give_up(error, code, capsys):
    def app(_words, standalone_mode):
        raise error("so it is")

    assert ending.run(app, ["x"]) == code
    assert capsys.readouterr().err == "Error: so it is\n"
    assert ending.run(app, ["x", "--json"]) == code
    told = json.loads(capsys.readouterr().err)
    assert told == {
        "type": "about:blank", "title": "Error", "detail": "so it is", "code": error.__name__, "exit_code": code
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (["nosuch"], "No such command 'nosuch'."),
        (["judge"], "Missing argument 'VERSION'."),
        (["queue", "--limit", "0"], "greater than or equal to 1"),
    ],
)
def test_a_wrong_call_is_one_object_too_where_json_is_wanted(words, detail, capsys):
    assert ending.run(cli.app, [*words, "--json"]) == 2
    told = json.loads(capsys.readouterr().err)
    assert detail in told["detail"]
    assert (told["code"], told["exit_code"]) == ("WrongCall", 2)


@contextmanager
def started(url, *words):
    """A command at work, ended with the test. What runs in the background of a script is born deaf to Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "feedback_core", *words, "--database", url],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_a_closed_pipe_ends_a_listing_without_a_word(at):
    with started(at, "events") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 141


def test_ctrl_c_ends_a_retrain_with_130_and_leaves_neither_a_job_nor_a_version(trained, at):
    for item in trained.store.items.many([each["id"] for each in said(at, "queue", "--limit", "6")]):
        trained.record(Decision(item.id, "ann", "correct", "a", version_id=item.version_id))
    trained.store.projects.update(
        trained.project,
        settings=type(trained.project.settings)(
            **trained.project.settings.to_dict() | {"estimator": "random_forest", "params": {"n_estimators": 20_000}}
        ),
        now=time.time(),
        actor="test",
    )
    with started(at, "retrain") as process:
        assert "fitting random_forest" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "(retrain) is cancelled." in err
    assert [job.state for job in trained.store.jobs.latest(1) if job.kind == "retrain"] == ["cancelled"]
    assert [version.number for version in trained.store.versions.all(1)] == [1]
    assert sorted(path.name for path in trained.store.artifacts.iterdir() if path.name.startswith(".")) == []


def test_progress_is_plain_lines_where_nobody_watches_and_silent_beside_json(at):
    assert "queue reordered" in call(at, "rescore").stderr
    assert call(at, "rescore", "--json").stderr == ""
