"""Every registered model through one contract: weights, going on, other processes; and what the documents say of it."""

import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from feedback_core.errors import ArtifactError, InvalidInput, InvalidSetting, NotFound
from feedback_core.intake import feature_names
from feedback_core.models import BUILDERS, artifacts, available, for_task
from feedback_core.models.own_models import load_own
from feedback_core.models.table import markdown
from feedback_core.training import fit
from feedback_core.types import Column, Schema

ROOT = Path(__file__).parent.parent
POINTS = Schema((Column("x", "number"), Column("y", "number")))
DOTS = Schema((Column("dots", "image", (1, 2)),))
"""The same two numbers as an image of two pixels, for models that need one."""
PARAMS = {"keras_mlp": {"epochs": 12, "hidden": 16}, "torch_mlp": {"epochs": 20}, "cnn": {"epochs": 20, "filters": 8}}
"""What keeps networks quick; the points need no more."""

TRAINED = [name for name in for_task("classification") if name != "own_estimator"]
STREAMING = [name for name in TRAINED if BUILDERS[name].increments]

every_model = pytest.mark.parametrize("name", TRAINED)
every_stream = pytest.mark.parametrize("name", STREAMING)


def schema_of(name):
    return DOTS if BUILDERS[name].needs else POINTS


def points(n, seed, name):
    """n points as a model takes them, of class b above the diagonal."""
    rows = np.random.default_rng(seed).normal(size=(n, 2))
    X = pd.DataFrame(rows, columns=feature_names(schema_of(name)))
    return X, np.where(rows[:, 1] > rows[:, 0], "b", "a").astype(object)


_FITTED = {}


def fitted(name):
    if name not in _FITTED:
        X, y = points(300, 0, name)
        _FITTED[name] = fit(BUILDERS[name](schema_of(name), 3, PARAMS.get(name, {})), X, y, np.ones(300))
    return _FITTED[name]


def test_every_framework_is_installed_where_the_tests_run():
    # A skipped test is a missing test: `make test` installs requirements-frameworks.txt.
    assert [name for name in BUILDERS if not available(name)] == []


# -- fit -----------------------------------------------------------------------------------------------------------


@every_model
def test_a_model_learns_what_there_is_to_learn(name):
    X, y = points(300, 1, name)
    assert (fitted(name).predict(X) == y).mean() > 0.9
    proba = fitted(name).predict_proba(X)
    assert proba.sum(axis=1) == pytest.approx(1)
    assert list(fitted(name).classes_) == ["a", "b"]
    assert (fitted(name).predict(X) == np.array(["a", "b"], dtype=object)[proba.argmax(axis=1)]).all()


@every_model
def test_sample_weights_count_or_the_model_takes_none(name):
    X, _ = points(200, 0, name)
    # The same rows once as a and once as b: what is said of them is a matter of weight alone.
    twice, y = pd.concat([X, X], ignore_index=True), np.repeat(np.array(["a", "b"], dtype=object), 200)
    weights = np.repeat([3.0, 1 / 3], 200)
    model = fit(BUILDERS[name](schema_of(name), 3, PARAMS.get(name, {})), twice, y, weights)
    takes = has_fit_parameter(model.named_steps["model"], "sample_weight")
    assert takes == BUILDERS[name].weights
    said = model.predict_proba(X)[:, 0].mean()
    assert said > 0.8 if takes else 0.3 < said < 0.7


@every_model
def test_a_model_is_cloned_and_cross_validated_like_any_estimator(name):
    X, y = points(90, 0, name)
    model = clone(BUILDERS[name](schema_of(name), 3, PARAMS.get(name, {})))
    built = BUILDERS[name](schema_of(name), 3, PARAMS.get(name, {}))
    assert model.named_steps["model"].get_params() == built.named_steps["model"].get_params()
    with threadpool_limits(1):
        scores = cross_val_score(model, X, y, cv=2)
    assert scores.mean() > 0.7


@every_model
def test_a_column_that_is_missing_is_named(name):
    X = points(5, 0, name)[0]
    with pytest.raises(ValueError, match=rf"columns are missing: \{{'{X.columns[1]}'\}}"):
        fitted(name).predict_proba(X[X.columns[:1]])


