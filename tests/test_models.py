"""Every model builder on every kind of input, and model files: whole or absent, checked, and without foreign code."""

import functools
import hashlib
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace

import joblib
import numpy as np
import orjson
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from feedback_core import intake
from feedback_core.client import _sha256_of_members
from feedback_core.errors import ArtifactError, InvalidFile, InvalidInput, InvalidSetting, NotFound, NotInstalled
from feedback_core.models import BUILDERS, artifacts, choices, for_task, model_folder, registry, spoken, title
from feedback_core.models.own_estimator import recipe
from feedback_core.models.preprocessing import pixel_names
from feedback_core.models.unsafe_files import refuse_unsafe
from feedback_core.training import aligned_proba, fit
from feedback_core.types import Column, Schema

NUMBERS = (Column("height", "number"), Column("weight", "number"), Column("empty so far", "number"))
CATEGORIES = (Column("colour", "category"), Column("shape", "category"))
WHEN = Column("when", "timestamp")
TEXTS = (Column("title", "text"), Column("note", "text"))
IMAGE = (Column("photo", "image", (4, 4)), Column("icon", "image", (2, 2, 3)))
SCHEMAS = {
    "numbers": Schema(NUMBERS),
    "mixed": Schema((*NUMBERS, *CATEGORIES, WHEN)),
    "text": Schema(TEXTS),
    "image": Schema(IMAGE),
    "everything": Schema((CATEGORIES[0], *IMAGE, WHEN, *NUMBERS, *TEXTS, CATEGORIES[1])),
    "300 numbers": Schema(tuple(Column(f"x{n}", "number") for n in range(300))),
}

QUICK = {
    "own_estimator": {"path": "sklearn.linear_model.LogisticRegression", "C": 0.01, "max_iter": 2_000},
    "hist_gradient_boosting": {"max_iter": 5},
    "random_forest": {"n_estimators": 5},
    "lightgbm": {"n_estimators": 5, "min_child_samples": 3},
    "xgboost": {"n_estimators": 5},
    "torch_mlp": {"epochs": 3},
    "cnn": {"epochs": 2, "filters": 2},
    "keras_mlp": {"epochs": 2, "hidden": 8},
}
"""Parameters that keep the contract quick; a builder that is not here gets its defaults."""

LABEL_SETS = (("yes", "no"), ("c", "a", "b"))

PAIRS = [(name, kind) for name in for_task("classification") for kind in SCHEMAS if BUILDERS[name].fits(SCHEMAS[kind])]
"""Every model on every kind of table that it can learn from at all."""

every_builder = pytest.mark.parametrize("name", for_task("classification"))
every_regressor = pytest.mark.parametrize("name", for_task("regression"))
every_pair = pytest.mark.parametrize(("name", "kind"), PAIRS)
every_label_set = pytest.mark.parametrize("labels", LABEL_SETS, ids=len)


def own_schema(name):
    """Columns that a model can learn from."""
    return SCHEMAS["image" if BUILDERS[name].needs else "numbers"]


def cell(column, rng, words):
    if column.kind == "image":
        return rng.integers(0, 17, size=column.shape).tolist()
    if column.name == "empty so far" or rng.random() < 0.15:
        return None
    if column.kind == "timestamp":
        return round(rng.uniform(1.6e9, 1.8e9), 3)
    if column.kind == "number":
        return round(rng.normal(), 3)
    return str(rng.choice(words)) if column.kind == "category" else " ".join(rng.choice(words, size=4))


def frame_of(schema, n, seed, words=("red", "green", "blue", "round", "square")):
    """n random rows as models see them, 15 % of the cells missing, through the canonical encoding."""
    rng = np.random.default_rng(seed)
    rows = [[cell(column, rng, words) for column in schema.columns] for _ in range(n)]
    return intake.decode([intake.encode_one(row, schema) for row in rows], schema)


def training_data(kind, labels, n=60):
    rng = np.random.default_rng(1)
    said = [labels[k] for k in rng.integers(len(labels), size=n)]
    return frame_of(SCHEMAS[kind], n, seed=0), said, rng.uniform(1 / 3, 3, size=n)


