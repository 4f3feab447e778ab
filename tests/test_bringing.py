"""Models from elsewhere through page, command line, REST and documents."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from starlette.testclient import TestClient
from typer.testing import CliRunner

from feedback_core import cli, intake, outside
from feedback_core.api import create_api
from feedback_core.errors import ArtifactError, InvalidFile, InvalidInput
from feedback_core.loop import Loop, create_project
from feedback_core.models import artifacts
from feedback_core.models.imported import over_columns
from feedback_core.types import Column, Rows, Schema
from tests.conftest import ROOT
from tests.test_outside import oracle, points, work
from tests.test_pages import press, texts

MIXED = Schema((Column("amount", "number"), Column("city", "category")))


def run(url: str, *words: str, given: bytes = b""):
    return CliRunner().invoke(cli.app, [*words, "--database", url], input=given, env={"COLUMNS": "200"})


def fitted(loop: Loop, kind=LogisticRegression):
    X, y = points(loop, "train")
    return kind().fit(X, y)


def lines(loop: Loop, **of) -> bytes:
    return b"\n".join(
        json.dumps({"item": each.item, "label": each.label, "probabilities": each.probabilities}).encode()
        for each in oracle(loop, **of)
    )


# -- a fitted model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LogisticRegression, RandomForestClassifier])
def test_a_file_on_the_command_line_serves_at_once_and_the_next_one_is_judged(loop: Loop, tmp_path, kind) -> None:
    model = fitted(loop, kind)
    skops.io.dump(model, tmp_path / "model.skops")
    done = run(loop.store.url, "import-model", str(tmp_path / "model.skops"), "--by", "ana")
    assert done.exit_code == 0, done.output
    assert "It was trained elsewhere; on which rows is not known." in done.stdout
    champion = loop.store.versions.champion(loop.project.id)
    assert (champion.number, champion.created_by, champion.params["model"]) == (1, "ana", kind.__name__)
    pool, _ = points(loop, "pool")
    said = loop.store.predictions.proba_of(champion.id, loop.store.items.open_ids(loop.project.id))[1]
    assert said == pytest.approx(model.predict_proba(pool), abs=1e-6)
    again = run(loop.store.url, "import-model", str(tmp_path / "model.skops"), "--json")
    report = json.loads(again.stdout)
    assert (report["challenger"], report["champion"], report["finding"]) == (2, 1, "not measurably different")
    assert again.exit_code == {"promote": 0, "hold": 3, "refuse": 4}[report["action"]]


def test_what_was_imported_is_challenged_by_a_retrain_and_no_job_fails(loop: Loop) -> None:
    loop.promote(loop.judge(loop.import_model(fitted(loop), "ana")) and loop.store.versions.all(1)[0], "ana")
    loop.request_rescore("ana")
    loop.request_retrain("ana")
    assert all("failed" not in state for state in work(loop))
    versions = loop.store.versions.all(loop.project.id)
    assert [(v.number, v.estimator, v.status) for v in versions] == [
        (1, "imported", "champion"),
        (2, "logistic_regression", "candidate"),
    ]


def test_a_pipeline_over_named_columns_gets_them_by_name_whatever_their_order() -> None:
    frame = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "amount": np.arange(40.0)})
    y = (frame["amount"] > 20).astype(int)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["amount"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, y)
    ours = over_columns(model, MIXED, ("no", "yes"), {0: "no", "1": "yes"})
    inputs = [intake.encode_one([30.0, "Oslo"], MIXED), intake.encode_one([2.0, "Paris"], MIXED)]
    expected = model.predict_proba(pd.DataFrame({"city": ["Oslo", "Paris"], "amount": [30.0, 2.0]}))
    assert ours.predict_proba(intake.decode(inputs, MIXED)) == pytest.approx(expected)
    assert ours.classes_.tolist() == ["no", "yes"]


def test_a_text_classifier_gets_the_one_text_and_survives_its_file(tmp_path: Path) -> None:
    schema = Schema((Column("text", "text"),))
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good day", "bad day", "good"], ["+", "-", "+"])
    artifact = artifacts.save(over_columns(model, schema, ("+", "-")), tmp_path, "p")
    loaded = artifacts.load(tmp_path, artifact.name, artifact.sha256)
    frame = intake.decode([intake.encode_one(["a bad one"], schema)], schema)
    assert loaded.predict_proba(frame) == pytest.approx(model.predict_proba(["a bad one"]))


X4, Y4 = np.arange(40.0).reshape(10, 4), [0, 1] * 5
UNFIT = [
    (LogisticRegression(), "^LogisticRegression is not fitted"),
    (LinearSVC().fit(X4, Y4), "^LinearSVC gives no probabilities"),
    (
        LogisticRegression().fit(X4, ["a", "b"] * 5),
        r"^The model takes 4 numbers a row, and this project has 2 \(x0, x1\)",
    ),
    (
        LogisticRegression().fit(X4[:, :2], Y4),
        "^The model says '0', '1', and this project's labels are 'a', 'b': .* 0=a",
    ),
    (
        LogisticRegression().fit(pd.DataFrame({"x0": [1, 2], "age": [1, 2]}), ["a", "b"]),
        "^The model was fitted on the column 'age', which this project does not have: it has x0, x1",
    ),
]


@pytest.mark.parametrize(("model", "words"), UNFIT)
def test_a_model_that_does_not_fit_is_refused_by_name_and_leaves_nothing(loop: Loop, model, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        loop.import_model(model, "ana")
    assert loop.store.versions.all(loop.project.id) == []


def test_a_pickle_is_refused_with_the_way_out_whatever_its_name(loop: Loop) -> None:
    data = pickle.dumps(fitted(loop))
    for name in ("model.pkl", "model.joblib", "model.skops"):
        with pytest.raises(InvalidFile, match=r"skops\.io\.dump\(model, 'model\.skops'\)"):
            outside.import_file(loop.store, loop.project, data, name, "ana", 0.0)
    with pytest.raises(InvalidFile, match=r"^'model\.xyz' is no model file that is read here: bring one of skops"):
        outside.import_file(loop.store, loop.project, b"abc", "model.xyz", "ana", 0.0)


def test_a_text_model_that_would_open_files_of_the_server_is_refused(loop: Loop) -> None:
    for wrap in (lambda reader: reader, lambda reader: make_column_transformer((reader, "text"))):
        reader = TfidfVectorizer(analyzer="char").fit(["root", "none"])
        model = make_pipeline(wrap(reader), LogisticRegression())
        if hasattr(model[0], "transformers"):
            model.fit(pd.DataFrame({"text": ["root", "none"]}), ["a", "b"])
            model[0].named_transformers_["tfidfvectorizer"].input = "filename"
        else:
            model.fit(["root", "none"], ["a", "b"])
            reader.input = "filename"
        with pytest.raises(InvalidFile, match=r"takes texts for names of files, .*fit it with input='content'"):
            outside.import_file(loop.store, loop.project, skops.io.dumps(model), "model.skops", "ana", 0.0)
    assert loop.store.versions.all(loop.project.id) == []


# -- predictions ---------------------------------------------------------------------------------------------------


def test_predictions_from_a_file_are_judged_and_more_of_them_add_to_the_version(loop: Loop, tmp_path) -> None:
    (tmp_path / "said.jsonl").write_bytes(lines(loop))
    done = run(loop.store.url, "import-predictions", str(tmp_path / "said.jsonl"), "--version", "llm-1")
    assert done.exit_code == 0, done.output
    assert "locked rows, which judge versions, have a prediction." in done.stdout
    version = loop.store.versions.champion(loop.project.id)
    assert (version.estimator, version.params, version.artifact) == ("predictions", {"name": "llm-1"}, "")
    with pytest.raises(ArtifactError, match="no model file"):
        artifacts.verified(loop.store.artifacts, version.artifact, version.sha256)
    csv = b"item,label,proba a,proba b\n1,b,0.2,0.8\n"
    assert run(loop.store.url, "import-predictions", "-", "--version", "llm-1", given=csv).exit_code == 0
    item = loop.store.items.get(1)
    judged = item.split == "holdout"
    assert judged or loop.store.predictions.labels_of(version.id, [1])[1][0] == "b"
    assert len(loop.store.versions.all(loop.project.id)) == 1


def test_the_inputs_to_predict_tell_neither_labels_nor_which_rows_are_locked(loop: Loop) -> None:
    rows = [json.loads(line) for line in run(loop.store.url, "export", "inputs").stdout.splitlines()]
    assert {tuple(row) for row in rows} == {("key", "x0", "x1")}
    assert len(rows) == 300


def test_rest_takes_predictions_and_says_how_much_they_cover(loop: Loop) -> None:
    client = TestClient(create_api(loop.store.url), headers={"X-Feedback-User": "ana"})
    said = [{"item": e.item, "label": e.label, "probabilities": dict(e.probabilities)} for e in oracle(loop)]
    path = f"/projects/{loop.project.id}/predictions"
    answer = client.post(path, json={"version": "llm-1", "predictions": said})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["created"], told["stored"], told["without_probabilities"], told["assumed"]) == (True, 300, 0, None)
    assert told["locked"]["covered"] == told["locked"]["all"] > 80
    assert (told["job"]["kind"], told["version"]["estimator"], told["version"]["sha256"]) == (
        "judge",
        "predictions",
        "",
    )
    bad = client.post(path, json={"version": "llm-1", "predictions": [{"item": 1, "label": "c"}]})
    assert (bad.status_code, bad.json()["detail"]) == (
        422,
        "predictions.0: 'c' is not a label of this project: use one of a, b.",
    )
    work(loop)
    new = client.post(f"/projects/{loop.project.id}/predict", json={"inputs": [[50.0, 50.0]]})
    assert (new.status_code, "stored predictions alone and has none for 1 of 1 inputs" in new.text) == (409, True)
    fed = client.post(f"/projects/{loop.project.id}/feedback", json={"input": [50.0, 50.0], "target": "b"})
    assert (fed.status_code, fed.json()["verdict"]) == (201, "correct")


# -- the page ------------------------------------------------------------------------------------------------------


def test_the_page_imports_a_model_and_tells_what_is_not_known(page, loop: Loop) -> None:
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    assert "A pickle is refused" in texts(app)
    app.file_uploader(key=f"bring-file-{loop.project.id}").upload("model.skops", skops.io.dumps(fitted(loop))).run()
    press(app, "Import and judge")
    assert work(loop) == ["judge: done", "predict: done"]
    shown = texts(page("retrain"))
    assert "Trained elsewhere" in shown
    assert "on which rows is not known" in shown


def test_the_page_imports_predictions_and_refuses_what_does_not_fit(page, loop: Loop) -> None:
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.button_group(key=f"bring-way-{loop.project.id}").set_value("Its predictions").run()
    uploader = app.file_uploader(key=f"bring-said-{loop.project.id}")
    uploader.upload("said.jsonl", b'{"item": 1, "label": "z", "version": "llm"}').run()
    assert "1 of them without probabilities" in texts(app)
    press(app, "Import and judge")
    assert "'z' is not a label of this project" in texts(app).replace("\\", "")
    app.file_uploader(key=f"bring-said-{loop.project.id}").upload("said.jsonl", lines(loop)).run()
    next(box for box in app.text_input if box.label.startswith("Name of the version")).set_value("llm-1").run()
    press(app, "Import and judge")
    assert work(loop) == ["judge: done", "predict: done"]
    for name in ("overview", "review", "predictions", "insights", "map", "feedback", "retrain"):
        page(name)


def test_a_large_file_whose_beginning_ends_within_a_cell_is_handed_over(page, loop: Loop, monkeypatch) -> None:
    page("setup")  # imports the page
    monkeypatch.setattr("pages._setup.predictions.AT_ONCE", 1_000)
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.button_group(key=f"bring-way-{loop.project.id}").set_value("Its predictions").run()
    data = 'item,label,why\n1,a,"{}"\n'.format("a line\n" * 4_000).encode()
    app.file_uploader(key=f"bring-said-{loop.project.id}").upload("said.csv", data).run()
    assert "A large file: the worker reads it" in texts(app)
    next(box for box in app.text_input if box.label.startswith("Name of the version")).set_value("llm-1").run()
    press(app, "Import and judge")
    assert work(loop) == ["import predictions: done"]
    assert [version.params["name"] for version in loop.store.versions.all(loop.project.id)] == ["llm-1"]


# -- the document --------------------------------------------------------------------------------------------------


def test_the_code_of_the_document_runs_as_printed(tmp_path: Path, monkeypatch, capsys) -> None:
    from sklearn.datasets import load_iris

    text = (ROOT / "docs" / "models.md").read_text()
    (tmp_path / "data").mkdir()
    store = outside_store(tmp_path)
    flowers = load_iris(as_frame=True)
    schema = Schema(tuple(Column(name, "number") for name in flowers.feature_names))
    names = tuple(map(str, flowers.target_names))
    project = create_project(store, "iris", schema, names, actor="test", salt=1)
    inputs = [intake.encode_one(row, schema) for row in flowers.data.to_numpy().tolist()]
    labels = [names[n] if k % 3 else None for k, n in enumerate(flowers.target)]
    Loop(store, project).add_items(Rows(inputs, [None] * len(inputs), labels), "test")
    (tmp_path / "my_model.py").write_text(MY_MODEL)
    monkeypatch.chdir(tmp_path)
    python, shell = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "sh"))
    assert (len(python), len(shell)) == (3, 3)
    imported, connected, predicted = shell
    names: dict[str, object] = {}
    exec(compile(python[0], "docs/models.md", "exec"), names)
    typed(imported)
    typed(predicted)
    exec(compile(python[1], "docs/models.md", "exec"), names)
    assert "was trained elsewhere" in capsys.readouterr().out
    with printed_server(python[2], tmp_path) as port:
        connect, register = connected.replace("8700", str(port)).splitlines()
        (tmp_path / "secret").write_text(re.search(r"whsec_[\w+/=]+", typed(connect))[0])
        typed(register)
    found = store.versions.all(project.id)
    assert [version.estimator for version in found] == ["imported", "predictions", "imported", "http"]
    assert found[-1].metrics["holdout"]["accuracy"]["value"] > 0.8


def typed(lines: str) -> str:
    """What the commands print, each done as a shell would; those of ours in this process, which is quicker."""
    said = ""
    for line in lines.strip().splitlines():
        words = shlex.split(line)
        if words[:3] == ["python", "-m", "feedback_core"]:
            done = CliRunner().invoke(cli.app, [*words[3:], "--database", "sqlite:///data/feedback.db"])
            assert done.exit_code in (0, 3, 4), done.output
            said += done.output
        else:
            subprocess.run(["sh", "-e", "-c", line.replace("python ", f"{sys.executable} ")], check=True)
    return said


MY_MODEL = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    width = row["petal width (cm)"]
    label = "setosa" if width < 0.8 else "versicolor" if width < 1.7 else "virginica"
    print(json.dumps({"item": row["key"], "label": label}))
"""


def outside_store(folder: Path):
    from feedback_core.store import open_store

    return open_store(f"sqlite:///{folder / 'data' / 'feedback.db'}")


@contextmanager
def printed_server(code: str, folder: Path):
    """The document's server on a port of its own; it reads its secret once it is asked."""
    code = code.replace('os.environ["MODEL_SECRET"]', 'open("secret").read()').replace(
        'HTTPServer(("127.0.0.1", 8700), Model).serve_forever()',
        's = HTTPServer(("127.0.0.1", 0), Model); print(s.server_address[1], flush=True); s.serve_forever()',
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:  # fmt: skip
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
