"""Explanations: they sum to the model's output, are exact where they say so, and name what moves the prediction."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from feedback_core import brought, explain, influence, intake, movement
from feedback_core.errors import NotFound, Refused
from feedback_core.explain import Effect, Explainer, Explanation
from feedback_core.explain.mixtures import of_frames, of_numbers
from feedback_core.explain.owners import owners
from feedback_core.explain.permutations import shapley
from feedback_core.explain.tree_shapley import TreeShapley
from feedback_core.explain.trees import trees_of
from feedback_core.explaining import explained, reasons
from feedback_core.intake import encode_one
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS
from feedback_core.training import fit
from feedback_core.types import Column, Decision, ItemFilter, Rows, Schema
from feedback_core.worker import run_next
from pages._shared import plain
from tests.conftest import make_loop, rows
from tests.test_models import QUICK, SCHEMAS, frame_of

LABELS = ("ant", "bee", "cat")


def enumerated(players, value):
    """Shapley values by their definition, from the value of every set of players."""
    found = np.zeros(players)
    for j in range(players):
        others = [p for p in range(players) if p != j]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for some in combinations(others, size):
                found[j] += weight * (value({*some, j}) - value(set(some)))
    return found


def expectation(trees, node, row, known, owner, k):
    """What one tree says when only some players are known, by walking down it."""
    if trees.feature[node] < 0:
        return trees.value[node, k]
    left, right = trees.left[node], trees.right[node]
    if owner[trees.feature[node]] in known:
        below = left if np.float32(row[trees.feature[node]]) <= trees.threshold[node] else right
        return expectation(trees, below, row, known, owner, k)
    share = trees.cover[left] / trees.cover[node]
    return share * expectation(trees, left, row, known, owner, k) + (1 - share) * expectation(
        trees, right, row, known, owner, k
    )


def data(n=150, d=6, k=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).round(2)
    return X, np.asarray(LABELS[:k])[np.argmax(X[:, :k] + 0.5 * rng.normal(size=(n, k)), axis=1)]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(4, max_depth=5, random_state=0),
        ExtraTreesClassifier(3, max_depth=4, random_state=0),
        DecisionTreeClassifier(max_depth=6, random_state=0),
        HistGradientBoostingClassifier(max_iter=4, max_depth=4, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_values_of_trees_are_those_of_the_definition(model, k):
    X, y = data(k=k)
    model.fit(X, y)
    trees, owner = trees_of(model), np.array([0, 0, 1, 2, 3, 3])  # columns made of two numbers, of one
    roots = sorted(set(range(len(trees.feature))) - set(trees.left) - set(trees.right))
    for row, label in ((X[3], 0), (X[70], k - 1)):
        found = TreeShapley(trees, label, owner, 4)

        def value(known, row=row, label=label):
            return sum(expectation(trees, root, row, known, owner, label) for root in roots) + trees.offset[label]

        assert found.of(row) == pytest.approx(enumerated(4, value), abs=1e-12)
        assert found.base == pytest.approx(value(set()), abs=1e-12)


def test_a_forest_of_nothing_but_roots_says_what_it_always_says():
    X, y = data(k=2)
    model = RandomForestClassifier(3, min_samples_leaf=200, random_state=0).fit(X, y)
    found = TreeShapley(trees_of(model), 1, np.arange(6), 6)
    assert found.of(X[0]).tolist() == [0] * 6
    assert found.base == pytest.approx(model.predict_proba(X[:1])[0, 1])


def test_boosted_trees_with_one_output_each_are_not_read_as_a_forest():
    from sklearn.ensemble import GradientBoostingClassifier

    X, y = data(k=2)
    assert trees_of(GradientBoostingClassifier(n_estimators=2).fit(X, y)) is None


# -- permutations --------------------------------------------------------------------------------------------------


@given(st.integers(1, 7), st.integers(0, 5), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_sampled_shares_always_sum_to_the_output_minus_the_base(players, seed, backgrounds):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(backgrounds, 2**players))
    found = shapley(players, lambda own, at: table[at, own @ (1 << np.arange(players))], rng, backgrounds=backgrounds)
    assert found.values.sum() == pytest.approx(found.output - found.base)
    assert found.output == pytest.approx(table[np.arange(25) % backgrounds, -1].mean())


def test_sampled_shares_of_a_sum_are_exact_and_those_of_a_product_are_shared():
    rng = np.random.default_rng(0)
    summed = shapley(3, lambda own, _: own @ np.array([1.0, -2.0, 0.0]), rng, backgrounds=1)
    assert summed.values == pytest.approx([1, -2, 0])
    assert summed.samples == 25 * 2 * 4
    both = shapley(2, lambda own, _: own.all(axis=1).astype(float), rng, backgrounds=1)
    assert both.values == pytest.approx([0.5, 0.5])


def test_mixtures_take_whole_columns_from_either_row():
    own = np.array([[True, False], [False, True]])
    row, others, source = np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 0.0, 5.0], [7.0, 0.0, 9.0]]), np.array([0, 1])
    owner = np.array([0, 0, 1])
    wanted = [[1, 2, 5], [7, 0, 3]]
    from scipy.sparse import csr_matrix

    assert of_numbers(row, others, owner)(own, source).tolist() == wanted
    assert of_numbers(csr_matrix(row), csr_matrix(others), owner)(own, source).toarray().tolist() == wanted
    frames = [pd.DataFrame({"a": [n], "b": [word]}) for n, word in ((1.0, "x"), (2.0, "y"))]
    mixed = of_frames(frames[0], frames[1], np.array([0, 1]))(own, np.array([0, 0]))
    assert mixed.to_numpy().tolist() == [[1.0, "y"], [2.0, "x"]]


# -- every model on every kind of column ---------------------------------------------------------------------------


def output_of(model, row, found):
    k = [str(each) for each in model.classes_].index(found.label)
    if found.unit == "probability":
        return model.predict_proba(row)[0, k]
    score = np.atleast_2d(model.decision_function(row))
    return np.column_stack([-score[0], score[0]])[0, k] if score.size == 1 else score[0, k]


@pytest.mark.parametrize("kind", [kind for kind in SCHEMAS if kind != "300 numbers"])
@pytest.mark.parametrize("name", ["logistic_regression", "random_forest", "hist_gradient_boosting", "knn"])
def test_base_and_effects_sum_to_what_the_model_says(name, kind):
    asked = {"path": "sklearn.neighbors.KNeighborsClassifier"}
    builder, params = ("own_estimator", asked) if name == "knn" else (name, QUICK.get(name, {}))
    rng = np.random.default_rng(1)
    frame = frame_of(SCHEMAS[kind], 60, seed=0)
    said = [LABELS[k] for k in rng.integers(3, size=60)]
    model = fit(BUILDERS[builder](SCHEMAS[kind], 3, params), frame, said, np.ones(60))
    explainer = Explainer(model, SCHEMAS[kind], LABELS, frame.iloc[:40], 0, BUILDERS[builder].explain)
    row = frame.iloc[[50]]
    found = explainer.explain(row, str(model.predict(row)[0]))
    assert [effect.column for effect in found.effects] == list(SCHEMAS[kind].names)
    assert found.base + sum(effect.amount for effect in found.effects) == pytest.approx(found.output)
    assert found.output == pytest.approx(output_of(model, row, found))
    assert found.exact == (name != "knn")
    assert [detail.column for detail in found.details] == [
        column.name for column in SCHEMAS[kind].columns if column.kind in ("text", "image")
    ]
    for detail in found.details:
        assert detail.heat or detail.words or not row[detail.column].iloc[0]
    assert explainer.explain(row, found.label) == found  # the same row, the same answer


@pytest.mark.parametrize("kind", ["mixed", "everything"])
@pytest.mark.parametrize("name", ["logistic_regression", "hist_gradient_boosting"])
def test_every_number_a_model_sees_has_the_column_it_was_made_from(name, kind):
    """Changing one column of a row changes the prepared numbers that it owns, and no others."""
    frame = frame_of(SCHEMAS[kind], 60, seed=0)
    prepare = BUILDERS[name](SCHEMAS[kind], 3, {}).named_steps["prepare"].fit(frame)
    dense = lambda rows: np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)  # noqa: E731
    before = dense(prepare.transform(frame))
    owner = owners(prepare, SCHEMAS[kind], before.shape[1])
    for n, column in enumerate(SCHEMAS[kind].columns):
        own = [name for name in frame.columns if name == column.name or name.startswith(column.name + "_")]
        mixed = frame.copy()
        mixed[own] = frame[own].to_numpy()[::-1]
        changed = np.flatnonzero((dense(prepare.transform(mixed)) != before).any(axis=0))
        assert set(owner[changed]) <= {n}
        assert len(changed) or column.name == "empty so far"


def words_model(name, params=None):
    """Texts in which one word decides: tea or coffee."""
    rng = np.random.default_rng(0)
    filler = ("please", "quickly", "today", "some", "more", "again")
    said = [("tea", "coffee")[n] for n in rng.integers(2, size=120)]
    texts = [" ".join(rng.permutation([*rng.choice(filler, 4), word])) for word in said]
    schema = Schema((Column("order", "text"),))
    frame = pd.DataFrame({"order": np.array(texts, object)})
    model = fit(BUILDERS[name](schema, 0, params or {}), frame, said, np.ones(120))
    return schema, frame, Explainer(model, schema, ("coffee", "tea"), frame, 0, BUILDERS[name].explain)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("logistic_regression", {}),
        ("random_forest", {"n_estimators": 10}),
        ("own_estimator", {"path": "sklearn.neighbors.KNeighborsClassifier"}),
    ],
)
def test_the_word_that_decides_is_the_one_that_is_marked(name, params):
    schema, _, explainer = words_model(name, params)
    text = "today some tea please"
    found = explainer.explain(pd.DataFrame({"order": [text]}), "tea")
    (detail,) = found.details
    strongest = max(detail.words, key=lambda piece: piece.amount)
    assert text[strongest.start : strongest.end] == "tea"
    assert explain.sentence(found, schema, [text]).startswith("“tea”")
    if found.exact:
        total = sum(piece.amount for piece in detail.words) + detail.rest
        assert total == pytest.approx(found.effects[0].amount)


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest", "knn"])
def test_the_corner_of_a_picture_that_decides_is_the_one_that_is_marked(name):
    schema, rng = Schema((Column("photo", "image", (8, 8)),)), np.random.default_rng(0)
    pixels = rng.uniform(0, 4, size=(120, 8, 8))
    said = [("dark", "lit")[n] for n in rng.integers(2, size=120)]
    pixels[[label == "lit" for label in said], :2, 6:] = 16
    frame = intake.decode([intake.encode_one([row.ravel().round(2).tolist()], schema) for row in pixels], schema)
    params = {"path": "sklearn.neighbors.KNeighborsClassifier"} if name == "knn" else QUICK.get(name, {})
    builder = BUILDERS["own_estimator" if name == "knn" else name]
    model = fit(builder(schema, 0, params), frame, said, np.ones(120))
    found = Explainer(model, schema, ("dark", "lit"), frame, 0, builder.explain).explain(
        frame.iloc[[said.index("lit")]], "lit"
    )
    heat = np.array(found.details[0].heat)
    corner = heat[: len(heat) // 4, -len(heat) // 4 :].sum()
    assert corner > 0.8 * heat.sum() > 0


def test_a_label_the_model_has_not_learned_has_no_effects():
    _, frame, explainer = words_model("logistic_regression")
    assert explainer.explain(frame.iloc[[0]], "milk") == Explanation(
        "milk", "sampled", "probability", 0.0, 0.0, (Effect("order", 0.0),)
    )


# -- in words ------------------------------------------------------------------------------------------------------

FLOWER = Schema((Column("petal width", "number"), Column("colour", "category"), Column("note", "text")))


def explanation(*amounts, **fields):
    effects = tuple(Effect(name, amount) for name, amount in zip(FLOWER.names, amounts, strict=True))
    return Explanation("setosa", "linear", "log-odds", 0.5, 0.5 + sum(amounts), effects, **fields)


@pytest.mark.parametrize(
    ("amounts", "values", "said"),
    [
        (
            (2.0, 1.0, -0.5),
            [0.2, "red", "x"],
            "petal width 0.2 and colour red push towards setosa; the text in note pushes away from it.",
        ),
        (
            (0.1, -1.0, 0.0),
            [0.2, None, "x"],
            "petal width 0.2 pushes towards setosa; colour missing pushes away from it.",
        ),
        ((-1.0, 0.0, 0.0), [None, "red", "x"], "petal width missing pushes away from setosa."),
        (
            (0.0, 0.0, 0.0),
            [0.2, "red", "x"],
            "No column moves this prediction: setosa is as likely as for any other row.",
        ),
    ],
)
def test_the_sentence_names_what_pushes_which_way(amounts, values, said):
    assert explain.sentence(explanation(*amounts), FLOWER, values) == said


# -- of an item ----------------------------------------------------------------------------------------------------


def test_an_item_is_explained_by_the_serving_version_with_its_labelled_neighbours(trained):
    item = trained.store.items.many(trained.store.items.open_ids(trained.project.id))[0]
    found = explained(trained, item)
    assert (found.version, found.explanation.label, len(found.nearest)) == (1, item.predicted, 3)
    strongest = max(item.values, key=abs)
    assert found.explanation.strongest[0].column == trained.project.schema.names[item.values.index(strongest)]


def test_what_is_prepared_for_a_version_is_prepared_once(trained, monkeypatch):
    made = []
    monkeypatch.setattr("feedback_core.explaining.Explainer", lambda *given: made.append(given) or Explainer(*given))
    items = trained.store.items.many(trained.store.items.open_ids(trained.project.id))
    explained(trained, items[0])
    explained(trained, items[1])
    assert len(made) == 1


def test_an_audit_item_is_not_explained_before_it_is_reviewed(trained):
    item = trained.store.items.many(trained.store.items.open_ids(trained.project.id))[0]
    with pytest.raises(Refused, match="audit sample"):
        explained(trained, replace(item, audit=True))


def test_without_a_version_there_is_nothing_to_explain(loop):
    item = loop.store.items.many(loop.store.items.open_ids(loop.project.id))[0]
    with pytest.raises(NotFound, match="Retrain page"):
        explained(loop, item)


@pytest.fixture
def client(store):
    from starlette.testclient import TestClient

    from feedback_core.api import create_api

    return TestClient(create_api(store.url), raise_server_exceptions=False, headers={"X-Feedback-User": "ana"})


def test_rest_says_why_by_the_items_key(trained, client):
    item = trained.store.items.many(trained.store.items.open_ids(trained.project.id))[0]
    answer = client.get(f"/projects/{trained.project.id}/items/{item.key}/explanation").json()
    assert (answer["key"], answer["version"], answer["label"], answer["way"]) == (item.key, 1, item.predicted, "linear")
    assert answer["base"] + sum(each["amount"] for each in answer["effects"]) == pytest.approx(answer["output"])
    assert {each["column"]: each["value"] for each in answer["effects"]} == dict(
        zip(("x0", "x1"), item.values, strict=True)
    )
    assert [near["label"] for near in answer["nearest"]] == [item.predicted] * 3


def test_rest_keeps_what_is_hidden_hidden_and_knows_keys_with_a_slash(store, clock, client):
    from feedback_core.types import Rows

    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(100)[0], "test")
    fresh = [intake.encode_one([0.5, float(n)], loop.project.schema) for n in range(2)]
    loop.add_items(Rows(fresh, ["shop/17", "a b"], [None, None]), "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    base = f"/projects/{loop.project.id}/items"
    assert client.get(f"{base}/shop%2F17/explanation").json()["key"] == "shop/17"
    missing = client.get(f"{base}/nowhere/explanation")
    assert (missing.status_code, missing.json()["detail"]) == (
        404, "points has no item 'nowhere': give the key that it came with, or was given.",
    )  # fmt: skip
    draw = loop.draw("ben")
    hidden = client.get(f"{base}/{loop.store.items.get(draw.item_id).key.replace('/', '%2F')}/explanation")
    assert (draw.blind, hidden.status_code) == (True, 409)
    assert "stay hidden" in hidden.json()["detail"]


def test_the_command_line_says_why(trained, monkeypatch, capsys):
    from feedback_core.cli import app

    item = trained.store.items.many(trained.store.items.open_ids(trained.project.id))[0]
    app(["explain", item.key, "--database", trained.store.url], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Version 1 predicts {item.predicted}."
    assert lines[1] == explained(trained, item).sentence
    assert lines[-1].startswith("Like ")


def test_predictions_says_why_and_shows_what_it_is_like(trained, page):
    app = page("predictions")
    items = trained.store.items.page(trained.project.id, ItemFilter(), sort="priority", limit=100)
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    found = explained(trained, items[0])
    assert f"Why version 1 says {items[0].predicted}" in [each.value for each in app.subheader]
    assert plain(found.sentence) in [each.value for each in app.markdown]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_the_values_that_boosting_libraries_give_sum_to_their_score(library, k):
    module = pytest.importorskip(library)
    from feedback_core.explain.boosters import own_values_of

    X, y = data(k=k)
    codes = np.searchsorted(LABELS, y)
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    kind = module.LGBMClassifier if library == "lightgbm" else module.XGBClassifier
    model = kind(n_estimators=5, n_jobs=1, **quiet).fit(X, codes)
    own = own_values_of(model)
    scores = np.log(model.predict_proba(X[:1])[0])
    found = [own(X[:1], label) for label in range(k)]
    assert [len(each) for each in found] == [7] * k
    # Two classes share one score of opposite sign; of several, only differences of scores are probabilities.
    wanted = scores[1] - scores[0]
    assert found[1].sum() - (0 if k == 2 else found[0].sum()) == pytest.approx(wanted, abs=1e-4)
    if k == 2:
        assert found[0] == pytest.approx(-found[1])


@pytest.mark.parametrize("name", ["logistic regression", "random forest", "boosted trees", "neural network"])
def test_without_the_columns_it_names_the_prediction_changes_more_than_without_others(name):
    from benchmarks.explain import columns, measured, table

    assert measured(table(300, 6), name, columns)["deletion_ratio_to_random"] > 1.5


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_boosting_libraries_as_models_of_a_project_are_read_exactly(name):
    pytest.importorskip(name)
    builder = BUILDERS[name]
    frame, rng = frame_of(SCHEMAS["mixed"], 60, seed=0), np.random.default_rng(1)
    said = [LABELS[k] for k in rng.integers(3, size=60)]
    model = fit(builder(SCHEMAS["mixed"], 3, {"n_estimators": 4}), frame, said, np.ones(60))
    explainer = Explainer(model, SCHEMAS["mixed"], LABELS, frame, 0, builder.explain)
    scores = [explainer.explain(frame.iloc[[5]], label) for label in LABELS]
    assert [found.way for found in scores] == ["tree"] * 3
    odds = np.exp([found.output for found in scores])
    assert odds / odds.sum() == pytest.approx(model.predict_proba(frame.iloc[[5]])[0], abs=1e-4)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_of_two_classes_a_boosting_library_gives_the_log_odds(name):
    pytest.importorskip(name)
    frame, rng = frame_of(SCHEMAS["mixed"], 60, seed=0), np.random.default_rng(1)
    two = LABELS[:2]
    said = [two[k] for k in rng.integers(2, size=60)]
    model = fit(BUILDERS[name](SCHEMAS["mixed"], 3, {"n_estimators": 4}), frame, said, np.ones(60))
    explainer = Explainer(model, SCHEMAS["mixed"], two, frame, 0, BUILDERS[name].explain)
    ((first, second),) = model.predict_proba(frame.iloc[[5]])
    assert explainer.explain(frame.iloc[[5]], two[1]).output == pytest.approx(np.log(second / first), abs=1e-4)
    assert explainer.explain(frame.iloc[[5]], two[0]).output == pytest.approx(np.log(first / second), abs=1e-4)


# -- on cards ------------------------------------------------------------------------------------------------------


def test_a_card_says_why_in_the_words_of_the_opened_item_and_a_hidden_one_says_nothing(trained):
    items = trained.store.items.many(trained.store.items.open_ids(trained.project.id))[:5]
    found = reasons(trained, [replace(items[0], audit=True), *items[1:]])
    assert found == {item.id: explained(trained, item).sentence for item in items[1:]}
    assert reasons(trained, [replace(items[0], version_id=99)]) == {}


def test_a_model_that_would_have_to_be_asked_leaves_its_cards_without_reasons(store, clock):
    params = {"path": "sklearn.naive_bayes.GaussianNB"}
    loop = make_loop(store, clock, estimator="own_estimator", params=params)
    loop.add_items(rows(100)[0], "test")
    loop.add_items(rows(20, seed=1, labelled=False)[0], "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    items = store.items.many(store.items.open_ids(loop.project.id))
    assert reasons(loop, items) == {}
    assert explained(loop, items[0]).explanation.way == "sampled"


@pytest.mark.parametrize("kind", ["matrix", "text", "onnx"])
def test_a_model_from_a_file_is_explained_by_asking_it_and_its_cards_open(store, kind):
    schema = Schema((Column("said", "text"),)) if kind == "text" else Schema((Column("x0", "number"),))
    values = ["good soup" if n % 2 else "bad soup" for n in range(60)] if kind == "text" else np.linspace(-1, 1, 60)
    labels = ["a" if n % 2 else "b" for n in range(60)] if kind == "text" else ["ab"[n >= 30] for n in range(60)]
    loop = Loop(store, create_project(store, kind, schema, ("a", "b"), actor="test"))
    bodies = [encode_one([value], schema) for value in values]
    loop.add_items(Rows(bodies, list(map(str, range(60))), [*labels[:20], None, None, *labels[22:]]), "test")
    X = list(values) if kind == "text" else values.reshape(-1, 1).astype(np.float32)
    model = make_pipeline(*([CountVectorizer()] if kind == "text" else []), LogisticRegression()).fit(X, labels)
    if kind == "onnx":
        converted = pytest.importorskip("skl2onnx").to_onnx(model, X[:2], options={"zipmap": False})
        brought.model(loop, converted.SerializeToString(), "m.onnx", "test")
    else:
        loop.request_judgement(loop.import_model(model, "test"), "test")
    for _ in range(2):  # judged, promoted as the first one, and asked about the pool
        assert run_next(store, "test", loop.clock).state == "done"
    (item, _) = store.items.many(store.items.open_ids(loop.project.id))
    assert reasons(loop, [item]) == {}
    told = explained(loop, item).explanation
    assert (told.way, told.label) == ("sampled", item.predicted)
    assert told.base + sum(each.amount for each in told.effects) == pytest.approx(told.output, abs=1e-6)


# -- of a refinement -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3])
def test_influence_is_what_a_refit_without_the_row_shows(k):
    """Closed form against refits, on the margin of one item: the same order, and about the same size."""
    rng = np.random.default_rng(0)
    X, item = rng.normal(size=(60, 3)), rng.normal(size=(1, 3))
    y = np.argmax(X @ rng.normal(size=(3, k)) + rng.normal(size=(60, k)), axis=1)

    def fitted(rows):
        return LogisticRegression(C=0.5, tol=1e-10, max_iter=5_000).fit(X[rows], y[rows])

    def margin(model):
        return np.diff(np.log(model.predict_proba(item)[0])[:2])[0]

    model = fitted(np.arange(60))
    proba, towards, away = model.predict_proba(X), np.array([1]), np.array([0])
    found = influence.pulls(X, proba, np.ones(60), 2.0, np.eye(k)[y] - proba, item, towards, away)[0]
    exact = [margin(model) - margin(fitted(np.delete(np.arange(60), left))) for left in range(60)]
    assert spearmanr(found, exact).statistic > 0.97
    assert np.polyfit(exact, found, 1)[0] == pytest.approx(1, abs=0.2)


def second_version(loop):
    """A version that has learned 40 labels of ana besides, the other way round where x0 is above zero."""
    for _ in range(40):
        draw = loop.draw("ana")
        item = loop.store.items.get(draw.item_id)
        said = "a" if item.values[0] > 0 or sum(item.values) < 0 else "b"
        loop.record(Decision(item.id, "ana", "correct", said, item.version_id, draw_id=draw.id))
    version = loop.retrain("test")
    loop.judge(version)
    return version


def studied(loop, version):
    job = loop.request_study("effects", "ana", version)
    assert run_next(loop.store, "w", loop.clock, only=job.id).error is None
    return loop.store.studies.newest(loop.project.id, "effects", version.id).body


def test_labels_that_teach_another_rule_are_found_and_proven_by_a_refit(trained):
    body = studied(trained, version := second_version(trained))
    x0 = {row["column"]: row for row in body["moved"]}["x0"]
    assert x0["clear"]
    assert x0["after"] < x0["before"]  # b no longer follows from a large x0
    assert body["changed"]["n"] == sum(flow["n"] for flow in body["changed"]["flows"])
    assert body["changed"]["flows"][0]["after"] == "a"
    pulled = body["pulled"]
    assert pulled["distinguishable"]
    assert (len(pulled["labels"]), pulled["new_labels"], pulled["how"].split()[0]) == (12, 40, "closed-form")
    assert all((row["label"], row["by"]) == ("a", "ana") for row in pulled["labels"])
    assert pulled["back"] > pulled["most_at_random"]
    html = trained.report_html(trained.store.versions.verdict_on(version))
    assert "<h2>What moved</h2>" in html
    assert all(sentence.split(":")[0] in html for sentence in movement.told(body))


def test_the_report_on_the_page_shows_what_moved_once_it_was_asked_for(trained, page):
    version = second_version(trained)
    app = page("retrain")
    key = f"effects-open-{version.id}"
    app.button(key=key).click().run()
    assert not app.exception
    assert app.button(key=key).disabled
    (job,) = [job for job in trained.store.jobs.live(trained.project.id) if job.kind == "effects"]
    run_next(trained.store, "w", trained.clock, only=job.id)
    app.run()
    assert not app.exception
    body = trained.store.studies.newest(trained.project.id, "effects", version.id).body
    assert {plain(sentence) for sentence in movement.told(body)} <= {each.value for each in app.markdown}


def test_where_nothing_pulled_harder_than_chance_it_says_so():
    found = {"labels": [{}] * 12, "new_labels": 40, "items": 10, "back": 2, "back_at_random": 1.5, "most_at_random": 3,
             "gap": {"value": 0.05, "low": -0.1, "high": 0.2}, "distinguishable": False}  # fmt: skip
    body = {"parent": 1, "version": 2, "moved": [], "looked_at": 100, "pulled": found,
            "changed": {"n": 10, "flows": [{"before": "a", "after": "b", "n": 10}]}}  # fmt: skip
    assert movement.told(body) == [
        "It says something else about 10 of 100 rows: 10 from a to b.",
        "Not distinguishable: no small group of the 40 new labels can be told to have pulled them. Trained without the "
        "12 strongest, 2 of 10 would be answered otherwise; without 12 other new labels, drawn at random, 1.5 on "
        "average and 3 at most.",
    ]