@functools.cache
def fitted(name, kind, labels):
    model = BUILDERS[name](SCHEMAS[kind], 3, QUICK.get(name, {}))
    return fit(model, *training_data(kind, labels))


# -- every builder -------------------------------------------------------------------------------------------------


@every_pair
@every_label_set
def test_a_builder_fits_weighted_rows_and_gives_probabilities(name, kind, labels):
    model = fitted(name, kind, labels)
    assert sorted(model.classes_) == sorted(labels)
    proba = aligned_proba(model, frame_of(SCHEMAS[kind], 25, seed=2), labels)
    assert proba.shape == (25, len(labels))
    assert (proba >= 0).all()
    assert proba.sum(axis=1) == pytest.approx(1)
    assert len(np.unique(proba, axis=0)) > 1


@every_pair
def test_values_and_words_never_seen_are_no_obstacle(name, kind):
    strange = frame_of(SCHEMAS[kind], 10, seed=2, words=("never", "seen", "before"))
    strange = strange.assign(**{column: 7.5 for column in strange.columns if column == "empty so far"})
    proba = aligned_proba(fitted(name, kind, LABEL_SETS[0]), strange, LABEL_SETS[0])
    assert np.isfinite(proba).all()
    assert proba.sum(axis=1) == pytest.approx(1)


@every_pair
def test_the_same_seed_gives_the_same_model(name, kind):
    again = BUILDERS[name](SCHEMAS[kind], 3, QUICK.get(name, {}))
    fit(again, *training_data(kind, LABEL_SETS[1]))
    rows = frame_of(SCHEMAS[kind], 25, seed=2)
    assert (again.predict_proba(rows) == fitted(name, kind, LABEL_SETS[1]).predict_proba(rows)).all()


@every_pair
@every_label_set
def test_a_saved_model_is_trusted_and_answers_bit_for_bit_the_same(name, kind, labels, tmp_path):
    model = fitted(name, kind, labels)
    saved = artifacts.save(model, tmp_path, "p")
    path = tmp_path / saved.name / artifacts.MODEL
    assert set(skops.io.get_untrusted_types(file=path)) <= set(artifacts.trusted())
    rows = frame_of(SCHEMAS[kind], 25, seed=2)
    loaded = artifacts.load(tmp_path, saved.name, saved.sha256)
    assert (loaded.predict_proba(rows) == model.predict_proba(rows)).all()
    assert list(loaded.classes_) == list(model.classes_)


@every_builder
def test_the_seed_reaches_the_estimator(name):
    model = BUILDERS[name](own_schema(name), 17, QUICK.get(name, {}))
    assert model.named_steps["model"].random_state == 17


@every_builder
def test_parameters_reach_the_estimator_and_win_over_the_seed(name):
    model = BUILDERS[name](own_schema(name), 17, QUICK.get(name, {}) | {"random_state": 5})
    assert model.named_steps["model"].random_state == 5


# -- numbers instead of classes ------------------------------------------------------------------------------------


LINE = Schema((Column("line", "image", (1, 3)),))