@pytest.mark.parametrize("name", [name for name in TRAINED if BUILDERS[name].framework != "scikit-learn"])
def test_rows_of_another_width_and_an_unfitted_model_are_refused_in_words(name):
    model = fitted(name).named_steps["model"]
    with pytest.raises(InvalidInput, match=r"^X has 7 columns, and the model has learned from \d+\.$"):
        model.predict_proba(np.zeros((2, 7)))
    with pytest.raises(InvalidInput, match=r"has not been fitted: call fit first"):
        clone(model).predict_proba(np.zeros((2, 2)))


@every_model
def test_a_parameter_that_does_not_exist_is_refused_by_name(name):
    with pytest.raises(
        InvalidSetting, match=rf"^{re.escape(BUILDERS[name].title)} does not take these params .*'no_such_thing'"
    ):
        BUILDERS[name](schema_of(name), 0, {"no_such_thing": 1})


def test_a_model_that_could_not_be_trained_is_refused_when_it_is_chosen(trained):
    before = trained.project.settings
    for values, error in (
        ({"estimator": "nope"}, NotFound),
        ({"estimator": "ridge"}, InvalidSetting),
        ({"estimator": "torch_mlp", "params": {"hiden": 3}}, InvalidSetting),
    ):
        with pytest.raises(error):
            trained.change(replace(before, **values), "test")
    trained.change(replace(before, estimator="torch_mlp", params={"hidden": 3}), "test")
    settings = trained.store.projects.get(trained.project.id).settings
    assert (settings.estimator, settings.params) == ("torch_mlp", {"hidden": 3})


# -- going on ------------------------------------------------------------------------------------------------------


@every_model
def test_what_goes_on_learning_says_so(name):
    assert (
        hasattr(BUILDERS[name](schema_of(name), 0, {}).named_steps["model"], "partial_fit") == BUILDERS[name].increments
    )


@every_stream
def test_a_row_shown_again_and_again_is_believed(name):
    model = clone(BUILDERS[name](schema_of(name), 3, {}).named_steps["model"])
    X, y = points(100, 0, name)
    model.partial_fit(X.to_numpy(), y, classes=np.array(["a", "b"], dtype=object))
    odd, label = np.array([[2.0, -2.0]]), np.array(["b"], dtype=object)
    before = model.predict_proba(odd)[0, 1]
    for _ in range(200):
        model.partial_fit(odd, label)
    assert model.predict_proba(odd)[0, 1] > max(before, 0.5)


@pytest.mark.parametrize("name", [name for name in STREAMING if BUILDERS[name].framework != "scikit-learn"])
def test_a_label_that_the_model_does_not_know_is_refused_by_name(name, tmp_path):
    saved = artifacts.save(fitted(name), tmp_path, "p")
    model = artifacts.load(tmp_path, saved.name, saved.sha256).named_steps["model"]
    with pytest.raises(InvalidInput, match=r"^y has 'zebra', which is none of the model's classes"):
        model.partial_fit(np.zeros((2, model.n_features_in_)), np.array(["a", "zebra"], dtype=object))


@every_stream
def test_what_goes_on_after_a_restart_goes_on_the_same(name, tmp_path):
    saved = artifacts.save(fitted(name), tmp_path, "p")
    one, two = (artifacts.load(tmp_path, saved.name, saved.sha256) for _ in range(2))
    X, y = points(12, 5, name)
    for model in (one, two):
        rows = model.named_steps["prepare"].transform(X)
        for start in range(0, 12, 4):
            model.named_steps["model"].partial_fit(rows[start : start + 4], y[start : start + 4])
    assert (one.predict_proba(X) == two.predict_proba(X)).all()
    assert (one.predict_proba(X) != fitted(name).predict_proba(X)).any()


# -- other processes -----------------------------------------------------------------------------------------------

