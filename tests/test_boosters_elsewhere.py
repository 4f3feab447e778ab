"""Trees that LightGBM and XGBoost have grown elsewhere: from their own files or from Python, opened in a process of
their own."""

from __future__ import annotations

import json
import os

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from scipy.sparse import csr_matrix
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from feedback_core import brought, intake, outside
from feedback_core.confined import Confined
from feedback_core.errors import ArtifactError, InvalidFile, InvalidInput, Refused
from feedback_core.loop import Loop, create_project
from feedback_core.models import artifacts
from feedback_core.models.booster_reading import trees_of
from feedback_core.models.booster_scoring import BoosterRegressor
from feedback_core.models.imported import over_columns
from feedback_core.outside import Said, asking, saying
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Column, Rows, Schema
from feedback_core.webhooks import Reach
from tests.conftest import TWO_NUMBERS
from tests.test_bringing import lines, run
from tests.test_outside import points, work
from tests.test_pages import press, texts

AB = ("a", "b")
NAMED = Schema((Column("petal length", "number"), Column("width", "number")))
X = np.random.default_rng(0).normal(size=(200, 2))
Y = (X.sum(axis=1) > 0).astype(int)


def grown(library: str, target=Y, names=None, **params):
    """A fitted estimator of the library; on a frame where the columns are named."""
    numbers = np.asarray(target).dtype.kind == "f"
    rows = X if names is None else pd.DataFrame(X, columns=names)
    if library == "lightgbm":
        kind = lightgbm.LGBMRegressor if numbers else lightgbm.LGBMClassifier
        return kind(n_estimators=5, verbose=-1, n_jobs=1, **params).fit(rows, target)
    kind = xgboost.XGBRegressor if numbers else xgboost.XGBClassifier
    return kind(n_estimators=5, n_jobs=1, **params).fit(rows, target)


def file_of(model) -> tuple[bytes, str]:
    """Its own file, and a name for it."""
    trees = trees_of(model)
    return trees.data, {"lightgbm": "trees.txt", "xgboost": "trees.ubj"}[trees.library]


def test_a_file_of_trees_serves_and_says_what_it_said_there(loop: Loop, tmp_path) -> None:
    there, (pool, _) = grown("xgboost", names=["x1", "x0"]), points(loop, "pool")
    there.save_model(tmp_path / "trees.json")
    done = run(loop.store.url, "import-model", str(tmp_path / "trees.json"), "--labels", "0=a, 1=b", "--by", "ana")
    assert done.exit_code == 0, done.output
    version = loop.store.versions.champion(loop.project.id)
    assert (version.number, version.estimator) == (1, "imported")
    assert version.params == {"model": "XGBoost", "source": "trees.json"}
    assert "xgboost" in version.environment
    said = loop.store.predictions.proba_of(version.id, loop.store.items.open_ids(loop.project.id))[1]
    frame = pd.DataFrame(pool[:, ::-1], columns=["x1", "x0"])  # in the model's own order
    assert said == pytest.approx(there.predict_proba(frame), abs=1e-6)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_what_a_file_gives_is_what_its_own_library_gives(library: str) -> None:
    frame, three = pd.DataFrame(X, columns=["x0", "x1"]), np.digitize(X[:, 0], [-0.5, 0.5])
    classes = over_columns(grown(library, three), TWO_NUMBERS, ("u", "v", "w"), {0: "w", 1: "v", 2: "u"})
    assert classes.classes_.tolist() == ["w", "v", "u"]
    assert classes.predict_proba(frame) == pytest.approx(grown(library, three).predict_proba(X), abs=1e-6)
    numbers = over_columns(grown(library, X[:, 0] * 3), TWO_NUMBERS, (), None, "regression")
    assert numbers.predict(frame) == pytest.approx(grown(library, X[:, 0] * 3).predict(X), abs=1e-6)