def numbers_data(n, seed, name=""):
    """(n, 3) numbers, as an image of three pixels where a model needs one, and what they add up to, with some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = 5 * x[:, 0] - 3 * x[:, 1] + 100 + rng.normal(scale=0.1, size=n)
    names = intake.feature_names(LINE) if name and BUILDERS[name].needs else ["height", "weight", "empty so far"]
    return pd.DataFrame(x, columns=names), y


NUMBER_QUICK = {
    "hist_gradient_boosting": {"max_iter": 30},
    "random_forest": {"n_estimators": 20},
    "lightgbm": {"n_estimators": 50},
    "own_estimator": {"path": "sklearn.linear_model.Ridge"},
    "keras_mlp": {"epochs": 20},
    "torch_mlp": {"epochs": 20},
    "cnn": {"epochs": 40, "filters": 8},
}


@functools.cache
def fitted_numbers(name, unit=1.0):
    schema = LINE if BUILDERS[name].needs else SCHEMAS["numbers"]
    model = BUILDERS[name](schema, 3, NUMBER_QUICK.get(name, {}), task="regression")
    X, y = numbers_data(400, 0, name)
    with threadpool_limits(1):
        return model.fit(X, unit * y)


@every_regressor
@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_a_regressor_learns_numbers_of_any_size(name, unit):
    model = fitted_numbers(name, unit)
    new, truth = numbers_data(200, 1, name)
    said = model.predict(new) / unit
    assert said.shape == (200,)
    assert np.abs(said - truth).mean() < 0.35 * np.abs(truth - truth.mean()).mean()


@every_regressor
def test_a_saved_regressor_answers_bit_for_bit_the_same(name, tmp_path):
    model = fitted_numbers(name)
    saved = artifacts.save(model, tmp_path, "p")
    rows = numbers_data(30, 1, name)[0]
    assert (artifacts.load(tmp_path, saved.name, saved.sha256).predict(rows) == model.predict(rows)).all()


# -- what is known of a builder ------------------------------------------------------------------------------------


def test_a_task_that_a_model_is_not_made_for_is_refused_with_the_models_that_are():
    with pytest.raises(InvalidSetting, match=r"^Ridge regression is not made for classification: choose .*Logistic"):
        BUILDERS["ridge"](SCHEMAS["numbers"], 0, {})


def absent(monkeypatch):
    gone = replace(BUILDERS["sgd"], name="gone", title="Far Away", package="far_away", framework="Far", extra="far")
    monkeypatch.setitem(BUILDERS._entries, "gone", gone)
    return gone


def test_a_model_whose_package_is_missing_is_offered_last_and_refused_with_the_extra(monkeypatch):
    gone = absent(monkeypatch)
    assert (registry.available("sgd"), registry.available("gone")) == (True, False)
    assert choices("classification")[-1] == "gone"
    with pytest.raises(
        NotInstalled, match=r"^Far Away needs Far, which is not installed here: run `pip install '.\[far\]'`"
    ):
        gone(SCHEMAS["numbers"], 0, {})


def test_models_are_offered_with_scikit_learns_first_and_never_those_that_need_python():
    assert choices("classification")[:2] == ("sgd", "hist_gradient_boosting")
    assert "own_estimator" not in choices("classification")
    assert "logistic_regression" not in choices("regression")


def test_a_title_inside_a_sentence():
    assert (title("random_forest"), spoken("random_forest"), spoken("no_more")) == (
        "Random forest",
        "random forest",
        "no more",
    )


def test_an_unknown_builder_is_refused_with_the_choices():
    with pytest.raises(NotFound, match=r"No model 'nope': choose one of .*logistic_regression.*random_forest"):
        BUILDERS["nope"]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_each_trusted_type_is_needed_by_a_model(tmp_path):
    models = [fitted(name, kind, LABEL_SETS[0]) for name, kind in PAIRS if kind in ("everything", "text")]
    # Two types only occur in estimators that a caller brings: a network keeps its optimizer, nearest neighbours keep
    # the texts, as a sparse matrix when they differ enough.
    frame = frame_of(SCHEMAS["text"], 60, seed=0, words=[f"{n}word{n}" for n in range(300)])
    for params in (
        {"path": "sklearn.neural_network.MLPClassifier", "max_iter": 1},
        {"path": "sklearn.neighbors.KNeighborsClassifier"},
    ):
        own = BUILDERS["own_estimator"](SCHEMAS["text"], 0, params)
        models.append(fit(own, frame, ["a", "b"] * 30, np.ones(60)))
    models += [fitted_numbers(name) for name in for_task("regression")]
    points = frame_of(SCHEMAS["numbers"], 60, seed=0)
    some = np.array([""] * 56 + ["normal", "anomaly"] * 2, dtype=object)
    models += [BUILDERS[name](SCHEMAS["numbers"], 0, {}, "anomaly").fit(points, some) for name in for_task("anomaly")]
    found = set()
    for model in models:
        saved = artifacts.save(model, tmp_path, "p")
        found |= set(skops.io.get_untrusted_types(file=tmp_path / saved.name / artifacts.MODEL))
    # Ours, and what only scores, have tests of their own.
    others = {each for each in artifacts.TRUSTED if each.startswith("feedback_core.")}
    here = {name for task in ("classification", "regression", "anomaly") for name in for_task(task)}
    stated = {*artifacts.TRUSTED, *(each for name in here for each in BUILDERS[name].trusted)}
    assert sorted(found - others) == sorted(stated - others)


def test_image_columns_are_named_as_the_frame_names_them():
    assert pixel_names(IMAGE[1]) == [f"icon_{n:04d}" for n in range(12)]
    assert pixel_names(IMAGE[0]) + pixel_names(IMAGE[1]) == intake.feature_names(SCHEMAS["image"])


def test_a_vocabulary_cut_to_size_is_saved_in_plain_numbers(tmp_path):
    # NumPy positions would cost one file a word inside the model file.
    schema = Schema((Column("text", "text"),))
    frame = frame_of(schema, 200, seed=0, words=[f"word{n}" for n in range(400)])
    model = BUILDERS["hist_gradient_boosting"](schema, 0, {"max_iter": 1})
    fit(model, frame, ["a", "b"] * 100, np.ones(200))
    saved = artifacts.save(model, tmp_path, "p")
    loaded = artifacts.load(tmp_path, saved.name, saved.sha256)
    vocabulary = loaded.named_steps["prepare"].transformers_[0][1].vocabulary_
    assert len(vocabulary) == 300
    assert {type(position) for position in vocabulary.values()} == {int}


# -- estimators a caller brings ------------------------------------------------------------------------------------


def test_recipe_keeps_the_class_and_what_differs_from_its_defaults():
    assert recipe(LogisticRegression(C=0.5, max_iter=100)) == {
        "path": "sklearn.linear_model._logistic.LogisticRegression",
        "C": 0.5,
    }


def test_a_recipe_builds_an_equal_estimator():
    original = LogisticRegression(C=0.5, max_iter=300, random_state=4)
    built = BUILDERS["own_estimator"](SCHEMAS["numbers"], 9, recipe(original))
    assert built.named_steps["model"].get_params() == original.get_params()


class OwnModel(LogisticRegression):
    """A class that lives in this file, not in scikit-learn."""


@pytest.mark.parametrize(
    "path", ["", "os.system", "tests.test_models.OwnModel", "sklearnx.Model", "LogisticRegression"]
)
def test_only_scikit_learns_own_classes_can_be_named(path):
    with pytest.raises(InvalidInput, match=r"is not a scikit-learn class: register a builder"):
        BUILDERS["own_estimator"](SCHEMAS["numbers"], 0, {"path": path})


def test_a_class_of_another_module_has_no_recipe():
    with pytest.raises(InvalidInput, match=r"OwnModel' is not a scikit-learn class"):
        recipe(OwnModel())


def test_an_estimator_without_probabilities_has_no_recipe():
    with pytest.raises(InvalidInput, match=r"^LinearSVC gives no probabilities"):
        recipe(LinearSVC())


# -- model files ---------------------------------------------------------------------------------------------------


def small_model():
    return make_pipeline(LogisticRegression()).fit([[0.0], [1.0]], ["a", "b"])


def unchanged(rows):
    return rows


def content(root):
    return sorted(path.name for path in root.iterdir())


def test_a_model_file_has_a_folder_named_by_its_hash_and_a_manifest(tmp_path):
    saved = artifacts.save(small_model(), tmp_path / "models", "project7")
    body = (tmp_path / "models" / saved.name / "model.skops").read_bytes()
    assert saved.sha256 == hashlib.sha256(body).hexdigest()
    assert saved.name == f"project7-{saved.sha256[:16]}"
    assert saved.size == len(body)
    assert set(saved.environment) == {"python", "scikit-learn", "numpy", "scipy", "pandas", "skops"}
    manifest = orjson.loads((tmp_path / "models" / saved.name / "manifest.json").read_bytes())
    assert manifest == {"sha256": saved.sha256, "size": saved.size, "environment": saved.environment}
    assert content(tmp_path / "models") == [saved.name]


def test_a_changed_byte_is_refused_by_file_name(tmp_path):
    saved = artifacts.save(small_model(), tmp_path, "p")
    path = tmp_path / saved.name / "model.skops"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    with pytest.raises(ArtifactError, match=rf"The model file {saved.name}/model.skops has changed"):
        artifacts.load(tmp_path, saved.name, saved.sha256)


def test_a_missing_file_is_refused_by_file_name(tmp_path):
    saved = artifacts.save(small_model(), tmp_path, "p")
    (tmp_path / saved.name / "model.skops").unlink()
    with pytest.raises(ArtifactError, match=rf"The model file {saved.name}/model.skops is missing"):
        artifacts.load(tmp_path, saved.name, saved.sha256)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (make_pipeline(FunctionTransformer(unchanged), LogisticRegression()), "tests.test_models.unchanged"),
        (make_pipeline(FunctionTransformer(os.getcwd), LogisticRegression()), "posix.getcwd"),
        (OwnModel(), "tests.test_models.OwnModel"),
    ],
    ids=["own function", "function of the system", "own class"],
)
def test_a_model_with_foreign_code_is_refused_when_it_is_saved(model, named, tmp_path):
    with pytest.raises(ArtifactError, match=rf"types that cannot be loaded safely \({named}\): use a built-in model"):
        artifacts.save(model, tmp_path, "p")
    assert content(tmp_path) == []


def test_a_model_with_foreign_code_is_refused_when_it_is_loaded(tmp_path):
    (tmp_path / "p").mkdir()
    skops.io.dump(OwnModel(), tmp_path / "p" / "model.skops")
    digest = hashlib.sha256((tmp_path / "p" / "model.skops").read_bytes()).hexdigest()
    with pytest.raises(ArtifactError, match=r"types that cannot be loaded safely \(tests.test_models.OwnModel\)"):
        artifacts.load(tmp_path, "p", digest)


def test_what_cannot_be_written_at_all_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError, match="generator"):
        artifacts.save((n for n in range(3)), tmp_path, "p")
    assert content(tmp_path) == []


class Intruder:
    """Creates a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_a_pickle_under_the_name_of_a_model_runs_no_code(tmp_path):
    trace = str(tmp_path / "code ran")
    body = pickle.dumps(Intruder(trace))
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "model.skops").write_bytes(body)
    with pytest.raises(ArtifactError, match=r"^p/model.skops is not a model file"):
        artifacts.load(tmp_path, "p", hashlib.sha256(body).hexdigest())
    assert content(tmp_path) == ["p"]
    pickle.loads(body)
    assert content(tmp_path) == ["code ran", "p"]


