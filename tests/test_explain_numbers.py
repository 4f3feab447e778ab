"""Explanations of numbers and of alarms: they sum to what the model says, are exact, and name what moves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from feedback_core import explain, intake, movement
from feedback_core.explain import Effect, Explainer, Explanation, Number, Piece
from feedback_core.explain.alarms import alarm_reader
from feedback_core.explain.explanation import Detail
from feedback_core.explain.tree_shapley import TreeShapley
from feedback_core.explain.trees import trees_of
from feedback_core.explaining import explained, reasons
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS
from feedback_core.models.iforest_feedback import FeedbackIForest
from feedback_core.models.knn_feedback import FeedbackNeighbours
from feedback_core.tasks import TASKS
from feedback_core.types import Column, Decision, Rows, Schema
from feedback_core.unusual import Usual
from tests.conftest import TWO_NUMBERS
from tests.conftest import page as page
from tests.test_anomaly import cloud, said, unanswered
from tests.test_explain import enumerated, expectation, studied
from tests.test_models import QUICK, SCHEMAS, frame_of

LAB = Schema((Column("bmi", "number"), Column("age", "number"), Column("note", "text")))


# -- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(3, max_depth=5, random_state=0),
        HistGradientBoostingRegressor(max_iter=4, max_depth=4, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_values_of_trees_that_say_numbers_are_those_of_the_definition(model):
    X = np.random.default_rng(0).normal(size=(150, 6)).round(2)
    model.fit(X, 100 + 10 * X[:, 0] + 5 * X[:, 1] * X[:, 2])
    trees, owner = trees_of(model), np.array([0, 0, 1, 2, 3, 3])
    roots = sorted(set(range(len(trees.feature))) - set(trees.left) - set(trees.right))
    found = TreeShapley(trees, 0, owner, 4)

    def value(known):
        return sum(expectation(trees, root, X[3], known, owner, 0) for root in roots) + trees.offset[0]

    assert found.of(X[3]) == pytest.approx(enumerated(4, value), abs=1e-9)
    assert found.base == pytest.approx(value(set()))
    assert found.base + found.of(X[3]).sum() == pytest.approx(model.predict(X[3:4])[0])


def test_boosting_whose_sum_is_a_logarithm_is_not_read_as_a_number():
    X = np.random.default_rng(0).normal(size=(60, 2))
    assert trees_of(HistGradientBoostingRegressor(loss="poisson", max_iter=2).fit(X, np.exp(X[:, 0]))) is None


OWN = {"own_estimator": {"path": "sklearn.neighbors.KNeighborsRegressor"}, "sgd": {"max_iter": 20, "tol": None}}
NAMES = ("ridge", "sgd", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "own_estimator")


@pytest.mark.parametrize("kind", ["mixed", "text"])
@pytest.mark.parametrize("name", NAMES)
def test_base_and_effects_sum_to_the_number_a_model_says(name, kind):
    if not BUILDERS[name].installed:
        pytest.skip("not installed")
    schema = SCHEMAS[kind]
    own = OWN.get(name) or QUICK.get(name, {})
    frame, truth = frame_of(schema, 60, seed=0), 500 + 80 * np.random.default_rng(1).normal(size=60)
    model = BUILDERS[name](schema, 3, own, "regression")
    model = TASKS["regression"].fit(model, frame, [str(each) for each in truth], np.ones(60))
    explainer = Explainer(model, schema, Number("mg/dl"), frame.iloc[:40], 0, BUILDERS[name].explain)
    row = frame.iloc[[50]]
    found = explainer.explain(row, "500")
    assert (found.unit, found.measure, found.exact) == ("number", "mg/dl", name != "own_estimator")
    assert found.base + sum(effect.amount for effect in found.effects) == pytest.approx(found.output)
    assert found.output == pytest.approx(float(model.predict(row)[0]), rel=1e-4)
    assert explainer.explain(row, "500") == found


def number(*amounts, **fields):
    effects = tuple(Effect(name, amount) for name, amount in zip(LAB.names, amounts, strict=True))
    return Explanation("152", "linear", "number", 150.0, 150 + sum(amounts), effects, measure="mg/dl", **fields)


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        ((12.4, -3.14, 0.0), "bmi 32.1 adds 12.4 mg/dl; age 22 takes away 3.14 mg/dl."),
        ((12.4, 6.2, 1.5), "bmi 32.1 adds 12.4 mg/dl, age 22 adds 6.2 mg/dl and the text in note adds 1.5 mg/dl."),
        ((0.0, 0.0, -1234.5), "The text in note takes away 1,230 mg/dl."),
        ((0.0, 0.0, 0.0), "No column moves this prediction: it is what the model says on average."),
    ],
)
def test_a_number_is_told_by_what_each_column_adds_to_it(amounts, told):
    assert explain.sentence(number(*amounts), LAB, [32.1, 22, "x"]) == told


def test_a_number_said_of_a_text_is_told_by_its_words():
    words = Detail("note", words=(Piece(0, 5, 0.5), Piece(6, 10, -0.2), Piece(11, 16, 0.25)))
    found = Explanation("4", "linear", "number", 3.0, 3.55, (Effect("note", 0.55),), (words,), measure="stars")
    said = explain.sentence(found, Schema((Column("note", "text"),)), ["great slow great"])
    assert said == "“great” adds 0.75 stars; “slow” takes away 0.2 stars."


def test_a_number_said_of_a_text_of_unknown_words_is_told_by_the_text_as_a_whole():
    words = Detail("note", words=(Piece(0, 5, 0.0),), rest=-40.0)
    found = Explanation("60", "linear", "number", 100.0, 60.0, (Effect("note", -40.0),), (words,), measure="stars")
    said = explain.sentence(found, Schema((Column("note", "text"),)), ["qwxzy"])
    assert said == "The text in note takes away 40 stars."


def test_the_totals_and_amounts_of_a_number_carry_its_unit():
    assert explain.total(number(2.0, 0, 0)) == (
        "150 mg/dl on average of the rows it has learned from, 152 mg/dl for this item."
    )
    assert explain.method(number(2.0, 0, 0)) == "Exact, from the model's coefficients. Amounts are in mg/dl."
    assert [explain.amount(each, "number", "mg/dl") for each in (12.44, -0.5)] == ["+12.4 mg/dl", "−0.5 mg/dl"]


@pytest.mark.parametrize(
    ("heat", "told"),
    [
        ([[0, 0, 2], [0, -1, 0], [0, 0, 0]], "The upper right of the picture pushes most towards 7; "
         "the middle pushes most away from it."),
        ([[0, 0, 0], [0, 0, 0], [0, -1, 0]], "The lower part of the picture pushes most away from 7."),
        ([[0, 0], [0, 0]], "No part of the picture moves this prediction: 7 is as likely as for any other."),
    ],
)  # fmt: skip
def test_a_picture_is_told_by_the_part_that_pushes_most(heat, told):
    schema = Schema((Column("image", "image", (3, 3)),))
    grid = tuple(map(tuple, heat))
    effect = Effect("image", float(np.sum(heat)) or 1e-9)
    found = Explanation("7", "linear", "log-odds", 0.0, 1.0, (effect,), (Detail("image", heat=grid),))
    assert explain.sentence(found, schema, ["pic"]) == told
    bare = Explanation("7", "linear", "log-odds", 0, 1, (Effect("image", 1),))
    assert explain.sentence(bare, schema, ["pic"]) == "The picture pushes towards 7."


# -- alarms --------------------------------------------------------------------------------------------------------

DETECTORS = pytest.mark.parametrize("kind", [FeedbackIForest, FeedbackNeighbours])


def detector(kind, n=200):
    X, truth = cloud(n=n)
    y, asked = unanswered(len(X)), [0, n + 5, n + 44, n + 48]
    y[asked] = said(truth[asked])
    return X, kind(n_estimators=15, random_state=0).fit(X, y, n_background=n)


@DETECTORS
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_columns_and_answers_sum_to_the_score_of_a_detector(kind, seed):
    X, model = DETECTED.setdefault(kind, detector(kind))
    owner = np.array([0, 0, 1, 2])  # columns made of two numbers, of one
    reader = alarm_reader(model, X[:100], owner, 3)
    row = np.random.default_rng(seed).normal(size=(1, 4)) * np.random.default_rng(seed).choice([0.3, 1, 6])
    told = reader.base(1) + reader.columns(row, 1).sum() + reader.answers(row)
    assert told == pytest.approx(model.decision_function(row)[0], abs=1e-5)
    assert reader.features(row, 1).sum() == pytest.approx(reader.columns(row, 1).sum(), abs=1e-9)


DETECTED: dict[type, tuple] = {}


@DETECTORS
def test_the_value_that_lies_far_out_is_the_one_that_stands_out(kind):
    X, model = detector(kind)
    reader = alarm_reader(model, X[:100], np.arange(4), 4)
    for column in range(4):
        row = np.zeros((1, 4))
        row[0, column] = 6.0
        amounts = reader.columns(row, 1)
        assert amounts.argmax() == column
        assert amounts[column] > 0.5 * np.abs(amounts).sum()


def test_an_alarm_is_told_by_what_stands_out_beside_what_is_usual():
    schema = Schema((Column("amount", "number"), Column("land", "category"), Column("hour", "number")))
    usual = (Usual("number", 20, 180, {}, 0.0), Usual("category", 0, 0, {"DE": 0.004, "FR": 0.996}, 0.0), None)
    effects = (Effect("amount", 0.6), Effect("land", 0.2), Effect("hour", -0.1))
    found = Explanation("anomaly", "tree", "score", -0.4, 0.8, effects, answers=0.5)
    assert explain.sentence(found, schema, [9120, "DE", 12], usual) == (
        "amount 9120 (usually 20 to 180) and land DE (in 0.4% of the rows) make it stand out; hour 12 is as usual. "
        "Answers about rows like it speak for an alarm."
    )
    inside = (Usual("number", 20, 9_500, {}, 0.0, 60.0), *usual[1:])
    assert explain.sentence(found, schema, [9120, "DE", 12], inside).startswith("amount 9120 (typically 60) and land")
    quiet = Explanation("anomaly", "tree", "score", -0.4, -0.4, tuple(Effect(c, 0.0) for c in schema.names))
    assert explain.sentence(quiet, schema, [1, "FR", 2], usual) == "No value makes it stand out."
    assert explain.total(found) == (
        "Alarm score: -0.40 for a usual row, +0.80 for this one; of it +0.50 from answers about rows like it."
    )


@pytest.fixture
def alarms(store, clock):
    """A detector in service over 300 rows of two numbers; ana has said that two strange ones are none."""
    wanted = TASKS["anomaly"].defaults()
    wanted = replace(wanted, params={"n_estimators": 25})
    project = create_project(store, "alarms", TWO_NUMBERS, (), wanted, actor="test", task="anomaly")
    loop = Loop(store, project, clock=clock)
    rng = np.random.default_rng(0)
    inputs = [[float(a), float(b)] for a, b in rng.normal(size=(290, 2)).round(3)] + [
        [8.0, float(n)] for n in range(10)
    ]
    bodies = [intake.encode_one(row, TWO_NUMBERS) for row in inputs]
    loop.add_items(Rows(bodies, [f"k{n}" for n in range(300)], [None] * 300), "test")
    for again in range(2):
        version = loop.retrain("test")
        loop.judge(version)
        loop.promote(version, "test", "by hand")
        loop.predict()
        for key in ("k299", "k298") if not again else ():
            item = store.items.by_key(loop.project.id, key)
            loop.record(Decision(item.id, "ana", "correct", "normal", version_id=item.version_id))
    return loop


def test_an_alarm_of_a_project_is_explained_with_the_answers_that_pull_it(alarms):
    item = alarms.store.items.by_key(alarms.project.id, "k297")
    found = explained(alarms, item)
    told = found.explanation
    assert (told.label, told.unit, told.way) == ("anomaly", "score", "tree")
    assert told.strongest[0].column == "x0"
    assert found.sentence.startswith("x0 8 (")
    assert {alarms.store.items.keys([pull.item_id])[pull.item_id] for pull in found.pulls} == {"k298", "k299"}
    assert told.answers == pytest.approx(sum(pull.amount for pull in found.pulls), abs=1e-9)
    assert told.base + sum(each.amount for each in told.effects) + told.answers == pytest.approx(told.output)
    assert reasons(alarms, [item]) == {item.id: found.sentence}
    assert explained(alarms, item, "normal").explanation == told, "nobody asks what makes a row normal"


def test_rows_of_equal_score_share_their_place():
    from feedback_core.studies.alarm_moves import _places

    assert _places(np.array([0.5, 0.9, 0.5, 0.1])).tolist() == [2, 1, 2, 4]


def test_predictions_shows_what_makes_a_row_stand_out(alarms, page):
    app = page("predictions")
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    assert any(each.value.startswith("What makes it stand out") for each in app.subheader)
    assert any("make" in each.value and "stand out" in each.value for each in app.markdown)


# -- of a refinement -----------------------------------------------------------------------------------------------


def dosed(store, clock, versions):
    """A ridge regression that has not learned that x1 counts, and forty numbers of ben's that say so, or two versions
    of it: before and after them."""
    wanted = replace(TASKS["regression"].defaults(), estimator="ridge", params={}, unit="mg", tolerance=1.0)
    wanted = replace(wanted, audit_share=0.0, blind_share=0.0)
    project = create_project(store, "doses", TWO_NUMBERS, (), wanted, actor="test", task="regression", salt=1)
    loop = Loop(store, project, clock=clock, rng=np.random.default_rng(0))
    points = np.random.default_rng(0).normal(size=(200, 2)).round(3)
    said = [None if n >= 90 else intake.number_text(round(50 + 10 * row[0], 2)) for n, row in enumerate(points)]
    bodies = [intake.encode_one(row.tolist(), TWO_NUMBERS) for row in points]
    loop.add_items(Rows(bodies, [f"k{n}" for n in range(200)], said), "test")
    for number in range(1, versions + 1):
        version = loop.retrain("test")
        loop.judge(version)
        loop.promote(version, "test", "by hand")
        loop.predict()
        for n in range(90, 130) if number == 1 else ():
            item = store.items.by_key(loop.project.id, f"k{n}")
            dose = round(50 + 10 * points[n, 0] + 30 * points[n, 1], 2)
            loop.record(Decision(item.id, "ben", "correct", str(dose), version_id=item.version_id))
    return loop


@pytest.fixture
def doses(store, clock):
    return dosed(store, clock, 2)


def test_what_moved_in_a_version_that_says_numbers_is_told_in_their_unit(doses):
    version = doses.store.versions.champion(doses.project.id)
    body = studied(doses, version)
    (first, *_) = body["moved"]
    assert (body["unit"], body["measure"], first["column"], first["clear"]) == ("number", "mg", "x1", True)
    assert first["after"] > first["before"] + 3
    assert body["changed"]["n"] == len(body["changed"]["items"]) or body["changed"]["n"] > 50
    assert {curve["label"] for curve in body["curves"]} == {""}
    told = movement.told(body)
    assert told[0].startswith("Against version 1 it goes more by x1")
    assert "moved by more than 1 mg" in told[1]
    assert "would go back at least half the way" in told[2]
    html = doses.report_html(doses.store.versions.verdict_on(version))
    assert "the mean size of what it adds to a prediction (mg)" in html


def test_the_answers_that_moved_alarms_are_told_with_the_places_they_moved(alarms):
    body = studied(alarms, alarms.store.versions.champion(alarms.project.id))
    assert body["unit"] == "score"
    assert not any(row["clear"] for row in body["moved"])  # the forest is the same, only answers came in
    assert all(row["after"] < row["before"] for row in body["changed"]["up"])
    assert {row["key"] for row in body["pulled"]["labels"]} == {"k298", "k299"}
    assert all(
        (row["label"], row["by"], row["adds"] > 0) == ("normal", "ana", True) for row in body["pulled"]["labels"]
    )
    assert {row["key"] for row in body["changed"]["down"]} & {f"k{n}" for n in range(290, 298)}
    assert "Furthest down the ranking: k" in movement.told(body)[1]


# -- several labels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_each_of_several_labels_is_explained_by_its_own_classifier(name):
    schema = SCHEMAS["numbers"]
    frame, rng = frame_of(schema, 60, seed=0), np.random.default_rng(1)
    texts = [("(none)", "a", "b", "a; b")[n] for n in rng.integers(4, size=60)]
    model = TASKS["multilabel"].fit(
        BUILDERS[name](schema, 3, QUICK.get(name, {}), "multilabel"), frame, texts, np.ones(60)
    )
    ready = Explainer(model, schema, ("a", "b", "never"), frame, 0, BUILDERS[name].explain)
    row = frame.iloc[[7]]
    for k, label in enumerate("ab"):
        found = ready.explain(row, label)
        assert found.exact
        assert found.base + sum(effect.amount for effect in found.effects) == pytest.approx(found.output)
        share = found.output if found.unit == "probability" else 1 / (1 + np.exp(-found.output))
        assert share == pytest.approx(model.predict_proba(row)[0, k])
    assert not any(effect.amount for effect in ready.explain(row, "never").effects)