def test_training_that_was_stopped_early_counts_as_its_own_classifier_counts_it() -> None:
    stopped = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=2, n_jobs=1)
    stopped.fit(X[:100], Y[:100], eval_set=[(X[100:], Y[100:])], verbose=False)
    assert stopped.best_iteration < 50
    ours = over_columns(stopped, TWO_NUMBERS, AB, {0: "a", 1: "b"})
    assert ours.predict_proba(pd.DataFrame(X, columns=["x0", "x1"])) == pytest.approx(stopped.predict_proba(X))


def test_trees_at_the_end_of_a_pipeline_keep_their_steps_and_survive_their_file(tmp_path) -> None:
    rows = pd.DataFrame(X * 100, columns=["petal length", "width"])
    there = make_pipeline(StandardScaler(), grown("lightgbm")).fit(rows, Y)
    ours = over_columns(there, NAMED, AB, {0: "a", 1: "b"})
    artifact = artifacts.save(ours, tmp_path, "p")
    assert artifact.environment["lightgbm"]
    again = artifacts.load(tmp_path, artifact.name, artifact.sha256)
    assert again.predict_proba(rows) == pytest.approx(there.predict_proba(rows), abs=1e-6)
    assert not list((tmp_path / artifact.name).glob("*.pkl"))


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_trees_over_sparse_rows_say_what_they_said_there(library: str) -> None:
    rows = pd.DataFrame({"city": np.random.default_rng(1).choice(list("uvwxyz"), 200)})
    target = rows["city"].isin(["u", "w"]).astype(int).to_numpy()
    kind = lightgbm.LGBMClassifier if library == "lightgbm" else xgboost.XGBClassifier
    there = make_pipeline(OneHotEncoder(), kind(n_estimators=5, n_jobs=1)).fit(rows, target)
    ours = over_columns(there, Schema((Column("city", "category"),)), AB, {0: "a", 1: "b"})
    assert ours.predict_proba(rows) == pytest.approx(there.predict_proba(rows), abs=1e-6)


def test_wide_rows_go_a_few_at_a_time(monkeypatch) -> None:
    asked = []

    def ask(_self, _head, arrays):
        asked.append(arrays["rows"].shape)
        return arrays["rows"][:, 0]

    monkeypatch.setattr(Confined, "ask", ask)
    wide = csr_matrix(([7.0], ([600], [0])), shape=(1_000, 20_000))
    assert np.flatnonzero(BoosterRegressor("lightgbm").predict(wide)).tolist() == [600]
    assert asked == [(419, 20_000), (419, 20_000), (162, 20_000)]  # 64 MB each


def test_a_process_that_closed_its_ears_is_told_by_how_it_ended() -> None:
    held = Confined("xgboost", small("xgboost"))
    held.about()
    held._process.kill()
    os.waitid(os.P_PID, held._process.pid, os.WEXITED | os.WNOWAIT)
    held._process.poll = lambda: None  # it dies while it is asked
    with pytest.raises(ArtifactError, match=r"^crashed the process that opened it \(SIGKILL\)"):
        held.ask({}, {"rows": X})


def test_trees_that_take_a_number_for_a_missing_value_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^XGBClassifier takes 0 for a missing value"):
        over_columns(grown("xgboost", missing=0.0), TWO_NUMBERS, AB, {0: "a", 1: "b"})


def test_names_are_matched_as_lightgbm_writes_them_and_differences_are_named() -> None:
    ours = over_columns(grown("lightgbm", names=["width", "petal length"]), NAMED, AB, {0: "a", 1: "b"})
    assert list(ours.named_steps["prepare"].names) == ["width", "petal length"]
    words = (
        r"^The model was trained on 'age', 'size', which this project does not have; it has 'petal length', 'width', "
        "which the model does not know"
    )
    with pytest.raises(InvalidInput, match=words):
        over_columns(grown("xgboost", names=["age", "size"]), NAMED, AB, {0: "a", 1: "b"})


def small(library: str, **params) -> bytes:
    return file_of(grown(library, **params))[0]