def test_a_killed_process_that_nobody_has_buried_saves_nothing_any_more(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as dead:
        (tmp_path / f".saving-{dead.pid}-x").mkdir()
        assert artifacts.sweep(tmp_path, time.time()) == 0
        dead.kill()
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        assert artifacts.sweep(tmp_path, time.time()) == 1


# -- files of a framework beside model.skops -----------------------------------------------------------------------


class Average(ClassifierMixin, BaseEstimator):
    """Says the share of each class for every row; its numbers are in a file of its own."""

    packages = ("pytest",)
    native_ = None

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.native_ = {"counts": counts.tolist()}
        return self

    def predict_proba(self, X):
        shares = np.asarray(self.native_["counts"]) / sum(self.native_["counts"])
        return np.tile(shares, (len(X), 1))

    def write_native(self, folder):
        (folder / "counts.json").write_bytes(orjson.dumps(self.native_))

    def read_native(self, folder):
        self.native_ = orjson.loads((folder / "counts.json").read_bytes())


@pytest.fixture
def average(tmp_path, monkeypatch):
    """A saved pipeline whose last step has a file of its own, and where."""
    own = replace(BUILDERS["sgd"], trusted=("tests.test_models.Average",))
    monkeypatch.setitem(BUILDERS._entries, "average", own)
    model = Pipeline([("prepare", StandardScaler()), ("model", Average())]).fit([[0.0], [1.0], [2.0]], ["a", "b", "b"])
    return model, artifacts.save(model, tmp_path, "p")


def test_a_framework_writes_its_own_file_and_reads_it_back(average, tmp_path):
    model, saved = average
    assert content(tmp_path / saved.name) == ["counts.json", "manifest.json", "model.skops"]
    assert model.named_steps["model"].native_ == {"counts": [1, 2]}, "saving leaves the model as it is"
    loaded = artifacts.load(tmp_path, saved.name, saved.sha256)
    assert loaded.predict_proba([[5.0]]).tolist() == [[1 / 3, 2 / 3]]
    assert saved.environment["pytest"] == pytest.__version__
    assert artifacts.looks_intact(tmp_path, saved.name, saved.size)


def test_the_hash_of_several_files_is_what_sha256sum_prints(average, tmp_path):
    _, saved = average
    lines = "".join(
        f"{hashlib.sha256((tmp_path / saved.name / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("counts.json", "model.skops")
    )
    assert saved.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    model_folder.zipped(tmp_path / saved.name, tmp_path / "all.zip")
    assert _sha256_of_members((tmp_path / "all.zip").read_bytes()) == saved.sha256
    assert _sha256_of_members(b"no archive") == ""


@pytest.mark.parametrize("change", ["changed", "missing", "added"])
def test_no_framework_reads_a_file_before_all_hashes_agree(average, tmp_path, monkeypatch, change):
    _, saved = average
    monkeypatch.setattr(Average, "read_native", lambda self, folder: pytest.fail("read"))
    own = tmp_path / saved.name / "counts.json"
    if change == "changed":
        own.write_bytes(own.read_bytes().replace(b"1", b"9"))
    elif change == "missing":
        own.unlink()
    else:
        (tmp_path / saved.name / "more.json").write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=rf"The model file {saved.name}/model.skops.* has changed \(SHA-256"):
        artifacts.load(tmp_path, saved.name, saved.sha256)
    assert artifacts.looks_intact(tmp_path, saved.name, saved.size) == (change == "changed")


