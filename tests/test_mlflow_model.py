"""A version as an MLflow model: opened by MLflow in a process that knows nothing else, it predicts like the version."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from feedback_core import fitting, mlflow_model
from feedback_core.errors import ArtifactError, InvalidInput
from tests.test_cli_loop import call
from tests.test_formats import trained_texts

__all__ = ["trained_texts"]

# MLflow tells of type hints that it would like to see, past all filters of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow
import pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
said = model.predict(pd.DataFrame(json.loads(sys.argv[2])))
print(said.to_json(orient="split", double_precision=15))
"""


def test_mlflow_opens_the_folder_and_it_predicts_like_the_version(trained_texts, url, tmp_path):
    loop, out = trained_texts, tmp_path / "model.zip"
    assert call(url, "export-model", "1", "--out", str(out)).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "model")
        names = archive.namelist()
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pyc", ".joblib"))]
    rows = [{"definition": "a door", "length": 6.0}, {"definition": "to open", "length": None}]
    # Elsewhere: only MLflow and what lies in the folder.
    run = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "model"), json.dumps(rows)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["columns"] == ["label", "confidence", "proba noun", "proba verb"]
    inputs = ['["a door",6.0]', '["to open",null]']
    proba = fitting.proba(loop.serving().model, inputs, loop.project)
    assert np.array([row[2:] for row in said["data"]]) == pytest.approx(proba, abs=1e-12)
    assert [row[0] for row in said["data"]] == [loop.project.labels[n] for n in proba.argmax(axis=1)]


def test_signature_and_requirements_lie_with_it(trained_texts):
    loop = trained_texts
    data = b"".join(mlflow_model.pieces(loop.store, loop.project, loop.serving().version))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        described = archive.read("MLmodel").decode()
        wanted = archive.read("requirements.txt").decode()
    assert '"name": "definition", "required": false' in described.replace('\\"', '"')
    assert '"name": "proba noun"' in described.replace('\\"', '"')
    assert "scikit-learn==" in wanted
    assert "skops==" in wanted


def test_rows_that_do_not_fit_are_refused_by_row_and_column(trained_texts):
    loop = trained_texts
    version = loop.serving().version
    answer = mlflow_model._answers
    with pytest.raises(InvalidInput, match=r"^row 2, column 'length': long is not a number"):
        answer(loop.project, loop.model(version), pd.DataFrame({"definition": ["a", "b"], "length": ["1", "long"]}))


def test_a_damaged_model_file_is_not_sent_out(trained_texts):
    loop = trained_texts
    version = loop.serving().version
    (loop.store.artifacts / version.artifact / "model.skops").write_bytes(b"other")
    with pytest.raises(ArtifactError, match="has changed"):
        mlflow_model.pieces(loop.store, loop.project, version)


def test_without_mlflow_the_extra_is_named(trained_texts, monkeypatch):
    monkeypatch.setattr(mlflow_model, "find_spec", lambda _name: None)
    with pytest.raises(InvalidInput, match=r"^MLflow is not installed: pip install 'ai-feedback-loop\[mlflow\]'\.$"):
        mlflow_model.pieces(trained_texts.store, trained_texts.project, trained_texts.serving().version)