def untaken() -> list[tuple[str, bytes, type, str]]:
    """Files that do not fit, what is raised, and in which words."""
    trees, boosted = small("lightgbm"), small("xgboost")
    dumped = json.dumps(lightgbm.Booster(model_str=trees.decode()).dump_model()).encode()
    rank = trees.replace(b"objective=binary sigmoid:1", b"objective=lambdarank")
    frame = pd.DataFrame({"x0": X[:, 0], "x1": pd.Categorical(np.where(X[:, 1] > 0, "u", "v"))})
    by_text = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(frame, Y).booster_.model_to_string().encode()
    return [
        ("m.txt", trees, InvalidInput, "^The model says '0', '1', and this project's labels are 'a', 'b': .* 0=a"),
        ("m.txt", b"hello", InvalidFile, r"^m\.txt is no text file of LightGBM"),
        ("m.txt", trees[:700], InvalidFile, r"^m\.txt (cannot be read as LightGBM|crashed the process)"),
        ("m.txt", rank, InvalidFile, r"^m\.txt was trained for 'lambdarank', which gives neither probabilities nor"),
        ("m.txt", by_text, InvalidFile, r"^m\.txt takes categories as texts"),
        ("m.json", dumped, InvalidFile, r"^m\.json is what LightGBM's dump_model writes.*save_model\('model\.txt'\)"),
        ("m.json", b'{"learner": 1}', InvalidFile, r"^m\.json "),
        ("m.ubj", boosted[:300], InvalidFile, r"^m\.ubj cannot be read as a file of XGBoost"),
        ("m.ubj", small("xgboost", target=X[:, 0]), InvalidInput, r"^m\.ubj gives a number a row, and this project"),
    ]


def test_a_file_that_does_not_fit_is_refused_by_name_and_leaves_nothing(loop: Loop) -> None:
    for name, data, kind, words in untaken():
        with pytest.raises(kind, match=words):
            outside.import_file(loop.store, loop.project, data, name, "ana", 0.0)
    assert loop.store.versions.all(loop.project.id) == []


def test_a_parser_that_crashes_takes_nobody_along_and_is_told() -> None:
    # XGBoost 3.2 aborts on this, and would have ended the server.
    with pytest.raises(
        ArtifactError, match=r"^crashed the process that opened it \(SIG[A-Z]+\): it is damaged, or needs"
    ):
        Confined("xgboost", b"").about()


def test_a_walk_through_damaged_trees_that_never_ends_is_broken_off(monkeypatch) -> None:
    from feedback_core.confined import process

    text = small("lightgbm").decode()
    line = next(each for each in text.splitlines() if each.startswith("left_child="))
    # Every inner node leads back to the first one, whichever way.
    around = "=".join(("left_child", " ".join("0" for _ in line.partition("=")[2].split())))
    right = next(each for each in text.splitlines() if each.startswith("right_child="))
    damaged = text.replace(line, around).replace(right, around.replace("left", "right"))
    monkeypatch.setattr(process, "RUN_S", 0.3)
    held = Confined("lightgbm", damaged.encode())
    with pytest.raises(ArtifactError, match=r"^(was not done within 0\.3 s|crashed the process)"):
        held.ask({}, {"rows": X})


# -- numbers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def prices(store: Store) -> Loop:
    """A project about numbers: twice the first value plus the second, some rows open."""
    settings = Settings(estimator="ridge", weights={"width": 1.0}, holdout_share=0.5, tolerance=0.5)
    project = create_project(store, "prices", TWO_NUMBERS, (), settings, actor="test", salt=1, task="regression")
    loop = Loop(store, project)
    inputs = [intake.encode_one(row, TWO_NUMBERS) for row in X.round(4).tolist()]
    truth = [intake.number_text(round(float(2 * a + b), 4)) if n % 4 else None for n, (a, b) in enumerate(X)]
    loop.add_items(Rows(inputs, [None] * len(inputs), truth), "test")
    return loop