def test_a_model_of_a_framework_that_is_gone_is_an_artifact_that_cannot_be_loaded(average, tmp_path, monkeypatch):
    def gone(self, folder):
        raise NotInstalled("Far Away needs Far.")

    _, saved = average
    monkeypatch.setattr(Average, "read_native", gone)
    with pytest.raises(ArtifactError, match=rf"^The model in {saved.name} cannot be loaded. Far Away needs Far."):
        artifacts.load(tmp_path, saved.name, saved.sha256)


# -- files that would run a program --------------------------------------------------------------------------------


def joblib_file(path, compress):
    joblib.dump({"any": "thing"}, path, compress=compress)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["model.PKL", "model.joblib", "net.pt", "net.pth", "old.h5", "a/b/model.pickle"])
def test_a_file_that_may_run_a_program_is_refused_by_its_name(name):
    with pytest.raises(InvalidFile, match=r"can (run any program|hold code).* send that file.* Nothing was opened"):
        refuse_unsafe(name, b"")


@pytest.mark.parametrize("compress", [0, "zlib", "bz2", "xz", "lzma", "gzip"])
def test_a_pickle_under_another_name_is_refused_by_what_it_holds(tmp_path, compress):
    body = joblib_file(tmp_path / "any", compress)
    with pytest.raises(InvalidFile, match=r"^'model.skops' is a pickle, .*skops.io.dump"):
        refuse_unsafe("model.skops", body)
    for protocol in (2, 3, 4, 5):
        with pytest.raises(InvalidFile, match="is a pickle"):
            refuse_unsafe("model.onnx", pickle.dumps([1], protocol))


def test_a_model_file_that_runs_nothing_passes(tmp_path):
    saved = artifacts.save(small_model(), tmp_path, "p")
    refuse_unsafe("model.skops", (tmp_path / saved.name / "model.skops").read_bytes())
    refuse_unsafe("model.txt", b"tree\nversion=v4\n")
    refuse_unsafe("model.json", b'{"learner":{}}')


def test_sweep_removes_half_written_folders_and_keeps_models(tmp_path):
    saved = artifacts.save(small_model(), tmp_path, "p")
    for owner in (os.getpid(), 2**22 + 1):  # beyond the largest process id Linux gives
        (tmp_path / f".saving-{owner}-x").mkdir()
        (tmp_path / f".saving-{owner}-x" / "model.skops").write_bytes(b"half")
    assert artifacts.sweep(tmp_path, time.time()) == 1
    assert content(tmp_path) == [f".saving-{os.getpid()}-x", saved.name]
    assert artifacts.sweep(tmp_path, time.time() + 3_601) == 1
    assert content(tmp_path) == [saved.name]
    assert artifacts.load(tmp_path, saved.name, saved.sha256).predict([[0.0]]) == ["a"]
    assert artifacts.sweep(tmp_path / "not there", 0) == 0