TELL = """
import sys, warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
from pathlib import Path
import numpy as np, orjson, pandas as pd
from feedback_core.intake import feature_names
from feedback_core.models import BUILDERS, artifacts, for_task
from feedback_core.training import fit
from feedback_core.types import Column, Schema

root, step = Path(sys.argv[1]), sys.argv[2]
points, dots = Schema((Column("x", "number"), Column("y", "number"))), Schema((Column("dots", "image", (1, 2)),))
rows = np.random.default_rng(0).normal(size=(300, 2))
y = np.where(rows[:, 1] > rows[:, 0], "b", "a").astype(object)
quick = {name: {"epochs": 15} for name in ("keras_mlp", "wide_net", "torch_mlp", "deep_net", "cnn")}
def asked(name):
    schema = dots if BUILDERS[name].needs else points
    return schema, pd.DataFrame(rows, columns=feature_names(schema))
if "save" in step:
    told = {}
    for name in sys.argv[3:] or [n for n in for_task("classification") if n != "own_estimator"]:
        schema, X = asked(name)
        model = fit(BUILDERS[name](schema, 3, quick.get(name, {})), X, y, np.ones(300))
        assert (model.predict(X) == y).mean() > 0.9, name
        saved = artifacts.save(model, root, "p")
        told[name] = [saved.name, saved.sha256, saved.environment, model.predict_proba(X).tolist()]
    (root / "told.json").write_bytes(orjson.dumps(told))
if "load" in step:
    for name, (folder, digest, _, said) in orjson.loads((root / "told.json").read_bytes()).items():
        X = asked(name)[1]
        print(name, (artifacts.load(root, folder, digest).predict_proba(X) == np.array(said)).all())
"""


def run(folder, *arguments, **environment):
    command = [sys.executable, "-c", TELL, str(folder), *arguments]
    paths = {"PYTHONPATH": f"{ROOT}:{folder}", "PATH": "/usr/bin", "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=paths | environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def test_every_model_and_those_of_the_documents_answer_the_same_in_another_process(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/own_models.md").read_text(), re.DOTALL)
    (tmp_path / "my_models.py").write_text("\n".join(blocks))
    run(tmp_path, "save", FEEDBACK_MODELS="my_models")
    lines = run(tmp_path, "load", FEEDBACK_MODELS="my_models").splitlines()
    own = {"deep_net", "skorch_net", "wide_net", "perceptron", "nearest"}
    assert {line.split()[0] for line in lines} == own | set(TRAINED)
    assert {line.split()[1] for line in lines} == {"True"}


def test_keras_computes_with_tensorflow_too(tmp_path):
    assert run(tmp_path, "save and load", "keras_mlp", KERAS_BACKEND="tensorflow") == "keras_mlp True\n"
    assert '"tensorflow":"2.' in (tmp_path / "told.json").read_text()


def test_a_model_whose_registration_is_gone_says_so(tmp_path, monkeypatch):
    saved = artifacts.save(fitted("torch_mlp"), tmp_path, "p")
    monkeypatch.delitem(BUILDERS._entries, "torch_mlp")
    monkeypatch.setattr(
        artifacts, "TRUSTED", (*artifacts.TRUSTED, "feedback_core.models.estimators.torch.TorchClassifier")
    )
    with pytest.raises(ArtifactError, match=r"cannot be loaded. No model 'torch_mlp'"):
        artifacts.load(tmp_path, saved.name, saved.sha256)


def test_a_module_of_ones_own_that_cannot_be_imported_is_named_with_the_way_out():
    with pytest.raises(InvalidSetting, match=r"^FEEDBACK_MODELS names 'no_such_module', which cannot be imported"):
        load_own(["json", "no_such_module"])


# -- documents -----------------------------------------------------------------------------------------------------


def test_the_table_of_models_in_the_readme_is_that_of_the_registry():
    readme = (ROOT / "README.md").read_text()
    printed = readme.split("<!-- models:")[1].split("-->\n")[1].split("\n<!-- /models")[0]
    assert printed == markdown(), "run `python -m feedback_core.models.table` and put in what it prints"


def test_every_extra_is_pinned_and_has_its_line_in_the_architecture():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = (ROOT / "requirements-frameworks.txt").read_text()
    lines = (ROOT / "ARCHITECTURE.md").read_text().lower()
    named = {BUILDERS[name].extra for name in BUILDERS} - {""}
    assert named <= set(extras)
    for extra in (*named, "skorch", "tensorflow"):
        for package in (re.split(r"[<>=\[]", requirement)[0] for requirement in extras[extra]):
            if package != "ai-feedback-loop":
                assert f"| {package} |" in lines, package
                assert package == "torch" or re.search(rf"^{package}==", pinned, re.MULTILINE), package
    assert not re.search(r"^(torch|nvidia|cuda)", pinned, re.MULTILINE)
    assert "install --quiet --disable-pip-version-check torch==" in (ROOT / "Makefile").read_text()