def test_a_regressor_from_elsewhere_serves_numbers_and_is_judged(prices: Loop) -> None:
    y = 2 * X[:, 0] + X[:, 1]
    forest = RandomForestRegressor(20, random_state=0).fit(X, y)
    data = skops.io.dumps(forest)
    found = brought.model(prices, data, "forest.skops", "ana")
    assert work(prices) == ["judge: done", "predict: done"]
    items = [item for chunk in prices.store.items.export(prices.project.id) for item in chunk if item.split == "pool"]
    said = forest.predict(np.asarray([item.values for item in items]))
    assert [float(item.predicted) for item in items] == pytest.approx(said, rel=1e-5)
    spreads = prices.store.predictions.proba_of(found.version.id, [item.id for item in items])[1][:, 1]
    assert spreads.min() > 0  # its trees say how unsure it is
    better = brought.model(prices, *file_of(grown("lightgbm", y, min_child_samples=5)), "ana")
    assert work(prices) == ["judge: done"]
    report = prices.store.versions.report_on(better.version.id)
    assert report.finding in ("worse", "worse within noise", "not measurably different")


def test_what_is_not_about_numbers_is_refused_there(prices: Loop, store: Store) -> None:
    with pytest.raises(InvalidInput, match=r"^trees\.txt tells 2 classes apart, and this project is about numbers"):
        outside.import_file(store, prices.project, *file_of(grown("lightgbm")), "ana", 0.0)
    with pytest.raises(InvalidInput, match=r"^Ridge is not fitted"):
        prices.import_model(Ridge(), "ana")
    groups = create_project(store, "groups", TWO_NUMBERS, (), actor="test", task="clustering")
    with pytest.raises(Refused, match="groups is about clustering"):
        Loop(store, groups).import_model(Ridge().fit(X, Y), "ana")


def said_of(loop: Loop, wrong: float = 0.0, **more) -> list[Said]:
    """What somebody says who knows the rule, off by so much."""
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk]
    return [Said(i.key, None, None, value=2 * i.values[0] + i.values[1] + wrong, **more) for i in items]


def test_predicted_numbers_alone_lead_to_a_queue_and_a_verdict(prices: Loop) -> None:
    first = brought.predictions(prices, said_of(prices, 2.0, spread=0.5), "rule-1", "ana")
    assert (first.taken.bare, first.taken.locked.covered) == (0, first.taken.locked.all)
    assert work(prices) == ["judge: done", "predict: done"]
    ids = prices.store.items.open_ids(prices.project.id)
    stored = prices.store.predictions.proba_of(first.version.id, ids)[1]
    truth = [2 * item.values[0] + item.values[1] for item in prices.store.items.many(ids, prices.project.id)]
    assert stored[:, 0] == pytest.approx(np.asarray(truth) + 2.0, abs=1e-5)
    assert stored[:, 1] == pytest.approx(0.5)
    champion = prices.store.versions.champion(prices.project.id)
    assert champion.metrics["holdout"]["error"]["value"] == pytest.approx(2.0, abs=1e-3)
    second = brought.predictions(prices, said_of(prices), "rule-2", "ana")
    assert "came without a spread, and so do not order the queue." in " ".join(second.says)
    assert work(prices) == ["judge: done"]
    report = prices.store.versions.report_on(second.version.id)
    assert (report.finding, report.action) == ("better", "promote")


def test_a_number_comes_as_value_or_label_and_nonsense_is_refused_by_place() -> None:
    lines = b'{"item": 1, "value": 2.5, "spread": 0.25}\n{"item": 2, "label": "-3"}\n'
    numbers, bare = saying.values_of(saying.from_lines(lines)[0])
    assert (numbers.tolist(), bare.tolist()) == ([[2.5, 0.25], [-3.0, 0.0]], [False, True])
    for line, words in (
        (b'{"item": 1, "label": "cheap"}', "line 1: the value is 'cheap': send a number"),
        (b'{"item": 1}', "line 1: value is missing: send the number that is predicted"),
        (b'{"item": 1, "value": 1e300}', r"line 1: value=1e\+300, spread=None: send a finite number"),
        (b'{"item": 1, "value": 1, "spread": -1}', r"line 1: value=1\.0, spread=-1\.0: send a finite number"),
    ):
        with pytest.raises(InvalidInput, match=words):
            saying.values_of(saying.from_lines(line)[0])


def test_a_model_on_another_server_is_asked_for_numbers(prices: Loop, monkeypatch) -> None:
    def answer(_line, body):
        told = [{"id": row["id"], "value": sum(row["values"].values()), "spread": 0.5} for row in body["rows"]]
        return 200, {"predictions": told}

    monkeypatch.setattr(asking, "exchange", answer)
    line = asking.Line("https://models.example.org", "whsec_", 1.0, 2, Reach(private=True))
    inputs = [intake.encode_one(row, TWO_NUMBERS) for row in ([1.0, 2.0], [3.0, 4.0], [1.0, 2.0])]
    said = asking.predictions(line, prices.project, "v1", inputs)
    assert said.tolist() == [[3.0, 0.5], [7.0, 0.5], [3.0, 0.5]]


def test_an_onnx_regressor_serves_numbers_and_a_classifier_is_refused_there(prices: Loop) -> None:
    there = Ridge(alpha=1e-6).fit(X.astype(np.float32), 2 * X[:, 0] + X[:, 1])
    data = to_onnx(there, X[:1].astype(np.float32)).SerializeToString()
    found = brought.model(prices, data, "ridge.onnx", "ana")
    assert work(prices) == ["judge: done", "predict: done"]
    again = Loop(prices.store, prices.project)
    assert again.model(found.version).predict(pd.DataFrame([[1.0, 1.0]], columns=["x0", "x1"])) == pytest.approx(
        [3.0], abs=1e-2
    )
    classes = LogisticRegression().fit(X.astype(np.float32), Y)
    data = to_onnx(classes, X[:1].astype(np.float32)).SerializeToString()
    with pytest.raises(InvalidInput, match=r"^The model gives no single number a row"):
        outside.import_file(prices.store, prices.project, data, "m.onnx", "ana", 0.0)


# -- the page ------------------------------------------------------------------------------------------------------


def test_the_page_takes_a_file_of_trees(page, loop: Loop) -> None:
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.file_uploader(key=f"bring-file-{loop.project.id}").upload("trees.txt", small("lightgbm")).run()
    press(app, "Import and judge")
    assert "say which is which, such as 0=a" in texts(app)
    app.text_input(key=f"bring-labels-{loop.project.id}").set_value("0=a, 1=b").run()
    press(app, "Import and judge")
    assert work(loop) == ["judge: done", "predict: done"]
    assert "a file: LightGBM from trees.txt" in texts(page("retrain")).replace("\\", "")


def test_a_large_file_of_predictions_goes_to_the_worker_and_what_became_of_it_is_told(page, loop, monkeypatch) -> None:
    page("setup")  # imports the page
    monkeypatch.setattr("pages._setup.predictions.AT_ONCE", 1_000)
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.button_group(key=f"bring-way-{loop.project.id}").set_value("Its predictions").run()
    app.file_uploader(key=f"bring-said-{loop.project.id}").upload("said.jsonl", lines(loop)).run()
    assert "A large file: the worker reads it" in texts(app)
    next(box for box in app.text_input if box.label.startswith("Name of the version")).set_value("llm-1").run()
    press(app, "Import and judge")
    assert loop.store.versions.all(loop.project.id) == []
    assert work(loop) == ["import predictions: done", "judge: done", "predict: done"]
    app = page("setup")
    app.button_group(key="section").set_value("Bring a model").run()
    app.button_group(key=f"bring-way-{loop.project.id}").set_value("Its predictions").run()
    told = texts(app).replace("\\", "")
    assert "The last large file, " in told
    assert "300 predictions of version 1 (llm-1) stored." in told
